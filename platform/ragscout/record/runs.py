"""What a snapshot looks like as MLflow runs: plain values, made without MLflow.

A run's state is a pure function of the snapshot, so the recorder only has to make the place equal to it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol, get_args

from ragscout.model.evalset import EvalSet
from ragscout.model.metric import Figure
from ragscout.model.outcome import Failure, Score
from ragscout.model.results.board import Board, FigureStat, Mark
from ragscout.model.results.board import Row as BoardRow
from ragscout.model.text import display_width
from ragscout.record.recorder import RecordedRow, Snapshot
from ragscout.record.words import description, field_name, of_language
from ragscout.words import Words

LAYOUT = 1
"""Grows when the same snapshot is written in another way, so that runs of an older layout are written anew."""

TAG_SWEEP = "ragscout.sweep"
TAG_KEY = "ragscout.key"
TAG_KIND = "ragscout.kind"
TAG_SEQUENCE = "ragscout.sequence"
TAG_DIGEST = "ragscout.row"
TAG_SNAPSHOT = "ragscout.snapshot"
TAG_RUNS = "ragscout.runs"
TAG_NOTE = "mlflow.note.content"
TAG_ARTIFACTS = "mlflow.loggedArtifacts"
MARKS = (*get_args(Mark), "winner_set")
"""Tags that come and go with the board."""

RELATIVE = frozenset(
    {
        "rank",
        "estimate",
        "adjusted",
        "adjusted_sd",
        "p_within_3",
        "vs_reference",
        "vs_reference.low",
        "vs_reference.high",
        "vs_reference.n",
    }
)
"""Metrics of a row that other rows decide as well."""

MAX_PARAM, MAX_TAG, MAX_NAME = 6000, 8000, 250
RESULTS = "results.json"

Value = str | float | int | bool | None


@dataclass(frozen=True)
class LoggedTable:
    """A table of plain cells, column by column."""

    columns: Mapping[str, list[Value]]

    def split(self) -> bytes:
        """Return the JSON form that MLflow's pages show as a table (pandas' ``orient='split'``). They take a dot in a
        column's name for a path and show nothing there, so it becomes ``_``."""
        names = [name.replace(".", "_") for name in self.columns]
        data = [list(line) for line in zip(*self.columns.values(), strict=True)]
        return json.dumps({"columns": names, "data": data}, ensure_ascii=False, allow_nan=False).encode()

    def table(self) -> LoggedTable:
        """Return itself; see ``TableSource``."""
        return self

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the JSON form."""
        return hashlib.sha256(self.split()).digest()


class TableSource(Protocol):
    """A table, or what can make it: thousands of rows hold their tables ready to be made."""

    @property
    def digest(self) -> bytes:
        """SHA-256 of the table's JSON form."""
        ...

    def table(self) -> LoggedTable:
        """Return the table."""
        ...


@dataclass(frozen=True)
class RunState:
    """One run as it should be. ``status`` is MLflow's; ``tables`` are written when the row is closed."""

    key: str
    name: str
    status: str
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, TableSource] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)

    def digest(self) -> str:
        """SHA-256 of everything but the status; equal digest, equal run."""
        made = hashlib.sha256()
        plain = (LAYOUT, self.name, dict(self.params), dict(self.metrics), dict(self.tags))
        made.update(json.dumps(plain, sort_keys=True).encode())
        for name, table in sorted(self.tables.items()):
            made.update(name.encode() + b"\0" + table.digest)
        for name, data in sorted(self.files.items()):
            made.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
        return made.hexdigest()


def complete(board: Board, row: BoardRow) -> bool:
    """Whether every question was asked of a row."""
    return not row.failed and row.answered >= board.questions


