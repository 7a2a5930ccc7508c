"""Rows of the board in order, with their marks and comparisons (see ``search.board`` for the rules)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ragscout.board import labelled as labelled
from ragscout.board.compare import ComparisonTable, against_leader, against_reference, recommended_row
from ragscout.board.confirmation import Opened
from ragscout.board.limits import excess
from ragscout.board.metric_values import MISSING_LIMIT
from ragscout.board.question_weights import weights_of
from ragscout.judges.ppi import Calibration
from ragscout.model.evalset import Question
from ragscout.model.results.board import FigureStat, Goal, Holdout, Latency, Mark, Note, Row
from ragscout.model.results.measured import Measured
from ragscout.model.results.reason import Reason
from ragscout.plan.outcome_table import column_of
from ragscout.stats.crossfit import crossfit
from ragscout.stats.rounding import rounded
from ragscout.stats.shrinkage import Believed, believed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ALWAYS = ("reference", "baseline", "include")


@dataclass(frozen=True)
class Facts:
    """What the board says beside the rows. ``ended``: what ended the sweep when it was a clock or a budget.
    ``configurations``: how many the space has. ``holdout``: the sealed questions, ``opened`` what they said once the
    row to export, ``recommended``, was fixed. ``within``, ``require``: the goal's limits; ``latency``: what the probe
    saw, by key, and whether it is over (``probed``).
    ``judges``: what people's labels say of each judge figure. ``posterior``: of the factor model by key, empty where
    the search did not use it or it did not pass its check."""

    sweep: str
    eval_set: str
    currency: str = ""
    ended: Reason | None = None
    configurations: int = 0
    holdout: Holdout | None = None
    opened: Opened = field(default_factory=Opened)
    recommended: str = ""
    within: Mapping[str, float] = field(default_factory=dict)
    require: Mapping[str, float] = field(default_factory=dict)
    latency: Mapping[str, Latency] = field(default_factory=dict)
    probed: bool = False
    seed: int = 0
    clusters: Mapping[str, str] | None = None
    notes: tuple[Note, ...] = ()
    judges: tuple[Calibration, ...] = ()
    posterior: Mapping[str, Believed] = field(default_factory=dict)


def ranked(
    rows: Sequence[Row], measured: Sequence[Measured], questions: Sequence[Question], goal: Goal, facts: Facts
) -> tuple[tuple[Row, ...], float | None, labelled.GoalLabels | None]:
    """Rows in order with all comparisons, the typical sd of paired differences to the leader, what labels correct.

    ``rows``: one per item of ``measured``, with everything that needs no other row.
    """
    if not rows:
        return (), None, None
    values, scored = _table(measured, questions, goal)
    labels = labelled.goal_labels(measured, questions, goal, facts.judges, values, scored)
    rows = labelled.with_figure(rows, goal, labels)
    weights = weights_of(questions)
    rows = _with_posterior(rows, values, scored, weights, labels, facts.posterior)
    must = [column for column, question in enumerate(questions) if question.must_pass]
    depth = _depth(rows, len(questions))
    basic = [_marks(row, depth, len(questions), goal, values[i], scored[i], must) for i, row in enumerate(rows)]
    rows = [replace(row, latency=facts.latency.get(row.key)) for row in rows]
    over = [bool(excess(row, facts.within, facts.probed)) for row in rows]
    basic = [(*marks, "over_limit") if far else marks for far, marks in zip(over, basic, strict=True)]
    own = labelled.own_answers(facts.judges)
    basic = [(*marks, "own_judge") if row.key in own else marks for row, marks in zip(rows, basic, strict=True)]
    order = sorted(range(len(rows)), key=lambda i: _place(replace(rows[i], marks=basic[i]), depth, goal))
    rows = [replace(rows[i], rank=rank, marks=basic[i]) for rank, i in enumerate(order, 1)]
    groups = tuple(facts.clusters.get(question.id, question.id) for question in questions) if facts.clusters else ()
    raw = ComparisonTable(values[order] * goal.sign, scored[order], goal.sign, weights, groups)
    table = labelled.table(raw, order, labels)
    rows = against_reference(rows, table, depth)
    family = [i for i, row in enumerate(rows) if _eligible(row, depth)]
    if not family:
        return tuple(rows), None, labels
    rows, sd = against_leader(rows, table, family, facts.seed)
    rows = labelled.with_counts(rows, raw, family[0], labels)
    rows[family[0]] = replace(rows[family[0]], crossfit=_crossfit(table, family, goal, facts.seed))
    # labels that came after the choice may change it, unless sealed questions were read for the chosen row
    pinned = facts.recommended if facts.opened.questions or labels is None or not labels.ranks else ""
    fixed = [rows[i] for i in family if rows[i].key == pinned]
    chosen = fixed[0] if fixed else recommended_row([rows[i] for i in family], goal)
    for i in family:
        marks: tuple[Mark, ...] = ("leader",) if i == family[0] else ()
        marks += ("recommended",) if rows[i].key == chosen.key else ()
        rows[i] = replace(rows[i], marks=(*marks, *rows[i].marks))
    return tuple(rows), sd, labels


def _with_posterior(
    rows: Sequence[Row],
    values: Floats,
    scored: NDArray[np.bool_],
    weights: Sequence[float],
    labels: labelled.GoalLabels | None,
    model: Mapping[str, Believed],
) -> list[Row]:
    """Rows with their adjusted means and posteriors: the factor model's where it knows every row, else the rows' own.
    Corrected scores have their own posterior, without an sd: the labels' part of it is not in the table."""
    corrected = labels is not None and labels.ranks
    means, found = believed(values if labels is None else labels.values(values), scored, weights)
    live = [row.key for row, item in zip(rows, found, strict=True) if item is not None]
    use = not corrected and all(key in model for key in live)
    made = []
    for row, mean, own in zip(rows, means, found, strict=True):
        if own is None:
            made.append(row)
            continue
        best = model[row.key] if use else own
        # a model that leaves out what a row has of its own is too sure of it: simulated, its 95 % interval held 83-95 %
        sd = None if corrected or best.sd is None else rounded(max(best.sd, own.sd or 0.0))
        made.append(replace(row, estimate=rounded(float(mean)), adjusted=rounded(best.mean), adjusted_sd=sd))
    return made


