"""The main flow, to be read first: load, propose, fill, measure, record, rank.

A sweep is a conversation between a proposer, which chooses which questions to ask of which configurations, and the
engine, which fills what is asked. Every round is written to the journal before it runs and again when it is measured,
so that a sweep that was stopped at any point goes on with the same rounds and ends with the same board.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import count
from pathlib import Path

from ragscout import search
from ragscout.board.power import power_advice
from ragscout.board.question_weights import weights_of
from ragscout.engine.claim import Claim
from ragscout.engine.events import Event, Show
from ragscout.engine.executors import InProcess, Subprocess
from ragscout.engine.fill import Engine, Filled, Want
from ragscout.engine.session import journal_view, open_runtime
from ragscout.engine.worker import Worker
from ragscout.model.board import Board
from ragscout.model.config import Configuration
from ragscout.model.errors import SpecError, UnknownNameError
from ragscout.model.outcome import Usage
from ragscout.plan.cells import CellReader
from ragscout.plan.holdout import sealed_must_pass, use_of
from ragscout.plan.plan import Plan, make_plan
from ragscout.plan.sampling import ENTRY, declare, plan_line, settle
from ragscout.plan.setup import Prepared, open_store, prepare
from ragscout.plan.spending import Spending, spending
from ragscout.record.recorder import Recorder
from ragscout.run.budget import DONE, Allowance
from ragscout.run.closing import Finish
from ragscout.run.pilot import PILOT, Piloted, pilot
from ragscout.run.read_model import BUDGET, View, plain
from ragscout.search import make_proposer
from ragscout.search import prefixes as screen
from ragscout.search.contract import Block, Proposer, Request
from ragscout.search.known import KNOWN, known
from ragscout.serve import bundle
from ragscout.serve.spec_file import as_spec
from ragscout.spec import SweepSpec
from ragscout.spec import load as load_spec
from ragscout.store.ledger import Journal
from ragscout.store.store import Store

FLOOR = 10  # questions of the first block of the extractive floor


@dataclass
class Result:
    """How a run ended. ``open``: why cells stayed open, in words, empty when none did. ``calls``: requests sent by
    purpose. ``computed``/``cached``: cells and values per stage."""

    board: Board
    closed: bool
    open: list[str] = field(default_factory=list)
    calls: Mapping[str, int] = field(default_factory=dict)
    computed: Mapping[str, int] = field(default_factory=dict)
    cached: Mapping[str, int] = field(default_factory=dict)
    reports: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


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
        self.prepared: Prepared = declare(prepared, store, self.policy.sample, useful)
        self.id = self.prepared.sweep_id
        self.journal = Journal(store.ledger, self.id)
        self.view = View(self.prepared, store)
        self._claim = Claim(store.ledger, self.id, spec.sweep)

    @classmethod
    def load(cls, path: str | Path, store: str | Path | Store | None = None) -> Sweep:
        """Read a sweep file, register its evaluation set, check everything that can be checked for nothing.

        Raises:
            SpecError, EvalSetError: with file, line and remedy.
        """
        spec = load_spec(Path(path))
        return cls(spec, store if isinstance(store, Store) else open_store(store), Path(path).parent)

    def run(
        self,
        *,
        recorders: Sequence[Recorder] = (),
        progress: Callable[[Event], None] = lambda _: None,
        executor: str = "in-process",
    ) -> Result:
        """Run the sweep, or go on where it stopped. ``executor`` is ``in-process`` or ``subprocess``.

        Raises:
            StoreError: another process runs this sweep.
            SpecError: an endpoint that the sweep needs does not answer.
        """
        with self._claim.taken() as claim:
            self.journal.fence = claim.fence
            return asyncio.run(self._run(recorders, progress, executor))

    def plan(self) -> Plan:
        """What a run would do and cost, what is there already, what leaves the machine; nothing is computed."""
        prepared = self.prepared
        use = use_of(prepared.eval_set, self.store, self.id)
        advice = power_advice(len(prepared.questions), prepared.held, use.opened, use.seen)
        said = [note.en for note in sealed_must_pass(prepared.eval_set)]
        sample = plan_line(prepared, self.policy.sample)
        return replace(make_plan(prepared, self.store), advice=(*advice, *said), sample=sample)

    def pilot(self, questions: int = PILOT) -> Piloted:
        """Ask a few questions of one configuration of each generator, so that the plan's figures are measured. What
        comes back stays in the store and counts against the budget.

        Raises:
            StoreError: another process runs this sweep.
            SpecError: the budget does not allow the models that the sweep names.
        """
        with self._claim.taken() as claim:
            self.journal.fence = claim.fence
            return asyncio.run(pilot(self.prepared, self.store, self.journal, questions))

    def board(self) -> Board:
        """The leaderboard of what the journal and the store hold; nothing is computed."""
        return self.view.snapshot().board

    def spending(self) -> Spending:
        """What the sweep took so far: to serve, to index, to evaluate."""
        return spending(self.prepared, self.store, self.board())

    def export(self, path: str | Path, row: str = "") -> Path:
        """Write a row of the board (rank, name or key; the recommended one by default) as a bundle.

        Raises:
            UnknownNameError: no such row.
            BundleError: something else lies at ``path``.
        """
        board = self.board()
        chosen = self._chosen(board, row)
        plain = next(item for item in json.loads(board.to_json())["rows"] if item["key"] == chosen.key)
        return bundle.export(
            chosen,
            store=self.store,
            opening=self.prepared.opening,
            eval_set=self.prepared.eval_set,
            row=plain,
            path=Path(path),
            metrics=self.prepared.metrics,
            sweep=self.id,
        )

    def export_config(self, row: str = "") -> str:
        """A row of the board as a sweep file of its own."""
        opening = self.prepared.opening
        return as_spec(
            self._chosen(self.board(), row),
            eval_set=f"{self.prepared.eval_set.name}@{self.prepared.eval_set.version}",
            metrics=self.prepared.metrics,
            goal=self.prepared.goal.metric,
            weights=self.spec.goal.weights,
            connections=opening.connections,
            network=opening.network,
            seed=opening.seed,
            holdout=self.spec.holdout,
            usd=opening.money,
        )

    def _chosen(self, board: Board, row: str) -> Configuration:
        best = board.recommended()
        if best is None and not row:
            raise SpecError(f"{self.spec.sweep}: {board.headline()} Name the row to export, for example '#1'.")
        found = board.find(row) if row else (best,) if best else ()
        # a retrieval-only row may have the same name or rank as a complete one, which is what is meant then
        found = tuple(item for item in found if item in board.rows) or found
        if len(found) != 1:
            raise UnknownNameError(
                self.spec.sweep, "row of the board", row or "recommended", [item.name for item in board.rows]
            )
        return self.prepared.configuration(found[0].key)

    @cached_property
    def prefixes(self) -> tuple[tuple[Configuration, ...], ...]:
        """Retrieval prefixes that are scored before the first answer, in rounds; none without a retrieval metric."""
        if not self.prepared.figures_of("retrieval"):
            return ()
        configurations, values = self.prepared.space.configurations, self.store.ledger
        found = screen.rounds(configurations, len(self.prepared.questions), screen.building(configurations, values))
        sample = self.journal.last(ENTRY)
        return screen.with_sample(found, self.prepared.sampled) if sample and sample["used"] else found

    # -- the flow ---------------------------------------------------------------------------------------------------

    async def _run(self, recorders: Sequence[Recorder], progress: Callable[[Event], None], executor: str) -> Result:
        entries = self.store.ledger.journal(self.id)
        if not entries:
            self.journal.append("opened", self.prepared.opened().payload())
        allowance = Allowance(self.prepared, self.store, self.journal)
        runtime = open_runtime(self.store, self.id, self.prepared.opening, deadline=allowance.deadline)
        worker = Worker(self.store, runtime, self.prepared.eval_set, self.prepared.questions)
        chosen = InProcess(worker) if executor == "in-process" else Subprocess(self.store.location)
        show = Show(progress, runtime, self.prepared.answers)
        engine = Engine(self.store, chosen, self.id, show.fill)
        totals = Filled()
        try:
            await self.prepared.preflight(runtime)
            closed = self.view.closed
            if closed:
                left = await self._mend(engine, totals)
            else:
                await settle(self.prepared, self.journal, self.store, engine, totals)
                left = await self._rounds(engine, recorders, show, totals, allowance)
                if not left:
                    parts = (
                        self.prepared,
                        self.store,
                        self.journal,
                        self.view,
                        engine,
                        runtime,
                        worker,
                        allowance.purse,
                    )
                    left = await Finish(*parts).run(totals, lambda phase: show.round(len(self.view.rounds()), phase, 0))
                if not left:
                    over = self.journal.last("search_over")
                    self.journal.append("closed", {"why": over["why"] if over else DONE})
            snapshot = self.view.snapshot()
            for recorder in recorders:
                await asyncio.to_thread(recorder.update, snapshot)
        finally:
            await engine.close()
            await runtime.close()
        return Result(
            snapshot.board,
            snapshot.closed,
            left,
            runtime.counters.calls,
            totals.computed,
            totals.cached,
            totals.reports,
        )

    async def _rounds(
        self, engine: Engine, recorders: Sequence[Recorder], show: Show, totals: Filled, allowance: Allowance
    ) -> list[str]:
        """Round after round until the proposer is done or the search's share of the budget; what stayed open, in
        words. A whole system that does not answer is set aside till the next run, and the other rows go on."""
        entries = self.store.ledger.journal(self.id)
        proposed = self.view.rounds()
        failed_before = {int(view["round"]): dict(view["failed"]) for view in journal_view(entries, "measured")}
        proposer = self._proposer()
        silent: dict[str, str] = {}
        limit, asked, free = self.prepared.answers, 0, self.spec.budget.answers is None
        for number in count():
            replayed = number < len(proposed)
            if allowance.stops(proposer, number):
                return list(silent.values())
            requests = proposed[number] if replayed else self._propose(proposer, number, allowance, bool(silent))
            if not requests:
                return list(silent.values())
            if not replayed:
                self.journal.append("round", {"round": number, "requests": [plain(request) for request in requests]})
            show.round(number, requests[0].reason, _answers(requests))
            before = len(silent)
            blocks, broken, left = await self._measure(engine, requests, failed_before.get(number, {}), silent, totals)
            if left:
                if all(reason.startswith("budget") for reason in left):
                    allowance.over(number, f"{BUDGET}: {left[0].removeprefix('budget: ')}", broken=True)
                    return list(silent.values())
                return [*silent.values(), *left]
            if requests[0].reason == KNOWN:
                proposer.know(blocks, free=free)
            else:
                (proposer.restore(requests, blocks) if replayed else proposer.tell(blocks))
            asked += 0 if free and requests[0].reason == KNOWN else _answers(requests)
            if limit is not None and len(silent) > before:
                # what a silent system was asked is still to come, and no other row may take its place
                proposer.allow(max(0, limit - asked))
            if number not in failed_before:
                told = {block.configuration.key: block.failed for block in blocks if block.failed}
                failed = {key: why for key, why in told.items() if key not in silent}
                notes = [asdict(note) for note in proposer.notes()]
                self.journal.append(
                    "measured",
                    {
                        "round": number,
                        "failed": failed,
                        "broken": broken,
                        "notes": notes,
                        "clock": allowance.purse.elapsed,
                    },
                )
            if not replayed:
                snapshot = self.view.snapshot()
                show.board(snapshot.board)
                for recorder in recorders:
                    await asyncio.to_thread(recorder.update, snapshot)
        raise AssertionError("unreachable: the loop returns")

    async def _mend(self, engine: Engine, totals: Filled) -> list[str]:
        """A finished sweep asks nothing more, but a metric that was broken (its model absent, say) may work by now."""
        broken = self.view.broken()
        if broken:
            wants = [
                Want(node, self.prepared.pick(names))
                for configuration, names in self.view.asked()
                for node in self.prepared.measures(configuration)
                if node.key in broken
            ]
            totals.add(await engine.fill(wants))
        return []

    def _propose(self, proposer: Proposer, number: int, allowance: Allowance, waiting: bool) -> list[Request]:
        """Retrieval of every prefix on every question, the floor beside the first; the proposer's rounds; finals."""
        questions = tuple(question.id for question in self.prepared.questions)
        if number <= len(self.prefixes):
            asked = {item.key: names for item, names in self.view.asked()}
            group = next((found for found in self.prefixes if found[0].key not in asked), ())
            requests = [Request(item, questions, "sampled" if item.sampled else "retrieval") for item in group]
            if group and number == 0:
                nodes = self.store.ledger.cell_nodes()
                floor = [item for item in self.prepared.floor if item.last.key not in nodes]
                requests += [Request(item, questions[:FLOOR], "floor") for item in floor]
            if requests or (requests := self._known(asked)):
                return requests
        return allowance.next(proposer, number, waiting)

    def _known(self, asked: Mapping[str, Sequence[str]]) -> list[Request]:
        """What earlier sweeps left in the store; told to the proposer as a round of its own."""
        if not self.policy.warm:
            return []
        questions = [question.id for question in self.prepared.questions]
        reader, nodes = CellReader(self.store, self.prepared), self.store.ledger.cell_nodes()
        return known(self.prepared.space.configurations, questions, reader, nodes, asked)

    async def _measure(
        self,
        engine: Engine,
        requests: Sequence[Request],
        failed: Mapping[str, str],
        silent: dict[str, str],
        totals: Filled,
    ) -> tuple[list[Block], dict[str, str], list[str]]:
        """Fill the cells of a round: its blocks, metrics that cannot be computed, and why cells stayed open. Systems
        that do not answer are added to ``silent`` (key to why): they are asked nothing more, and keep nobody waiting.
        """
        live = [request for request in requests if request.configuration.key not in {*failed, *silent}]
        wants = [
            Want(node, self.prepared.pick(request.questions))
            for request in live
            for node in self.prepared.wanted(request.configuration)
        ]
        filled = await engine.fill(wants)
        totals.add(filled)
        silent |= self._silent(live, filled)
        causes = {**failed, **silent}
        broken: dict[str, str] = {}
        for request in live:
            key = request.configuration.key
            if request.configuration.last.key in filled.failed:
                causes[key] = filled.failed[request.configuration.last.key]
                continue
            broken |= {
                node.key: filled.failed[node.key]
                for node in self.prepared.measures(request.configuration)
                if node.key in filled.failed
            }
        blocks = [
            Block(request.configuration, {}, Usage(), causes[request.configuration.key])
            if request.configuration.key in causes
            else self.view.block(request, broken)
            for request in requests
        ]
        return blocks, broken, filled.why_open()

    def _silent(self, requests: Sequence[Request], filled: Filled) -> dict[str, str]:
        """Whole systems that did not answer, with the reason. Nothing but the row itself needs their cells, which are
        taken out of ``filled``; a model that does not answer concerns every row that asks it, and is left there."""
        found: dict[str, str] = {}
        for configuration in (request.configuration for request in requests):
            why = filled.unanswered(configuration.last.key)
            if why and getattr(configuration.last.step, "whole_system", False):
                found[configuration.key] = f"endpoint: {configuration.label()}: {why}"
                filled.drop({node.key for node in self.prepared.wanted(configuration)})
        return found

    def _proposer(self) -> Proposer:
        prepared = self.prepared
        return make_proposer(
            prepared.search,
            prepared.space,
            [question.id for question in prepared.questions],
            prepared.goal,
            seed=self.spec.seed,
            budget=prepared.answers,
            options=self.spec.search.parameters,
            sweep=self.id,
            storage=prepared.study(self.store),
            building=screen.building(prepared.space.configurations, self.store.ledger),
            sampled={item.key: prefix for prefix, item in prepared.sampled.items()},
            weights=weights_of(prepared.questions),
        )


def _answers(requests: Sequence[Request]) -> int:
    return sum(len(request.questions) for request in requests if request.configuration.generates)


__all__ = ["Configuration", "Event", "Result", "Sweep"]