def metrics(
    board: Board, row: BoardRow, *, closed: bool = True, most: Mapping[str, int] | None = None
) -> dict[str, float]:
    """Every figure's mean with ``.low``, ``.high``, ``.scored``, ``.asked``, the rank and what the row costs.

    What other rows decide as well (``RELATIVE``) changes with every one of them, and MLflow keeps each value of a
    metric for ever, so it comes when the sweep is ``closed``. Until then it is in the tables of the sweep's own run.
    ``most``: what ``most_asked`` says of the board, where it is known.

    The goal of a row that was not asked every question is named ``partial.<goal>``, as is every other figure that is
    not known for all its questions: sorting by a plain name compares only rows measured on the same questions. What a
    corpus sample said of a row's retrieval is named ``sampled.<figure>``.
    """
    found: dict[str, float | None] = {
        "rank": row.rank,
        "answered": row.answered,
        "estimate": row.estimate,
        "adjusted": row.adjusted,
        "adjusted_sd": row.adjusted_sd,
        "p_within_3": row.near,
        "complexity": row.complexity,
        "cost_per_1000": row.cost.per_1000,
        "seconds": row.cost.seconds,
        "input_tokens": row.cost.input_tokens,
        "output_tokens": row.cost.output_tokens,
    }
    if row.versus_reference is not None:
        paired = row.versus_reference
        found |= {
            "vs_reference": paired.difference,
            "vs_reference.low": paired.low,
            "vs_reference.high": paired.high,
            "vs_reference.n": paired.n,
        }
    for group in row.groups:
        if group.group.startswith("slice:"):
            found[f"slice.{field_name(group.group.removeprefix('slice:'))}"] = group.mean
    most = most_asked(board) if most is None else most
    for name, stat in row.figures.items():
        prefix = "" if _full(board, row, name, stat, most) else "partial."
        label = prefix + field_name(name)
        found |= {
            label: stat.mean,
            f"{label}.low": stat.low,
            f"{label}.high": stat.high,
            f"{label}.scored": stat.scored,
            f"{label}.asked": stat.asked,
        }
    if board.sample is not None:
        found |= {f"sampled.{field_name(name)}": value for name, value in board.sample.of_row(row.key).items()}
    if complete(board, row):
        found["right"] = row.right
    if row.latency is not None:
        found |= {"p50_seconds": row.latency.p50, "p95_seconds": row.latency.p95}
    if row.confirmed is not None:
        stat = row.confirmed.figure
        found |= {"holdout": stat.mean, "holdout.low": stat.low, "holdout.high": stat.high, "holdout.n": stat.scored}
    kept = found if closed else {name: value for name, value in found.items() if name not in RELATIVE}
    return {name: float(value) for name, value in kept.items() if value is not None and math.isfinite(value)}


def _full(board: Board, row: BoardRow, figure: str, stat: FigureStat, most: Mapping[str, int]) -> bool:
    if complete(board, row):
        return True
    if row.failed or figure == board.goal.metric:
        return False
    return stat.asked >= board.questions or (figure in board.retrieval_figures and stat.asked == most[figure])


def most_asked(board: Board) -> dict[str, int]:
    """Return how many questions of any row a figure was asked for at most, by figure."""
    found: dict[str, int] = {}
    for row in (*board.rows, *board.retrieval):
        for name, stat in row.figures.items():
            found[name] = max(stat.asked, found.get(name, 0))
    return found


def parent_state(snapshot: Snapshot, page: bytes) -> RunState:
    """Return the sweep's own run: description, board and tables; no metric of its own, so that it stands in no ranking.
    ``page`` is the board as Markdown, left out when it is empty."""
    board = snapshot.board
    tables = {"leaderboard.json": board_table(board, board.rows)}
    if board.retrieval:
        tables["retrieval.json"] = board_table(board, board.retrieval)
    tags = {
        TAG_SWEEP: snapshot.sweep,
        TAG_KIND: "sweep",
        TAG_SEQUENCE: str(snapshot.sequence),
        TAG_NOTE: description(snapshot)[:MAX_TAG],
        TAG_ARTIFACTS: logged(tables),
        "ragscout.goal": board.goal.metric,
        "ragscout.eval_set": board.eval_set,
    }
    tags |= badges(snapshot)
    tags |= {f"signature.{field_name(name)}": text[:MAX_TAG] for name, text in snapshot.signatures.items()}
    files = {"board.json": board.to_json(), "sweep.yaml": snapshot.spec.encode()}
    files |= {"board.md": page} if page else {}
    files |= snapshot.attachments
    status = "FINISHED" if snapshot.closed else "RUNNING"
    return RunState(snapshot.sweep, snapshot.name[:MAX_NAME], status, {}, {}, tags, tables, files)


def badges(snapshot: Snapshot) -> dict[str, str]:
    """One tag per judge figure: its badge, or the agreement with people that it has."""
    lang = of_language(snapshot.eval_set)
    return {
        f"badge.{field_name(item.figure)}": item.badge(lang) or f"{item.coefficient} {item.agreement:.2f}"
        for item in snapshot.board.judges
    }


