"""From measurements to the leaderboard.

How rows are ordered. The *estimate* of a row is its mean corrected for which questions it answered (a two-way fit of
configurations and questions); for a row that answered everything it is the plain mean. Rows are compared for the first
place only at the depth of the search: all rows that answered every question if any candidate did, else all rows with at
least as many questions as the third-deepest candidate. These come first, by estimate; then rows that cannot win
because more than 2 % of their scores are missing; then the partly measured ones, by estimate; then what failed.

With labels of people for a judge that is the goal and is biased, rows are ordered and compared by the scores that the
labels correct (``search.calibration_ppi``).

*Leader*: the first row. *Winner set*: rows of that depth whose simultaneous lower bound for (leader - row) is at most
0. *Recommended*: the cheapest (money, then tokens), then simplest member of the winner set within one point of the
leader.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from ragscout.model.board import Board, FigureStat, Goal, Holdout, Latency, Mark, Note, Row
from ragscout.model.calibration import CORRECTED
from ragscout.model.config import Configuration
from ragscout.model.evalset import Question
from ragscout.model.key import short
from ragscout.model.metric import Figure
from ragscout.search import calibration_board as labelled
from ragscout.search import figures as parts
from ragscout.search.calibration_ppi import Calibration
from ragscout.search.compare import Table, against_leader, against_reference, recommended_row
from ragscout.search.complexity import complexity
from ragscout.search.confirmation import Opened, confirm
from ragscout.search.crossfit import crossfit
from ragscout.search.duels import duel_notes, with_duels
from ragscout.search.figures import MISSING_LIMIT, Measured, rounded
from ragscout.search.limits import excess, limit_notes
from ragscout.search.notes import board_notes
from ragscout.search.outcomes import adjusted_means, goal_value
from ragscout.search.rowcache import RowCache
from ragscout.search.weights import weight_notes, weighted, weighted_stat, weights_of

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
    ``judges``: what people's labels say of each judge figure."""

    sweep: str
    eval_set: str
    currency: str = ""
    ended: str = ""
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


def build_board(
    measured: Sequence[Measured],
    questions: Sequence[Question],
    figures: Sequence[Figure],
    goal: Goal,
    facts: Facts,
    retrieval_figures: Sequence[Figure] = (),
    kept: RowCache | None = None,
) -> Board:
    """The leaderboard of what was measured; a pure function: equal inputs give equal bytes.

    ``figures``: of answers, in display order; ``retrieval_figures``: of rankings. Configurations that generate nothing
    form the second table, unless none generates. ``kept``: rows of the board's last state, which change no number.
    """
    kept = kept or RowCache()
    generating = any(item.configuration.generates for item in measured)
    main = _unique([item for item in measured if item.configuration.generates or not generating])
    prefixes = _unique([item for item in measured if generating and not item.configuration.generates])
    everything = (*figures, *retrieval_figures)
    rows, sd, labels = _main_rows(main, questions, everything, goal, facts, kept)
    rows = with_duels(confirm(rows, facts.opened, everything, goal), main, questions, goal)
    retrieval = _retrieval_rows(prefixes, questions, everything, retrieval_figures, facts, kept)
    board = Board(
        sweep=facts.sweep,
        eval_set=facts.eval_set,
        goal=goal,
        questions=len(questions),
        configurations=max(facts.configurations, len(rows)),
        rows=rows,
        retrieval=retrieval,
        figures=_present(rows, everything),
        retrieval_figures=_present(retrieval, everything),
        knobs=tuple(differing([item.configuration for item in main])),
        currency=facts.currency,
        ended=facts.ended,
        within=dict(facts.within),
        holdout=facts.holdout,
        judges=labelled.standings(facts.judges, goal, labels),
        lower_is_better=tuple(figure.name for figure in everything if not figure.higher_is_better),
    )
    said = (*limit_notes(board, facts.require), *duel_notes(board), *weight_notes(questions, goal))
    notes = (*said, *board_notes(board, sd), *facts.notes)
    return replace(board, notes=notes)


