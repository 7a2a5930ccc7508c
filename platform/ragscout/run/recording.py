"""Keeps recorders up to date while a sweep runs, beside the rounds and at a pace of its own.

A board of all rows takes longer the more rows there are. It is made after a round, in a thread, and then not again
before the time that it took is a small share of the time that passed: however many rounds a sweep has, what its boards
take stays that share of it. The last state is always recorded.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from ragscout.engine.trouble import TROUBLES
from ragscout.model.results.board import Board
from ragscout.record.recorder import Recorder, Snapshot
from ragscout.run.read_model import View

SHARE = 0.1
"""Part of the time that boards and recorders may take while rounds are measured."""


log = logging.getLogger(__name__)


class Recording:
    """What recorders and listeners are told of a running sweep."""

    def __init__(
        self,
        view: View,
        recorders: Sequence[Recorder],
        show: Callable[[Board], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args: show = told of every provisional board, on the event loop; clock = seconds."""
        self._view, self._recorders, self._show, self._clock = view, recorders, show, clock
        self._next = -1.0
        self._task: asyncio.Task[None] | None = None

    def measured(self) -> None:
        """Say that a round was measured, and return at once.

        Raises:
            StoreError: the store failed when the sweep was read for an earlier round.
        """
        if self._task is not None and self._task.done():
            self._task.result()
            self._task = None
        if self._task is None and self._clock() >= self._next:
            self._task = asyncio.create_task(self._record())

    async def finish(self) -> Snapshot:
        """Wait for what is being recorded, record the last state and return it.

        Raises:
            StoreError: the store failed when the sweep was read.
        """
        await self.stop()
        return await asyncio.to_thread(self._write)

    async def stop(self) -> None:
        """Wait for what is being recorded, and record nothing more. What failed is recorded by the next run."""
        task, self._task = self._task, None
        if task is None:
            return
        try:
            await task
        except TROUBLES as error:
            log.warning("the state of the sweep could not be read to be recorded: %s", error)

    async def _record(self) -> None:
        started = self._clock()
        snapshot = await asyncio.to_thread(self._write)
        self._show(snapshot.board)
        took = self._clock() - started
        self._next = started + took / SHARE

    def _write(self) -> Snapshot:
        snapshot = self._view.snapshot()
        for recorder in self._recorders:
            try:
                recorder.update(snapshot)
            except TROUBLES as error:
                log.warning("%s: the state of the sweep could not be recorded: %s", type(recorder).__name__, error)
        return snapshot