def view(snapshot: Snapshot) -> str:
    """Return the saved view ``Leaderboard`` of MLflow's run table: sorted by the goal, with rank, knobs, every figure
    and cost as columns. MLflow keeps a view as an experiment's tag: a name and the state of the page."""
    board = snapshot.board
    goal = field_name(board.ranked_by)
    figures = [field_name(name) for name in dict.fromkeys((board.ranked_by, *board.figures))]
    shown = ["rank", goal, f"{goal}.low", f"{goal}.high", *figures[1:], "answered", f"partial.{goal}"]
    shown += ["cost_per_1000"] if any(row.cost.per_1000 is not None for row in board.rows) else []
    columns = [f"metrics.`{name}`" for name in (*shown, "seconds")]
    columns += [f"params.`{field_name(name)}`" for name in board.knobs]
    columns += [f"tags.`{mark}`" for mark in ("recommended", "leader", "reference", "failed")]
    first = {"attributes.`Run Name`": 320, "runDateAndNestInfo": 150, "duration": 90}
    state = {
        "searchFilter": "",
        "orderByKey": f"metrics.`{goal}`",
        "orderByAsc": not board.goal.higher,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": columns,
        "columnOrder": [*first, *columns],
        "columnWidths": {**first, **{column: _width(column) for column in columns}},
    }
    plain = {
        "name": Words(of_language(snapshot.eval_set))("mlflow.view"),
        "createdAt": 0,
        "updatedAt": 0,
        "state": json.dumps(state),
    }
    return json.dumps(plain, ensure_ascii=False, sort_keys=True)


def _width(column: str) -> int:
    """Pixels for a title in MLflow's table font, so that names of metrics are not cut off."""
    return min(300, max(96, 40 + 7 * display_width(column.partition("`")[2])))


def board_table(board: Board, rows: tuple[BoardRow, ...]) -> LoggedTable:
    """Rows of the board as a table: rank, name, marks, answered, then mean and interval of every figure, then cost."""
    figures = [name for name in (*board.figures, *board.retrieval_figures) if any(name in row.figures for row in rows)]
    columns: dict[str, list[Value]] = {
        "rank": [row.rank for row in rows],
        "name": [row.name for row in rows],
        "marks": [", ".join(row.marks) for row in rows],
        "answered": [row.answered for row in rows],
    }
    for name in dict.fromkeys(figures):
        stats = [row.figures.get(name) for row in rows]
        columns[name] = [stat.mean if stat else None for stat in stats]
        columns[f"{name} low"] = [stat.low if stat else None for stat in stats]
        columns[f"{name} high"] = [stat.high if stat else None for stat in stats]
    columns[f"cost per 1,000 {board.currency}".rstrip()] = [row.cost.per_1000 for row in rows]
    columns["seconds"] = [row.cost.seconds for row in rows]
    columns["complexity"] = [row.complexity for row in rows]
    columns["failed"] = [row.failed for row in rows]
    return LoggedTable(columns)


def results(snapshot: Snapshot, row: RecordedRow) -> LoggedTable:
    """Per-question results of a row, development questions only, in the set's order. Figures without a value are
    empty and their reason stands under ``failures``."""
    return Results(snapshot.eval_set, snapshot.figures, row).table()


@dataclass(frozen=True)
class Results:
    """The per-question table of a row, made when it is asked for."""

    eval_set: EvalSet
    figures: Sequence[Figure]
    row: RecordedRow

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the table's JSON form."""
        return self.table().digest

    def table(self) -> LoggedTable:
        """Return the table."""
        row = self.row
        asked = [question for question in self.eval_set.development if question.id in row.scores]
        outcomes = [row.scores[question.id] for question in asked]
        names = list(dict.fromkeys([figure.name for figure in self.figures] + [n for got in outcomes for n in got]))
        columns: dict[str, list[Value]] = {
            "id": [question.id for question in asked],
            "question": [question.text for question in asked],
            "reference": [question.references[0] if question.references else None for question in asked],
            "answerable": [question.answerable for question in asked],
            "answer": [row.answers.get(question.id) for question in asked],
        }
        for name in names:
            if any(name in got for got in outcomes):
                columns[name] = [_value(got.get(name)) for got in outcomes]
        columns["failures"] = [_failures(got) for got in outcomes]
        return LoggedTable(columns)


def questions(snapshot: Snapshot) -> LoggedTable:
    """Return the development questions, as the dataset that MLflow shows."""
    asked = snapshot.eval_set.development
    return LoggedTable(
        {
            "id": [question.id for question in asked],
            "question": [question.text for question in asked],
            "reference": [question.references[0] if question.references else None for question in asked],
            "answerable": [question.answerable for question in asked],
            "type": [question.type for question in asked],
            "slice": [question.slice for question in asked],
        }
    )


def _value(outcome: Score | Failure | None) -> float | None:
    return outcome.value if isinstance(outcome, Score) else None


def _failures(outcomes: Mapping[str, Score | Failure]) -> str:
    """``kind: figures`` of what is no score, for example ``refused: bleu, meteor``."""
    found: dict[str, list[str]] = {}
    for name, outcome in outcomes.items():
        if isinstance(outcome, Failure):
            found.setdefault(outcome.kind, []).append(name)
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in found.items())


def logged(tables: Mapping[str, TableSource]) -> str:
    """Return the tag by which MLflow's pages find the tables of a run."""
    return json.dumps([{"path": name, "type": "table"} for name in tables])