def differing(configurations: Sequence[Configuration]) -> list[str]:
    """Knobs that take more than one value (or are absent) among configurations; order: of the one with most knobs."""
    longest = max(configurations, key=lambda item: len(item.knobs), default=None)
    names = list(
        dict.fromkeys([*(longest.knobs if longest else ()), *(k for item in configurations for k in item.knobs)])
    )
    return [name for name in names if len({item.knobs.get(name) for item in configurations}) > 1]


def row_names(configurations: Sequence[Configuration]) -> list[str]:
    """Names by the knobs that differ; equal names get the start of the key."""
    knobs = differing(configurations)
    names = [
        item.name or " · ".join(item.knobs[knob] for knob in knobs if knob in item.knobs) or item.label()
        for item in configurations
    ]
    return [
        f"{name} ({short(item.key)})" if names.count(name) > 1 else name
        for name, item in zip(names, configurations, strict=True)
    ]


def _unique(measured: Sequence[Measured]) -> list[Measured]:
    found: dict[str, Measured] = {}
    for item in measured:
        found.setdefault(item.configuration.key, item)
    return list(found.values())


def _present(rows: Sequence[Row], figures: Sequence[Figure]) -> tuple[str, ...]:
    names = list(dict.fromkeys(name for figure in figures for name in (figure.name, figure.name + CORRECTED)))
    names += sorted({name for row in rows for name in row.figures} - set(names))
    return tuple(name for name in names if any(name in row.figures for row in rows))


def _plain_rows(
    measured: Sequence[Measured],
    questions: Sequence[Question],
    figures: Sequence[Figure],
    goal: Goal,
    facts: Facts,
    kept: RowCache,
) -> list[Row]:
    """Rows with everything that needs no other row."""
    names = row_names([item.configuration for item in measured])
    rows = []
    for item, name in zip(measured, names, strict=True):
        make = partial(_plain_row, item, questions, figures, goal, facts.clusters)
        row = kept.row(item, questions, figures, goal, facts.clusters, make)
        rows.append(row if row.name == name else replace(row, name=name))
    return rows


def _plain_row(
    item: Measured,
    questions: Sequence[Question],
    figures: Sequence[Figure],
    goal: Goal,
    clusters: Mapping[str, str] | None,
) -> Row:
    asked = [question for question in questions if question.id in item.scores]
    stats = {figure.name: parts.figure_stat(figure, item, asked, clusters) for figure in figures}
    known = {figure: stat for figure, stat in stats.items() if stat is not None}
    known |= {figure: parts.set_stat(interval) for figure, interval in sorted(item.set_figures.items())}
    if goal.metric in known and weights_of(questions):
        known[goal.metric] = weighted_stat(known[goal.metric], goal, item, asked, clusters)
    values = [goal_value(scores.get(goal.metric), goal) for scores in item.scores.values()]
    level = goal.pass_level
    right = None
    if level is not None:
        right = sum(value is not None and _passes(value, level, goal) for value in values)
    return Row(
        rank=0,
        key=item.configuration.key,
        name="",
        knobs=dict(item.configuration.knobs),
        roles=item.configuration.roles,
        marks=(),
        answered=len(asked),
        estimate=None,
        adjusted=None,
        figures=known,
        right=right,
        cost=parts.cost(item, questions),
        complexity=complexity(item.configuration),
        groups=parts.groups(goal, item, questions),
        failed=item.failed,
    )


def _passes(value: float, level: float, goal: Goal) -> bool:
    return value >= level if goal.higher else value <= level


def _table(measured: Sequence[Measured], questions: Sequence[Question], goal: Goal) -> tuple[Floats, NDArray[np.bool_]]:
    import numpy as np

    values = np.zeros((len(measured), len(questions)))
    scored = np.zeros(values.shape, dtype=bool)
    columns = {question.id: column for column, question in enumerate(questions)}
    for row, item in enumerate(measured):
        for question, outcomes in item.scores.items():
            value = goal_value(outcomes.get(goal.metric), goal)
            column = columns.get(question)
            if value is not None and column is not None:
                values[row, column], scored[row, column] = value, True
    return values, scored


