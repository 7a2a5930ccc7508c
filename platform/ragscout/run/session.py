"""Everything that a running sweep works with, open while this process holds the claim on the sweep."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from ragscout.engine.cancel import CancelToken
from ragscout.engine.claim import Claim
from ragscout.engine.executors import Factory, executor_factory
from ragscout.engine.fill import Engine, Filled, Want, close_all
from ragscout.engine.journal import SweepJournal
from ragscout.engine.runtime import EngineRuntime
from ragscout.engine.session import open_runtime
from ragscout.engine.worker import Worker
from ragscout.model.results.journal import SweepOpened
from ragscout.model.results.reason import Reason
from ragscout.plan.budget import SweepBudget
from ragscout.plan.setup import Setup
from ragscout.record.recorder import Recorder
from ragscout.run.budget import budget_of
from ragscout.run.events import Events, SweepEvent
from ragscout.run.measuring import MeasuredRound, asked_of, measure
from ragscout.run.pulse import Pulse
from ragscout.run.read_model import View
from ragscout.run.recording import Recording
from ragscout.run.searching import Round, SweepSearch
from ragscout.run.waiting import Waiting
from ragscout.store.store import Store


@dataclass(frozen=True)
class Ended:
    """Why a run ended. ``left``: why cells stayed open, in words; empty when none did."""

    reason: Reason
    left: tuple[str, ...] = ()


def nobody_listens(_: SweepEvent) -> None:
    """Hear progress and do nothing about it."""


@dataclass(frozen=True)
class RunOptions:
    """How a sweep is run, which changes none of its results. ``executor``: ``in-process`` or ``subprocess``, a fresh
    process for every task; ``cancel``: asks the sweep to hold or to stop, from any thread."""

    recorders: Sequence[Recorder] = ()
    progress: Callable[[SweepEvent], None] = nobody_listens
    executor: Factory = executor_factory("in-process")
    cancel: CancelToken = field(default_factory=CancelToken)


@dataclass
class Session:
    """A running sweep. ``totals``: what the engine did in this run; ``ended``: why the run ended, once it did."""

    prepared: Setup
    store: Store
    journal: SweepJournal
    view: View
    budget: SweepBudget
    runtime: EngineRuntime
    worker: Worker
    engine: Engine
    events: Events
    recording: Recording
    options: RunOptions
    totals: Filled = field(default_factory=Filled)
    ended: Ended | None = None
    unkept: Sequence[str] = ()
    """What could not be kept when the session was closed, in words."""

    async def fill(self, wants: Sequence[Want]) -> Filled:
        """Compute what is missing, and count it.

        Raises:
            Stopped: the sweep was asked to stop.
        """
        filled = await self.engine.fill(wants)
        self.totals.add(filled)
        return filled

    async def close(self) -> None:
        """Keep what came, and give engine and runtime back; what could not be kept is asked for again."""
        self.unkept = await close_all(self.engine, self.runtime)

    def wants(self, asked: Round, waiting: Waiting) -> list[Want]:
        """Return the cells that a round needs, those left out of rows that cannot run and of what waits."""
        return [
            Want(node, self.prepared.pick(request.questions))
            for request in asked_of(asked.requests, asked.failed, waiting, self.prepared)
            for node in waiting.wanted(request.configuration, self.prepared)
        ]

    def measure(self, asked: Round, filled: Filled, waiting: Waiting) -> MeasuredRound:
        """Measure a round from what was filled."""
        read = self.view.block
        return measure(asked.requests, filled, self.prepared, read, failed=asked.failed, waiting=waiting)

    def search(self) -> SweepSearch:
        """Begin the search, or go on with it."""
        return SweepSearch(self.prepared, self.store, self.journal, self.budget)

    def allow_search(self) -> None:
        """Let the runtime use the search's part of the budget."""
        opening = self.prepared.opening
        self._allow(closing=False, share=1 - opening.closing)

    def allow_closing(self) -> None:
        """Let the runtime use the whole budget: the search is over."""
        self._allow(closing=True, share=1.0)

    def _allow(self, *, closing: bool, share: float) -> None:
        def allow() -> None:
            self.runtime.allow(self.prepared.opening.limits(closing), self.budget.deadline(share))

        allow()
        # the minutes stand still while the sweep is held, so that their end moves
        self.options.cancel.after_hold = allow


@asynccontextmanager
async def open_session(
    prepared: Setup, store: Store, journal: SweepJournal, view: View, options: RunOptions
) -> AsyncIterator[Session]:
    """Claim a sweep and open what it runs with; everything is closed again at the end.

    Raises:
        StoreError: another process runs this sweep.
    """
    with _fenced(Claim(store.ledger, prepared.sweep_id, prepared.spec.sweep), journal):
        journal.append_once(SweepOpened(prepared.opened().payload()))
        budget = budget_of(prepared, store, journal, options.cancel)
        runtime = open_runtime(store, prepared.sweep_id, prepared.opening, cancel=options.cancel)
        worker = Worker(store, runtime, prepared.eval_set, prepared.questions)
        executor = options.executor(worker, store.location)
        events = Events(options.progress, runtime.counters, prepared.answers)
        engine = Engine(store, executor, prepared.sweep_id, events.fill, options.cancel)
        recording = Recording(view, options.recorders, events.board)
        session = Session(prepared, store, journal, view, budget, runtime, worker, engine, events, recording, options)
        session.allow_search()
        async with AsyncExitStack() as closing:
            pulse = Pulse(journal, options.cancel, events)
            closing.callback(lambda: pulse.end("failed" if session.ended is None else session.ended.reason.kind))
            closing.push_async_callback(session.close)
            closing.push_async_callback(recording.stop)
            closing.callback(asyncio.create_task(pulse.beat()).cancel)
            yield session


@contextmanager
def _fenced(claim: Claim, journal: SweepJournal) -> Iterator[None]:
    """Hold a claim, and write the journal under its fence meanwhile."""
    with claim.taken() as taken:
        journal.fence = taken.fence
        try:
            yield
        finally:
            journal.fence = None