def _crossfit(table: ComparisonTable, family: Sequence[int], goal: Goal, seed: int) -> FigureStat | None:
    """Return the cross-fitted score of the best of the rows that were compared, in the goal's own units."""
    values = table.common(family)
    bounds = None if goal.low is None or goal.high is None else sorted((goal.low * table.sign, goal.high * table.sign))
    found = crossfit(values, (bounds[0], bounds[1]) if bounds else None, seed)
    if found is None:
        return None
    low, high = sorted((found.low * table.sign, found.high * table.sign))
    n = int(table.shared(family).sum())
    return FigureStat(rounded(found.mean * table.sign), rounded(low), rounded(high), n, n)


def _depth(rows: Sequence[Row], total: int) -> int:
    """How many questions a row must have answered to be compared for the first place."""
    alive = [row for row in rows if row.estimate is not None and not row.failed]
    candidates = [row for row in alive if not set(row.roles) & set(ALWAYS)] or alive
    answered = sorted((row.answered for row in candidates), reverse=True)
    if not answered:
        return total
    return total if answered[0] >= total else answered[min(2, len(answered) - 1)]


def _marks(
    row: Row, depth: int, total: int, goal: Goal, values: Floats, scored: NDArray[np.bool_], must: Sequence[int]
) -> tuple[Mark, ...]:
    marks: list[Mark] = []
    if "reference" in row.roles:
        marks.append("reference")
    if "baseline" in row.roles:
        marks.append("baseline")
    if row.failed:
        marks.append("failed")
    elif row.estimate is None:
        marks.append("unscored")  # what is open may be filled by the next run, and is no failure of the row
    elif row.answered < total:
        marks.append("partial")
    stat = row.figures.get(goal.metric)
    if stat is not None and stat.missing > MISSING_LIMIT:
        marks.append("cannot_win")
    level = goal.pass_level if goal.pass_level is not None else goal.middle
    if level is not None and any(scored[column] and not passes(float(values[column]), level, goal) for column in must):
        marks.append("must_pass")
    return tuple(marks)


_OUT: tuple[Mark, ...] = ("failed", "unscored", "cannot_win", "over_limit")
"""Marks of rows that cannot lead."""


def _eligible(row: Row, depth: int) -> bool:
    return row.answered >= depth and not any(row.has(mark) for mark in _OUT)


def _place(row: Row, depth: int, goal: Goal) -> tuple[int, float, str]:
    if row.has("failed") or row.has("unscored"):
        return 3, float(row.has("failed")), row.key
    tier = 0 if _eligible(row, depth) else 1 if row.answered >= depth else 2
    return tier, -goal.sign * (row.adjusted or 0.0), row.key


def passes(value: float, level: float, goal: Goal) -> bool:
    """Whether a value counts as right."""
    return value >= level if goal.higher else value <= level


def _table(measured: Sequence[Measured], questions: Sequence[Question], goal: Goal) -> tuple[Floats, NDArray[np.bool_]]:
    import numpy as np

    values = np.zeros((len(measured), len(questions)))
    scored = np.zeros(values.shape, dtype=bool)
    asked = [question.id for question in questions]
    for row, item in enumerate(measured):
        found, known = column_of(item.scores, goal.metric, asked).counted(goal)
        values[row], scored[row] = np.where(known, found, 0.0), known
    return values, scored
