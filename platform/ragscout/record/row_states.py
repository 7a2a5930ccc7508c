"""The state of every row's run, made for each snapshot; what is dear of a row that did not change is made once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ragscout.model.results.board import Row as BoardRow
from ragscout.record.recorder import RecordedRow, Snapshot
from ragscout.record.runs import (
    MAX_NAME,
    MAX_PARAM,
    MAX_TAG,
    RESULTS,
    TAG_ARTIFACTS,
    TAG_KEY,
    TAG_KIND,
    TAG_NOTE,
    TAG_SWEEP,
    Results,
    RunState,
    badges,
    complete,
    logged,
    metrics,
    most_asked,
)
from ragscout.record.words import field_name


class RowStates:
    """Makes states of runs. Tables and files of a row that is the same object as before are not made again."""

    def __init__(self) -> None:
        self._results: dict[str, Results] = {}
        self._files: dict[str, tuple[RecordedRow, bytes]] = {}

    def of(self, snapshot: Snapshot) -> Iterator[RunState]:
        """Give one state for each row of the board that was asked something or failed, in the board's order."""
        measured = {row.configuration.key: row for row in snapshot.rows}
        shared = badges(snapshot)
        most = most_asked(snapshot.board)
        for row in snapshot.board.rows:
            if row.answered or row.failed:
                yield self._state(snapshot, row, measured.get(row.key), shared, most)

    def _state(
        self,
        snapshot: Snapshot,
        row: BoardRow,
        measured: RecordedRow | None,
        shared: Mapping[str, str],
        most: Mapping[str, int],
    ) -> RunState:
        board = snapshot.board
        tags: dict[str, str] = dict.fromkeys(map(str, row.marks), "true")
        if row.in_winner_set:
            tags["winner_set"] = "true"
        tags |= {TAG_SWEEP: snapshot.sweep, TAG_KEY: row.key, TAG_KIND: "configuration", "mlflow.runType": "evaluation"}
        tags["ragscout.answered"] = f"{row.answered}/{board.questions}"
        tags |= shared
        if row.failed:
            tags[TAG_NOTE] = row.failed[:MAX_TAG]
        closed = snapshot.closed or complete(board, row)
        tables, files = {}, {}
        if measured is not None and closed and measured.scores:
            tables[RESULTS] = self._table(snapshot, measured)
            tags[TAG_ARTIFACTS] = logged(tables)
        if measured is not None:
            files["configuration.json"] = self._configuration(measured)
        status = "RUNNING" if not snapshot.closed else "FAILED" if row.failed else "FINISHED"
        params = {field_name(name): str(value)[:MAX_PARAM] for name, value in row.knobs.items()}
        values = metrics(board, row, closed=snapshot.closed, most=most)
        return RunState(row.key, row.name[:MAX_NAME], status, params, values, tags, tables, files)

    def _table(self, snapshot: Snapshot, row: RecordedRow) -> Results:
        key = row.configuration.key
        known = self._results.get(key)
        if known is None or known.row is not row or known.eval_set is not snapshot.eval_set:
            known = self._results[key] = Results(snapshot.eval_set, snapshot.figures, row)
        return known

    def _configuration(self, row: RecordedRow) -> bytes:
        key = row.configuration.key
        known = self._files.get(key)
        if known is None or known[0] is not row:
            known = self._files[key] = row, _described(row)
        return known[1]


def _described(row: RecordedRow) -> bytes:
    steps: dict[str, Any] = {
        stage: {"use": step.name, "version": step.version, **step.parameters()}
        for stage, step in row.configuration.steps.items()
    }
    plain = {"key": row.configuration.key, "knobs": dict(row.configuration.knobs), "steps": steps}
    return (json.dumps(plain, ensure_ascii=False, indent=1, sort_keys=True, default=str) + "\n").encode()
