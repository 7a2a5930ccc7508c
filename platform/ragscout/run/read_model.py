"""What a sweep's journal and store say: rounds, rows, the board. A pure function of both; nothing is computed here."""

from __future__ import annotations

import threading
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
from ragscout.model.config import Configuration
from ragscout.model.results.board import Board, Holdout, Latency
from ragscout.model.results.journal import (
    AskedRequest,
    Chosen,
    ClosingBegun,
    HoldoutConfirmed,
    ProbeOver,
    SampleSettled,
    SearchEnded,
    SweepClosed,
    SweepOpened,
)
from ragscout.model.results.measured import Measured
from ragscout.plan.cells import CellReader
from ragscout.plan.holdout import sealed_must_pass
from ragscout.plan.outcome_table import total_usage, without_details
from ragscout.plan.setup import Setup, ordered
from ragscout.record.recorder import RecordedRow, Snapshot
from ragscout.record.words import of_language
from ragscout.run.journal_state import JournalCursor, JournalState
from ragscout.run.measured_rows import LazyRows, MeasuredRow, MeasuredRows
from ragscout.run.stored_board import StoredBoard, StoredBoards
from ragscout.run.waiting import waiting_notes
from ragscout.search import resolve
from ragscout.search.contract import Block, Request
from ragscout.serve.latency import latency
from ragscout.spec import dump
from ragscout.stats.shrinkage import Believed
from ragscout.store.store import Store