def _main_rows(
    measured: Sequence[Measured],
    questions: Sequence[Question],
    figures: Sequence[Figure],
    goal: Goal,
    facts: Facts,
    kept: RowCache,
) -> tuple[tuple[Row, ...], float | None, labelled.GoalLabels | None]:
    """Rows in order with all comparisons, the typical sd of paired differences to the leader, what labels correct."""
    rows = _plain_rows(measured, questions, figures, goal, facts, kept)
    if not rows:
        return (), None, None
    values, scored = _table(measured, questions, goal)
    labels = labelled.goal_labels(measured, questions, goal, facts.judges, values, scored)
    rows = labelled.with_figure(rows, goal, labels)
    weights = weights_of(questions)
    adjusted = adjusted_means(weighted(values if labels is None else labels.values(values), weights), scored)
    rows = [
        replace(row, adjusted=rounded(float(mean)), estimate=rounded(float(mean))) if math.isfinite(mean) else row
        for row, mean in zip(rows, adjusted, strict=True)
    ]
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
    raw = Table(values[order] * goal.sign, scored[order], goal.sign)
    table = labelled.table(replace(raw, values=weighted(raw.values, weights)), order, labels)
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


def _crossfit(table: Table, family: Sequence[int], goal: Goal, seed: int) -> FigureStat | None:
    """The cross-fitted score of the best of the rows that were compared, in the goal's own units."""
    common = table.scored[list(family)].all(0)
    values = table.values[list(family)][:, common]
    bounds = None if goal.low is None or goal.high is None else sorted((goal.low * table.sign, goal.high * table.sign))
    found = crossfit(values, (bounds[0], bounds[1]) if bounds else None, seed)
    if found is None:
        return None
    low, high = sorted((found.low * table.sign, found.high * table.sign))
    return FigureStat(rounded(found.mean * table.sign), rounded(low), rounded(high), found.n, found.n)


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
    if row.failed or row.estimate is None:
        marks.append("failed")
    elif row.answered < total:
        marks.append("partial")
    stat = row.figures.get(goal.metric)
    if stat is not None and stat.missing > MISSING_LIMIT:
        marks.append("cannot_win")
    level = goal.pass_level if goal.pass_level is not None else goal.middle
    if level is not None and any(scored[column] and not _passes(float(values[column]), level, goal) for column in must):
        marks.append("must_pass")
    return tuple(marks)


def _eligible(row: Row, depth: int) -> bool:
    out = row.has("failed") or row.has("cannot_win") or row.has("over_limit")
    return row.answered >= depth and not out


def _place(row: Row, depth: int, goal: Goal) -> tuple[int, float, str]:
    if row.has("failed"):
        return 3, 0.0, row.key
    tier = 0 if _eligible(row, depth) else 1 if row.answered >= depth else 2
    return tier, -goal.sign * (row.estimate or 0.0), row.key


def _retrieval_rows(
    measured: Sequence[Measured],
    questions: Sequence[Question],
    figures: Sequence[Figure],
    retrieval_figures: Sequence[Figure],
    facts: Facts,
    kept: RowCache,
) -> tuple[Row, ...]:
    """Retrieval prefixes, ordered by the first retrieval figure."""
    if not measured:
        return ()
    first = Goal.of((retrieval_figures or figures)[0]) if (retrieval_figures or figures) else Goal("")
    rows = _plain_rows(measured, questions, figures, first, facts, kept)

    def value(row: Row) -> float | None:
        stat = row.figures.get(first.metric)
        return stat.mean if stat is not None else None

    def place(row: Row) -> tuple[bool, float, str]:
        mean = value(row)
        return mean is None, -first.sign * mean if mean is not None else 0.0, row.key

    ordered = sorted(rows, key=place)
    failed: tuple[Mark, ...] = ("failed",)
    partial: tuple[Mark, ...] = ("partial",)
    found = []
    for rank, row in enumerate(ordered, 1):
        marks = failed if value(row) is None else partial if row.answered < len(questions) else ()
        found.append(replace(row, rank=rank, estimate=value(row), right=None, marks=marks))
    return tuple(found)
