"""The claim of this process on a sweep, so that only one process proposes its rounds; others may compute for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager

from ragscout.model.errors import StoreError
from ragscout.store.claims import claim_of
from ragscout.store.leases import TIMER
from ragscout.store.ledger import Ledger
from ragscout.store.owners import new_owner, shown


class Claim:
    """The claim of this process on a sweep. ``fence`` is its number while it is taken: what is written under an older
    one is refused, so that a process that was suspended past its lease writes nothing beside the one that took over.
    """

    def __init__(self, ledger: Ledger, sweep: str, name: str) -> None:
        """Args: name = what people call the sweep."""
        self._ledger, self._sweep, self._name = ledger, sweep, name
        self.fence = 0

    @contextmanager
    def taken(self) -> Iterator[Claim]:
        """Hold the claim while the context lasts; no other process runs this sweep meanwhile.

        What killed processes of this machine held in the store is freed first, whatever they held.

        Raises:
            StoreError: another process runs this sweep.
        """
        name, owner = claim_of(self._sweep), new_owner("sweep")
        self._ledger.forget_dead()
        fence = self._ledger.claim_sweep(self._sweep, owner, TIMER.lease)
        if fence is None:
            holder = self._ledger.claimant(name)
            raise StoreError(
                f"{self._name}: this sweep is already running in {shown(holder or 'another process')}. Wait for it, "
                f"or if that process is gone try again in {TIMER.lease:.0f} seconds."
            )
        self.fence = fence
        try:
            with TIMER.kept(self._ledger, owner):
                yield self
        finally:
            # a claim that cannot be given back is free once this process has ended
            with contextlib.suppress(StoreError):
                self._ledger.release(name, owner)
