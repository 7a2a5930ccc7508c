"""What a sweep's journal and store say: rounds, rows, the board. A pure function of both; nothing is computed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ragscout.engine.cells import CellReader
from ragscout.engine.labels import Labels
from ragscout.engine.prepare import Prepared
from ragscout.engine.session import journal_view
from ragscout.engine.store import Store
from ragscout.model.board import Note
from ragscout.model.config import Configuration
from ragscout.model.outcome import Usage
from ragscout.record.recorder import Row, Snapshot
from ragscout.search.board import Facts, build_board
from ragscout.search.calibration_ppi import Calibration
from ragscout.search.calibration_sweep import calibrations
from ragscout.search.contract import Block, Request
from ragscout.search.figures import Measured

BUDGET = "the budget is spent"


class View:
    """One sweep as it stands."""

    def __init__(self, prepared: Prepared, store: Store) -> None:
        """Args: prepared = the sweep; store = where its journal and its cells lie."""
        self._prepared, self._ledger = prepared, store.ledger
        self._cells = CellReader(store, prepared)

    @property
    def closed(self) -> bool:
        """Whether nothing more will be measured."""
        return bool(journal_view(self._ledger.journal(self._prepared.sweep_id), "closed"))

    def rounds(self) -> list[list[Request]]:
        """Requests of every round that was proposed."""
        entries = self._ledger.journal(self._prepared.sweep_id)
        return [[self._request(item) for item in view["requests"]] for view in journal_view(entries, "round")]

    def block(self, request: Request, broken: Mapping[str, str]) -> Block:
        """What came back for a request. ``broken``: measure nodes that cannot be computed, with the cause."""
        scores = self._cells.scores(request.configuration, request.questions, broken)
        usage = self._cells.usage(request.configuration, request.questions)
        return Block(request.configuration, scores, sum(usage.values(), Usage()))

    def broken(self) -> dict[str, str]:
        """Measure nodes that could not be computed, with the cause."""
        entries = self._ledger.journal(self._prepared.sweep_id)
        return {key: why for view in journal_view(entries, "measured") for key, why in dict(view["broken"]).items()}

    def asked(self) -> list[tuple[Configuration, tuple[str, ...]]]:
        """Every configuration that was asked something with its questions, in the order of first asking."""
        found: dict[str, dict[str, None]] = {}
        for request in (item for requests in self.rounds() for item in requests):
            found.setdefault(request.configuration.key, {}).update(dict.fromkeys(request.questions))
        return [(self._prepared.configuration(key), tuple(names)) for key, names in found.items()]

    def rows(self) -> list[Row]:
        """What was asked, with its scores and answers."""
        broken = self.broken()
        return [
            Row(item, self._cells.scores(item, names, broken), self._cells.answers(item, names))
            for item, names in self.asked()
        ]

    def snapshot(self) -> Snapshot:
        """Everything that is known now."""
        prepared = self._prepared
        entries = self._ledger.journal(prepared.sweep_id)
        failed = {key: why for view in journal_view(entries, "measured") for key, why in dict(view["failed"]).items()}
        closed = journal_view(entries, "closed")
        notes = [Note(**note) for view in journal_view(entries, "measured")[-1:] for note in view["notes"]]
        why = str(closed[-1]["why"]) if closed else ""
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
            ended=why if why.startswith(BUDGET) else "",
            configurations=len(prepared.space.configurations),
            holdout=bool(prepared.eval_set.holdout_share),
            seed=prepared.spec.seed,
            notes=tuple(notes),
            judges=self._judges(rows),
        )
        answers, retrieval = prepared.figures_of("answer"), prepared.figures_of("retrieval")
        return Snapshot(
            sweep=prepared.sweep_id,
            name=prepared.spec.sweep,
            sequence=entries[-1].seq if entries else 0,
            spec=prepared.opening.spec,
            eval_set=prepared.eval_set,
            board=build_board(measured, prepared.questions, answers or retrieval, prepared.goal, facts, retrieval),
            rows=rows,
            figures=prepared.figures,
            signatures=prepared.signatures,
            goal=prepared.goal.metric,
            closed=bool(closed),
        )

    def _judges(self, rows: Sequence[Row]) -> tuple[Calibration, ...]:
        """How far people's labels confirm the sweep's judges."""
        prepared = self._prepared
        labels = Labels(self._ledger, prepared.eval_set).all()
        answered = [(row.configuration, row.scores, row.answers) for row in rows]
        return tuple(calibrations(prepared.metrics, answered, prepared.questions, labels))

    def _request(self, item: Mapping[str, object]) -> Request:
        names = item["questions"]
        assert isinstance(names, list)
        return Request(self._prepared.configuration(str(item["configuration"])), tuple(names), str(item["reason"]))


def plain(request: Request) -> dict[str, object]:
    """A request as the journal keeps it."""
    return {
        "configuration": request.configuration.key,
        "questions": list(request.questions),
        "reason": request.reason,
    }
