"""Once a second a running sweep hears what others want of it, and says how far it is.

Other processes read and write two rows of the ledger: the control row says what is wanted, the progress row how far the
sweep is. Only the holder of the claim writes the progress row, under its fence.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from ragscout.engine.cancel import CancelToken
from ragscout.engine.journal import SweepJournal
from ragscout.model.errors import StoreError
from ragscout.run.events import Events

EVERY = 1.0
"""Seconds between two looks, and the least between two writings."""
STATES = {"run": "running", "pause": "paused", "stop": "stopping"}
"""What is wanted of a sweep to the state that its progress row shows. When the run is over the row holds the kind of
the reason instead, see ``model.reason``, or ``failed`` after an error."""
log = logging.getLogger(__name__)


class Pulse:
    """The signs of life of one run."""

    def __init__(self, journal: SweepJournal, cancel: CancelToken, events: Events) -> None:
        """Forget what was wanted of an earlier run, and say that this one begins.

        Args:
            journal: of the sweep, with the fence of the claim.
            cancel: is told what others want.
            events: knows how far the sweep is.
        """
        self._ledger, self._sweep, self._fence = journal.ledger, journal.sweep, journal.fence
        self._cancel, self._events = cancel, events
        self._heard = "run"
        self._shown: dict[str, Any] = {}
        self._ledger.control_set(self._sweep, "run", fence=self._fence)
        self._show(STATES[cancel.wish])

    async def beat(self) -> None:
        """Look and say, until cancelled. Trouble with the ledger is logged: it must not stop a sweep."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                wanted = await asyncio.to_thread(self._ledger.control, self._sweep)
                if wanted != self._heard:
                    self._heard = wanted
                    {"run": self._cancel.go_on, "pause": self._cancel.hold, "stop": self._cancel.stop}[wanted]()
                await asyncio.to_thread(self._show, STATES[self._cancel.wish])
            except StoreError as error:
                log.warning("sweep %s: its progress could not be written: %s", self._sweep, error)

    def end(self, state: str) -> None:
        """Say how the run ended."""
        try:
            self._show(state)
        except StoreError as error:
            log.warning("sweep %s: its end could not be written: %s", self._sweep, error)

    def _show(self, state: str) -> None:
        row = {"state": state, **self._events.row()}
        if row != self._shown:
            self._ledger.progress_write(self._sweep, row, self._fence)
            self._shown = row
