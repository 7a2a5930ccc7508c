"""What a sweep's journal and store say: rounds, rows, the board. A pure function of both; nothing is computed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from ragscout.board.audit import Audit, audit
from ragscout.board.build import Facts, build_board
from ragscout.board.confirmation import Opened
from ragscout.board.corpus_sample import corpus_sample
from ragscout.board.effects import Effects
from ragscout.board.metric_values import clusters_of
from ragscout.board.question_weights import weights_of
from ragscout.board.row_cache import RowCache
from ragscout.board.slices import By, Slices, slices
from ragscout.board.words.audit import render_markdown
from ragscout.board.words.corpus_sample import sample_notes
from ragscout.board.words.headline import headlines
from ragscout.data.versions import made_notes
from ragscout.engine.journal import SealRecord, SweepJournal
from ragscout.judges.asking import GivenPassages
from ragscout.judges.labels import Labels
from ragscout.judges.ppi import Calibration
from ragscout.judges.sweep import calibrations
from ragscout.model.board import Board, Holdout, Latency
from ragscout.model.config import Configuration
from ragscout.model.journal import (
    AskedRequest,
    Chosen,
    ClosingBegun,
    HoldoutConfirmed,
    Probed,
    ProbeOver,
    RoundAsked,
    RoundMeasured,
    SampleSettled,
    SearchEnded,
    SweepClosed,
    SweepOpened,
)
from ragscout.model.measured import Measured
from ragscout.model.outcome import Usage
from ragscout.plan.cells import CellReader
from ragscout.plan.holdout import sealed_must_pass
from ragscout.plan.setup import Prepared, ordered
from ragscout.record.recorder import Row, Snapshot
from ragscout.record.words import of_language
from ragscout.search import resolve
from ragscout.search.contract import Block, Request
from ragscout.serve.probe import latency
from ragscout.spec import dump
from ragscout.stats.shrinkage import Believed
from ragscout.store.store import Store


class View:
    """One sweep as it stands."""

    def __init__(self, prepared: Prepared, store: Store, journal: SweepJournal) -> None:
        """Args: prepared = the sweep; store = where its cells lie; journal = of the sweep."""
        self._prepared, self._store, self._ledger = prepared, store, store.ledger
        self._journal = journal
        self._cells, self._kept = CellReader(store, prepared), RowCache()
        self._passages = GivenPassages(prepared, store)
        self._prefixes: dict[str, str] = {}
        self._fitted: tuple[Mapping[str, Mapping[str, object]], Effects] | None = None

    @property
    def closed(self) -> bool:
        """Whether nothing more will be measured."""
        return self._journal.first(SweepClosed) is not None

    def rounds(self) -> list[list[Request]]:
        """Requests of every round that was proposed."""
        asked = self._journal.of(RoundAsked)
        return [[request_of(self._prepared, item) for item in entry.requests] for entry in asked]

    def block(self, request: Request, broken: Mapping[str, str]) -> Block:
        """What came back for a request. ``broken``: measure nodes that cannot be computed, with the cause."""
        scores = self._cells.scores(request.configuration, request.questions, broken)
        usage = self._cells.usage(request.configuration, request.questions)
        return Block(request.configuration, scores, sum(usage.values(), Usage()))

    def broken(self) -> dict[str, str]:
        """Measure nodes that could not be computed, with the cause."""
        return {key: why for entry in self._journal.of(RoundMeasured) for key, why in entry.broken.items()}

    def asked(self) -> list[tuple[Configuration, tuple[str, ...]]]:
        """Every configuration that was asked something with its questions, in the order of first asking."""
        found: dict[str, dict[str, None]] = {}
        for request in (item for requests in self.rounds() for item in requests):
            found.setdefault(request.configuration.key, {}).update(dict.fromkeys(request.questions))
        return [(self._prepared.configuration(key), tuple(names)) for key, names in found.items()]

    def answers_asked(self) -> int:
        """Answers that were asked for, with the hold-out's left out."""
        return sum(len(names) for configuration, names in self.asked() if configuration.generates)

    def probes(self) -> dict[str, Latency]:
        """What the latency probe saw, by configuration."""
        return {entry.key: latency(entry) for entry in self._journal.of(Probed)}

    def _opened(self) -> Opened:
        """The hold-out's questions and scores, empty before it was confirmed."""
        prepared = self._prepared
        confirmed, chosen = self._journal.first(HoldoutConfirmed), self._journal.first(Chosen)
        if confirmed is None or chosen is None:
            return Opened()
        held = prepared.eval_set.open_sealed(SealRecord(self._journal))
        asked = ordered(held, prepared.spec.seed)[: chosen.questions]
        names = [question.id for question in asked]
        cells = CellReader(self._store, prepared.with_questions(asked))
        broken = confirmed.broken
        return Opened(
            asked,
            {
                key: Measured(item, cells.scores(item, names, broken), cells.usage(item, names))
                for key in chosen.rows
                for item in [prepared.configuration(key)]
            },
        )

    def _holdout(self, asked: int) -> Holdout | None:
        held, chosen = self._prepared.held, self._journal.first(Chosen)
        if not held or chosen is None:
            return Holdout(held, bool(asked), asked) if held else None
        return Holdout(held, bool(asked), asked, chosen.used_by, chosen.seen, chosen.sealed)

    def rows(self) -> list[Row]:
        """What was asked, with its scores and answers."""
        broken = self.broken()
        return [
            Row(item, self._cells.scores(item, names, broken), self._cells.answers(item, names))
            for item, names in self.asked()
            if not item.sampled
        ]

    def snapshot(self) -> Snapshot:
        """Everything that is known now."""
        prepared = self._prepared
        journal = self._journal
        lines, rounds = journal.entries(), journal.of(RoundMeasured)
        failed = {key: why for entry in rounds for key, why in entry.failed.items()}
        closed, chosen = journal.first(SweepClosed), journal.first(Chosen)
        ended = journal.first(SearchEnded) or closed
        opened = self._opened()
        rows = self.rows()
        measured = [
            Measured(
                row.configuration,
                row.scores,
                self._cells.usage(row.configuration, tuple(row.scores)),
                failed.get(row.configuration.key, ""),
            )
            for row in rows
        ]
        facts = Facts(
            prepared.spec.sweep,
            f"{prepared.eval_set.name}@{prepared.eval_set.version}",
            currency=prepared.currency,
            ended=ended.reason if ended is not None and ended.reason.limit else None,
            configurations=len(prepared.space.configurations),
            holdout=self._holdout(len(opened.questions)),
            opened=opened,
            recommended=chosen.recommended if chosen is not None else "",
            within=prepared.spec.goal.within,
            require=prepared.spec.goal.require,
            latency=self.probes(),
            probed=journal.first(ProbeOver) is not None,
            seed=prepared.spec.seed,
            clusters=clusters_of(prepared.questions),
            notes=(
                *(rounds[-1].notes if rounds else ()),
                *made_notes(prepared.questions),
                *sealed_must_pass(prepared.eval_set),
                *([prepared.weighted.note()] if prepared.weighted is not None else []),
            ),
            judges=self._judges(rows),
            posterior=self._posterior(rows),
        )
        answers, retrieval = prepared.figures_of("answer"), prepared.figures_of("retrieval")
        snapshot = Snapshot(
            sweep=prepared.sweep_id,
            name=prepared.spec.sweep,
            sequence=lines[-1].seq if lines else 0,
            spec=self._sweep_file(),
            eval_set=prepared.eval_set,
            headline={},
            board=build_board(
                measured, prepared.questions, answers or retrieval, prepared.goal, facts, retrieval, self._kept
            ),
            rows=rows,
            figures=prepared.figures,
            signatures=prepared.signatures,
            goal=prepared.goal.metric,
            closed=closed is not None,
        )
        snapshot = replace(snapshot, board=self._with_sample(snapshot.board, measured))
        snapshot = self._audited(snapshot) if snapshot.closed else snapshot
        return replace(snapshot, headline=headlines(snapshot.board))

    def _sweep_file(self) -> str:
        """The sweep file as it was when the sweep opened; of an older journal, which holds no text, as it is now."""
        opened = self._journal.first(SweepOpened)
        return str((opened and opened.record.get("sweep_file")) or "") or self._current_file

    @cached_property
    def _current_file(self) -> str:
        return dump(self._prepared.spec)

    def _with_sample(self, board: Board, measured: Sequence[Measured]) -> Board:
        """With what a corpus sample said of retrieval beside it."""
        entry = self._journal.first(SampleSettled)
        if entry is None:
            return board
        prefixes = {item.key: prefix for prefix, item in self._prepared.sampled.items()}
        broken = self.broken()
        on = {
            prefixes[item.key]: Measured(item, self._cells.scores(item, names, broken))
            for item, names in self.asked()
            if item.sampled
        }
        whole = [(self._prefix(item.configuration), item) for item in measured if item.configuration.retrieves]
        sample = corpus_sample(entry, on, whole, self._prepared.questions, self._prepared.figures_of("retrieval"))
        return replace(board, sample=sample, notes=(*board.notes, *sample_notes(sample)))

    def _prefix(self, configuration: Configuration) -> str:
        """Key of a configuration's retrieval prefix."""
        if configuration.key not in self._prefixes:
            self._prefixes[configuration.key] = configuration.retrieval().key
        return self._prefixes[configuration.key]

    def audit(self, snapshot: Snapshot) -> Audit:
        """What the metrics of the sweep make of each other."""
        prepared = self._prepared
        family = prepared.figures_of("answer") or prepared.figures_of("retrieval")
        return audit(
            [Measured(row.configuration, row.scores) for row in snapshot.rows],
            {row.key: row.name for row in snapshot.board.rows},
            prepared.questions,
            prepared.figures,
            prepared.goal,
            family=[figure.name for figure in family],
            seed=prepared.spec.seed,
        )

    def slices(self, snapshot: Snapshot, by: By) -> Slices:
        """The board by groups of questions."""
        measured = [Measured(row.configuration, row.scores) for row in snapshot.rows]
        return slices(snapshot.board, measured, self._prepared.questions, self._prepared.figures, by)

    def _audited(self, snapshot: Snapshot) -> Snapshot:
        """With the audit beside the board, its warning among the notes."""
        found = self.audit(snapshot)
        page = render_markdown(found, of_language(snapshot.eval_set))
        near = self._near(snapshot)
        rows = tuple(replace(row, near=near.get(row.key)) for row in snapshot.board.rows)
        board = replace(snapshot.board, rows=rows, notes=(*snapshot.board.notes, *found.notes))
        return replace(snapshot, board=board, attachments={"audit.json": found.to_json(), "audit.md": page.encode()})

    def _near(self, snapshot: Snapshot) -> dict[str, float]:
        """Posterior probabilities of being within 3 % of the best, of the configurations that generate."""
        effects = self._effects(snapshot.rows)
        return {} if effects is None else effects.near(self._prepared.spec.seed)

    def _posterior(self, rows: Sequence[Row]) -> dict[str, Believed]:
        """What the factor model makes of the rows, once the search that used it has come to its finals."""
        prepared = self._prepared
        size = len(prepared.space.configurations), len(prepared.questions)
        if resolve(prepared.search, *size, prepared.answers) != "factor":
            return {}
        asked = self._journal.of(RoundAsked)
        final = any(request.reason == "final" for entry in asked for request in entry.requests)
        if not final and not any(self._journal.of(kind) for kind in (SearchEnded, ClosingBegun, SweepClosed)):
            return {}
        effects = self._effects(rows)
        return {} if effects is None else effects.posterior()

    def _effects(self, rows: Sequence[Row]) -> Effects | None:
        """The factor model of what was measured, fitted once as long as that stays the same."""
        prepared = self._prepared
        generating = [item for item in prepared.space.configurations if item.generates]
        if not generating:
            return None
        scores = {row.configuration.key: row.scores for row in rows}
        if self._fitted is None or self._fitted[0] != scores:
            names = [question.id for question in prepared.questions]
            made = Effects(generating, scores, names, prepared.goal, weights_of(prepared.questions))
            self._fitted = scores, made
        return self._fitted[1]

    def _judges(self, rows: Sequence[Row]) -> tuple[Calibration, ...]:
        """How far people's labels confirm the sweep's judges."""
        prepared = self._prepared
        labels = Labels(self._ledger, prepared.eval_set).all()
        answered = [(row.configuration, row.scores, row.answers) for row in rows]
        return tuple(calibrations(prepared.metrics, answered, prepared.questions, labels, self._passages.of))


def request_of(prepared: Prepared, asked: AskedRequest) -> Request:
    """Return a journalled request as the proposers know it."""
    return Request(prepared.configuration(asked.configuration), asked.questions, asked.reason)
