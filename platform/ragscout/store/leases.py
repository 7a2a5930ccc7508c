"""Signs of life: one thread of this process renews what all of its owners hold, in every ledger that they use."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Protocol

from ragscout.model.errors import StoreError

LEASE = 60.0
"""Seconds that a claim or a reservation lasts without a sign of life."""
BEATS = 4
"""Signs of life in the time of one lease."""

log = logging.getLogger(__name__)


class Renewing(Protocol):
    """The part of a ledger that takes signs of life."""

    def renew(self, owners: Collection[str], seconds: float) -> None:
        """Let everything that these owners hold last some seconds from now on."""
        ...


class LeaseTimer:
    """Renews leases of any number of owners from one thread, which runs only while there are any."""

    def __init__(self, lease: float = LEASE) -> None:
        """Args: lease = seconds."""
        self.lease = lease
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget everything: a forked process has no thread but its own, and holds nothing yet."""
        self._changed = threading.Condition()
        self._kept: Counter[tuple[Renewing, str]] = Counter()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def kept(self, ledger: Renewing, owner: str) -> Iterator[None]:
        """Keep what an owner holds alive while the context lasts."""
        self.keep(ledger, owner)
        try:
            yield
        finally:
            self.let_go(ledger, owner)

    def keep(self, ledger: Renewing, owner: str) -> None:
        """Begin to renew; every call wants its ``let_go``."""
        with self._changed:
            self._kept[ledger, owner] += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._live, name="ragscout leases", daemon=True)
                self._thread.start()

    def let_go(self, ledger: Renewing, owner: str) -> None:
        """End what ``keep`` began."""
        with self._changed:
            self._kept[ledger, owner] -= 1
            self._kept = +self._kept
            self._changed.notify_all()

    def _live(self) -> None:
        while True:
            with self._changed:
                # the lock is held until the thread has said that it is gone: an owner that comes later starts another
                if self._changed.wait_for(lambda: not self._kept, timeout=self.lease / BEATS):
                    self._thread = None
                    return
                kept: dict[Renewing, list[str]] = {}
                for ledger, owner in self._kept:
                    kept.setdefault(ledger, []).append(owner)
            for ledger, owners in kept.items():
                try:
                    ledger.renew(owners, self.lease)
                except StoreError as error:
                    log.debug("leases were not renewed, the next beat tries again: %s", error)


TIMER = LeaseTimer()
"""The timer of this process."""


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=TIMER.begin_anew)
