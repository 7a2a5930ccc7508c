"""A sweep as its user sees it: load, check, run, plan, pilot, board, export. The flow itself is ``run.rounds``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from ragscout import search
from ragscout.engine.cancel import CancelToken
from ragscout.engine.executors import executor_factory
from ragscout.engine.journal import SweepJournal
from ragscout.model.config import Configuration
from ragscout.model.results.board import Board
from ragscout.model.results.reason import STOPPED
from ragscout.plan.plan import Plan
from ragscout.plan.sampling import declare
from ragscout.plan.setup import Setup, check_goal, open_store, prepare
from ragscout.plan.spending import SpendingPlan, spending
from ragscout.record.recorder import Recorder
from ragscout.run.dropping import drop_model
from ragscout.run.events import SweepEvent
from ragscout.run.loop import in_a_loop
from ragscout.run.pilot import PILOT, Piloted, pilot
from ragscout.run.planning import advised_plan
from ragscout.run.read_model import View
from ragscout.run.result import Result, result_of
from ragscout.run.session import RunOptions, nobody_listens, open_session
from ragscout.spec import SweepSpec
from ragscout.spec import load as load_spec
from ragscout.store.store import Store


class Sweep:
    """One sweep file on one store."""

    def __init__(self, spec: SweepSpec, store: Store, base: Path) -> None:
        """Args: base = folder that relative paths in the sweep file start from."""
        self.spec, self.store = spec, store
        prepared = prepare(spec, store, base)
        self.policy = search.check(prepared.search, spec.search.parameters)[0]
        search.check_screen(self.policy, [figure.name for figure in prepared.figures_of("retrieval")])
        counted = len(prepared.space.configurations), len(prepared.questions)
        useful = search.resolve(prepared.search, *counted, prepared.answers) == "factor" and self.policy.keep == 1
        self.prepared: Setup = declare(prepared, store, self.policy.sample, useful)
        self.id = self.prepared.sweep_id
        self.journal = SweepJournal(store.ledger, self.id)
        self.view = View(self.prepared, store, self.journal)

    @classmethod
    def load(cls, path: str | Path, store: str | Path | Store | None = None) -> Sweep:
        """Read a sweep file and register its evaluation set; nothing is tried out, see ``check``.

        Raises:
            SpecError, EvalSetError: with file, line and remedy.
        """
        spec = load_spec(Path(path))
        return cls(spec, store if isinstance(store, Store) else open_store(store), Path(path).parent)

    def check(self) -> None:
        """Check what can be checked for nothing but time: the self-tests of the metrics that are the goal. A sweep that
        was begun passed already.

        Raises:
            SpecError: the goal cannot tell a good answer from a bad one in a language of the questions.
        """
        check_goal(self.prepared, self.store)

    def run(
        self,
        *,
        recorders: Sequence[Recorder] = (),
        progress: Callable[[SweepEvent], None] = nobody_listens,
        executor: str = "in-process",
        cancel: CancelToken | None = None,
    ) -> Result:
        """Run the sweep, or go on where it stopped; also from a notebook, whose event loop waits meanwhile.

        Args:
            recorders: are told of every measured round.
            progress: hears how far the sweep is.
            executor: name of ``engine.executors.EXECUTORS``: ``in-process`` or ``subprocess``.
            cancel: asks the sweep to hold or to stop, from any thread.

        Raises:
            UnknownNameError: no such executor.
            StoreError: another process runs this sweep.
            SpecError: an endpoint that the sweep needs does not answer, or the goal cannot be one.
        """
        cancel = cancel or CancelToken()
        work = self.arun(recorders=recorders, progress=progress, executor=executor, cancel=cancel)
        return in_a_loop(work, cancel)

    async def arun(
        self,
        *,
        recorders: Sequence[Recorder] = (),
        progress: Callable[[SweepEvent], None] = nobody_listens,
        executor: str = "in-process",
        cancel: CancelToken | None = None,
    ) -> Result:
        """Run the sweep in the event loop of the caller; see ``run``."""
        from ragscout.run.rounds import run_sweep

        options = RunOptions(recorders, progress, executor_factory(executor), cancel or CancelToken())
        await asyncio.to_thread(self.check)
        async with open_session(self.prepared, self.store, self.journal, self.view, options) as session:
            ended = session.ended = await run_sweep(session)
            # the next run tells recorders everything; who asked to stop does not wait for them
            snapshot = self.view.snapshot() if ended.reason == STOPPED else await session.recording.finish()
        return result_of(session, snapshot, ended)

    def plan(self) -> Plan:
        """Say what a run would do and cost, what is there already, what leaves the machine; nothing is computed.

        Raises:
            SpecError: the goal cannot be one, see ``check``.
        """
        self.check()
        return advised_plan(self.prepared, self.store, self.policy.sample)

    def pilot(self, questions: int = PILOT, *, cancel: CancelToken | None = None) -> Piloted:
        """Ask a few questions of one configuration of each generator, so that the plan's figures are measured. What
        comes back stays in the store and counts against the budget.

        Raises:
            StoreError: another process runs this sweep.
            SpecError: the budget does not allow the models that the sweep names.
        """
        options = RunOptions(cancel=cancel or CancelToken())

        async def asked() -> Piloted:
            async with open_session(self.prepared, self.store, self.journal, self.view, options) as session:
                return await pilot(session, questions)

        return in_a_loop(asked(), options.cancel)

    def drop(self, model: str) -> int:
        """Leave every configuration out for good that asks a model, by the name of its connection, and return how many
        these are: the way on when a model is gone.

        Raises:
            UnknownNameError: no configuration asks such a model.
            SpecError: nothing would be left, or a metric asks it.
        """
        return drop_model(self.prepared, self.journal, model)

    def board(self) -> Board:
        """Return the leaderboard of what the journal and the store hold; nothing is computed."""
        return self.view.snapshot().board

    def spending(self) -> SpendingPlan:
        """Say what the sweep took so far: to serve, to index, to evaluate."""
        return spending(self.prepared, self.store, self.board())

    def export(self, path: str | Path, row: str = "") -> Path:
        """Write a row of the board (rank, name or key; the recommended one by default) as a bundle.

        Raises:
            UnknownNameError: no such row.
            BundleError: something else lies at ``path``.
        """
        from ragscout.run.exporting import export_bundle

        return export_bundle(self.prepared, self.store, self.board(), row, Path(path))

    def export_config(self, row: str = "") -> str:
        """Return a row of the board as a sweep file of its own."""
        from ragscout.run.exporting import export_file

        return export_file(self.prepared, self.board(), row)


__all__ = ["Configuration", "Result", "Sweep", "SweepEvent"]
