"""That one process alone proposes rounds of a sweep; others may compute for it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from platform import node

from ragscout.engine.runtime import owners_of
from ragscout.model.errors import StoreError
from ragscout.store.ledger import Ledger

LEASE = 60.0
"""Seconds after which a sweep whose process died may be taken over."""
HOLDER = "sweep in process "


class Hold:
    """The claim of this process on a sweep, ``name`` as people call it."""

    def __init__(self, ledger: Ledger, sweep: str, name: str) -> None:
        self._ledger, self._claim, self._name = ledger, f"sweep:{sweep}", name
        self._owner = f"{HOLDER}{os.getpid()} on {node()}"

    @contextmanager
    def taken(self) -> Iterator[None]:
        """While it lasts no other process runs this sweep. What a killed process of this machine held is free at once.

        Raises:
            StoreError: another process runs this sweep.
        """
        holder = self._ledger.claimant(self._claim)
        if holder is not None and (process := _gone(holder)):
            self._ledger.release(self._claim, holder)
            self._ledger.forget(owners_of(process))
        if not self._ledger.claim(self._claim, self._owner, LEASE):
            holder = self._ledger.claimant(self._claim)
            raise StoreError(
                f"{self._name}: this sweep is already running; got a claim held by {holder}. "
                f"Wait for it, or if that process is gone try again in {LEASE:.0f} seconds."
            )
        try:
            yield
        finally:
            self._ledger.release(self._claim, self._owner)

    async def beat(self) -> None:
        """Renew the lease until cancelled."""
        while True:
            await asyncio.sleep(LEASE / 4)
            self._ledger.renew(self._owner, LEASE)


def _gone(holder: str) -> int:
    """Number of the process of this machine that held a claim and was killed: its leases need not be waited for. 0
    when it lives, or where that cannot be seen."""
    number, _, machine = holder.removeprefix(HOLDER).partition(" on ")
    if os.name != "posix" or not holder.startswith(HOLDER) or machine != node() or not number.isdigit():
        return 0
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return int(number)
    except OSError:
        pass  # it lives, and is somebody else's
    return 0