class View:
    """One sweep as it stands."""

    def __init__(self, prepared: Setup, store: Store, journal: SweepJournal) -> None:
        """Args: prepared = the sweep; store = where its cells lie; journal = of the sweep."""
        self._prepared, self._store, self._ledger = prepared, store, store.ledger
        self._entries, self._journal = journal, JournalCursor(journal)
        self._cells, self._kept = CellReader(store, prepared), RowCache()
        self._measured = MeasuredRows(prepared, self._cells)
        self._passages = GivenPassages(prepared, store)
        self._labels = Labels(store.ledger, prepared.eval_set)
        self._stored = StoredBoards(store.folder, prepared)
        self._prefixes: dict[str, str] = {}
        self._fitted: tuple[Sequence[RecordedRow], Effects] | None = None
        self._last: tuple[Mapping[str, int], Snapshot] | None = None
        self._reading, self._building = threading.RLock(), threading.Lock()

    @property
    def closed(self) -> bool:
        """Whether nothing more will be measured."""
        return self._journal.now().has(SweepClosed)

    def rounds(self) -> list[list[Request]]:
        """Return requests of every round that was proposed."""
        return [[request_of(self._prepared, item) for item in requests] for requests in self._journal.now().rounds]

    def block(self, request: Request, broken: Mapping[str, str]) -> Block:
        """Return what came back for a request. ``broken``: measure nodes that cannot be computed, with the cause."""
        configuration, names = request.configuration, request.questions
        with self._reading:
            self._cells.load([(configuration, names)])
            scores, _, _ = self._cells.table(configuration, names, broken)
            usage, _ = total_usage(self._cells.usage(configuration, names), names)
        return Block(configuration, without_details(scores), usage)

    def broken(self) -> dict[str, str]:
        """Measure nodes that could not be computed, with the cause."""
        return dict(self._journal.now().broken)

    def asked(self) -> list[tuple[Configuration, tuple[str, ...]]]:
        """Every configuration that was asked something with its questions, in the order of first asking."""
        asked = self._journal.now().asked
        return [(self._prepared.configuration(key), tuple(row.names)) for key, row in asked.items()]

    def answers_asked(self) -> int:
        """Answers that were asked for, with the hold-out's left out."""
        asked = self._journal.now().asked.items()
        return sum(len(row.names) for key, row in asked if self._prepared.configuration(key).generates)

    def probes(self) -> dict[str, Latency]:
        """Return what the latency probe saw, by configuration."""
        return {entry.key: latency(entry) for entry in self._journal.now().probed}

    def _opened(self, state: JournalState) -> Opened:
        """Return the hold-out's questions and scores, empty before it was confirmed."""
        prepared, chosen, confirmed = self._prepared, state.get(Chosen), state.get(HoldoutConfirmed)
        if confirmed is None or chosen is None:
            return Opened()
        held = prepared.eval_set.open_sealed(SealRecord(self._entries))
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

    def _holdout(self, state: JournalState, asked: int) -> Holdout | None:
        held, chosen = self._prepared.held, state.get(Chosen)
        if not held or chosen is None:
            return Holdout(held, bool(asked), asked) if held else None
        return Holdout(held, bool(asked), asked, chosen.used_by, chosen.seen, chosen.sealed)

    def rows(self) -> list[RecordedRow]:
        """Return what was asked, with its scores and answers."""
        return [item.row for item in self._update(self._journal.now()) if not item.row.configuration.sampled]

    def _update(self, state: JournalState) -> list[MeasuredRow]:
        with self._reading:
            return self._measured.update(state)

    def snapshot(self) -> Snapshot:
        """Everything that is known now. The board of a closed sweep is kept, and made again when it is not there."""
        with self._building:
            ends = {
                "sweep": self._ledger.journal_end(self._prepared.sweep_id),
                "labels": self._labels.end(),
            }
            if self._last is not None and self._last[0] == ends:
                return self._last[1]
            key = self._stored.key(ends)
            stored = self._stored.load(key)
            if stored is not None:
                found = self._snapshot(ends["sweep"], stored, LazyRows(self.rows), closed=True)
            else:
                state = self._journal.now()
                found = self._made(state)
                if not found.closed or state.sequence != ends["sweep"] or not self._final(state):
                    return found
                self._stored.save(key, StoredBoard(found.board, found.attachments, sweep_file(state)))
            self._last = ends, found
            return found

    def _final(self, state: JournalState) -> bool:
        """Whether no cell can still come: what a metric that broke could not score, it may once it works."""
        return not state.broken and all(item.complete for item in self._update(state))

    def _snapshot(self, sequence: int, stored: StoredBoard, rows: Sequence[RecordedRow], *, closed: bool) -> Snapshot:
        prepared = self._prepared
        return Snapshot(
            sweep=prepared.sweep_id,
            name=prepared.spec.sweep,
            sequence=sequence,
            spec=stored.sweep_file or self._current_file,
            eval_set=prepared.eval_set,
            board=stored.board,
            headline=headlines(stored.board),
            rows=rows,
            figures=prepared.figures,
            signatures=prepared.signatures,
            goal=prepared.goal.metric,
            closed=closed,
            attachments=stored.attachments,
        )

    @cached_property
    def _current_file(self) -> str:
        return dump(self._prepared.spec)

    def _made(self, state: JournalState) -> Snapshot:
        """Return the snapshot as it follows from journal and cells."""
        prepared, everything = self._prepared, self._update(state)
        whole = [item for item in everything if not item.row.configuration.sampled]
        rows, measured = [item.row for item in whole], [item.measured for item in whole]
        answers, retrieval = prepared.figures_of("answer"), prepared.figures_of("retrieval")
        facts = self._facts(state, rows)
        board = build_board(
            measured, prepared.questions, answers or retrieval, prepared.goal, facts, retrieval, self._kept
        )
        board = self._with_sample(board, state, everything)
        stored = StoredBoard(board, {}, sweep_file(state))
        made = self._snapshot(state.sequence, stored, rows, closed=state.has(SweepClosed))
        return self._audited(made) if made.closed else made

    def _facts(self, state: JournalState, rows: Sequence[RecordedRow]) -> Facts:
        """Return what the board says beside the rows."""
        prepared, opened, chosen = self._prepared, self._opened(state), state.get(Chosen)
        ended = state.get(SearchEnded) or state.get(SweepClosed)
        return Facts(
            prepared.spec.sweep,
            f"{prepared.eval_set.name}@{prepared.eval_set.version}",
            currency=prepared.currency,
            ended=ended.reason if ended is not None and ended.reason.limit else None,
            configurations=len(prepared.space.configurations),
            holdout=self._holdout(state, len(opened.questions)),
            opened=opened,
            recommended=chosen.recommended if chosen is not None else "",
            within=prepared.spec.goal.within,
            require=prepared.spec.goal.require,
            latency={entry.key: latency(entry) for entry in state.probed},
            probed=state.has(ProbeOver),
            seed=prepared.spec.seed,
            clusters=clusters_of(prepared.questions),
            notes=(
                *state.notes,
                *made_notes(prepared.questions),
                *sealed_must_pass(prepared.eval_set),
                *([prepared.weighted.note()] if prepared.weighted is not None else []),
                *([] if state.has(SweepClosed) else waiting_notes(state.waiting)),
            ),
            judges=self._judges(rows),
            posterior=self._posterior(rows, state),
        )

    def _with_sample(self, board: Board, state: JournalState, rows: Sequence[MeasuredRow]) -> Board:
        """With what a corpus sample said of retrieval beside it."""
        entry = state.get(SampleSettled)
        if entry is None:
            return board
        prefixes = {item.key: prefix for prefix, item in self._prepared.sampled.items()}
        measured = [item.measured for item in rows]
        on = {prefixes[item.configuration.key]: item for item in measured if item.configuration.sampled}
        whole = [
            (self._prefix(item.configuration), item)
            for item in measured
            if item.configuration.retrieves and not item.configuration.sampled
        ]
        sample = corpus_sample(entry, on, whole, self._prepared.questions, self._prepared.figures_of("retrieval"))
        return replace(board, sample=sample, notes=(*board.notes, *sample_notes(sample)))

    def _prefix(self, configuration: Configuration) -> str:
        """Key of a configuration's retrieval prefix."""
        if configuration.key not in self._prefixes:
            self._prefixes[configuration.key] = configuration.retrieval().key
        return self._prefixes[configuration.key]

    def audit(self, snapshot: Snapshot) -> Audit:
        """Return what the metrics of the sweep make of each other."""
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
        """Return the board by groups of questions."""
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

    def _posterior(self, rows: Sequence[RecordedRow], state: JournalState) -> dict[str, Believed]:
        """Return what the factor model makes of the rows, once the search that used it has come to its finals."""
        prepared = self._prepared
        size = len(prepared.space.configurations), len(prepared.questions)
        if resolve(prepared.search, *size, prepared.answers) != "factor":
            return {}
        if not state.finals and not state.has(SearchEnded, ClosingBegun, SweepClosed):
            return {}
        effects = self._effects(rows)
        return {} if effects is None else effects.posterior()

    def _effects(self, rows: Sequence[RecordedRow]) -> Effects | None:
        """Return the factor model of what was measured, fitted once as long as that stays the same."""
        prepared = self._prepared
        generating = [item for item in prepared.space.configurations if item.generates]
        if not generating:
            return None
        # a row that did not change is the same object
        before = () if self._fitted is None else self._fitted[0]
        if self._fitted is None or [*map(id, before)] != [*map(id, rows)]:
            scores = {row.configuration.key: row.scores for row in rows}
            names = [question.id for question in prepared.questions]
            made = Effects(generating, scores, names, prepared.goal, weights_of(prepared.questions))
            self._fitted = tuple(rows), made
        return self._fitted[1]

    def _judges(self, rows: Sequence[RecordedRow]) -> tuple[Calibration, ...]:
        """How far people's labels confirm the sweep's judges."""
        prepared = self._prepared
        labels = self._labels.all()
        answered = [(row.configuration, row.scores, row.answers) for row in rows]
        return tuple(calibrations(prepared.metrics, answered, prepared.questions, labels, self._passages.of))


def sweep_file(state: JournalState) -> str:
    """Return the sweep file as it was when the sweep opened, empty where an older journal holds no text of it."""
    opened = state.get(SweepOpened)
    return "" if opened is None else str(opened.record.get("sweep_file", ""))


def request_of(prepared: Setup, asked: AskedRequest) -> Request:
    """Return a journalled request as the proposers know it."""
    return Request(prepared.configuration(asked.configuration), asked.questions, asked.reason)
