"""Do the metrics of a sweep agree? Rank correlations between them, and the questions on which they disagree most.

Two tables of rank correlations (``search.rank_correlation``). *Configurations*: each figure's mean over the questions
that every compared row answered gives an order of the rows. *Questions*: each figure's mean over the rows gives an
order of the questions by difficulty.

Figures that are better when lower are turned round first, a candidate's failure counts as the floor, and what a metric
could not score is left out. Figures that are no shares (tokens) and figures that are equal everywhere are left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

from ragscout.model.evalset import Question
from ragscout.model.metric import Figure
from ragscout.model.results.board import Goal, Note
from ragscout.model.results.measured import Measured
from ragscout.plan.outcome_table import column_of
from ragscout.stats.ordering import orderable
from ragscout.stats.rank_correlation import (
    FEWEST_ROWS,
    Correlation,
    across_questions,
    across_rows,
    average_ranks,
    row_means,
)
from ragscout.stats.rounding import rounded
from ragscout.words import phrase

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MOST_ROWS = 150
"""Of more rows than this, those with the smallest keys are compared: a sample drawn by hash."""
SHOWN = 10
LOW = 0.2
APART = 0.4
"""The goal disagrees when its median tau with the others is below ``LOW``, or by ``APART`` below theirs."""


@dataclass(frozen=True)
class Disputed:
    """A question on which the metrics disagree: ``spread`` is the standard deviation, 0..0.5, of its place among the
    questions (0 hardest, 1 easiest) by metric; ``scores`` are the means over the rows."""

    question: str
    text: str
    spread: float
    scores: Mapping[str, float]


@dataclass(frozen=True)
class Audit:
    """What the metrics of a sweep make of each other. ``best``: by figure, the name of the row it puts first.
    ``left_out``: figures that could not be compared, with the reason (``no_share``, ``unscored`` or
    ``equal``). ``agreement``: median tau of the goal with the
    other answer metrics; ``rest``: median tau among those; ``over``: ``configurations`` or ``questions``, whichever
    these two are taken from."""

    goal: str
    rows: int
    questions: int
    configurations: tuple[Correlation, ...]
    across_questions: tuple[Correlation, ...]
    best: Mapping[str, str]
    disputed: tuple[Disputed, ...]
    left_out: Mapping[str, str]
    over: str
    agreement: float | None
    rest: float | None
    notes: tuple[Note, ...] = ()

    def to_json(self) -> bytes:
        """Canonical UTF-8 bytes."""
        text = json.dumps(asdict(self), ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
        return (text + "\n").encode()


def audit(
    measured: Sequence[Measured],
    names: Mapping[str, str],
    questions: Sequence[Question],
    figures: Sequence[Figure],
    goal: Goal,
    *,
    family: Sequence[str],
    seed: int = 0,
) -> Audit:
    """Compare the metrics of a sweep.

    Args:
        measured: what was measured, in any order.
        names: configuration key to its name on the board; configurations without a name are left out.
        questions: the development questions.
        figures: every figure of the sweep; only question-level shares are compared.
        goal: the sweep's goal.
        family: figures of answers (or of rankings, where nothing is generated): the goal is compared with these.
        seed: of the bootstrap.
    """
    rows, asked = _compared([item for item in measured if item.configuration.key in names], questions)
    left_out = {figure.name: "no_share" for figure in figures if (figure.low, figure.high) != (0.0, 1.0)}
    cubes: dict[str, Floats] = {}
    for figure in figures:
        if figure.name not in left_out:
            table = _table(rows, asked, figure)
            why = _unusable(table)
            if why:
                left_out[figure.name] = why
            else:
                cubes[figure.name] = table
    by_row = across_rows(cubes, seed)
    by_question = across_questions(cubes)
    others = [name for name in family if name in cubes and name != goal.metric]
    over = "configurations" if len(rows) >= FEWEST_ROWS else "questions"
    agreement, rest = _medians(by_row if over == "configurations" else by_question, goal.metric, others)
    found = Audit(
        goal=goal.metric,
        rows=len(rows),
        questions=len(asked),
        configurations=by_row,
        across_questions=by_question,
        best=_best(cubes, rows, names),
        disputed=_disputed(cubes, [name for name in family if name in cubes], asked),
        left_out=left_out,
        over=over,
        agreement=agreement,
        rest=rest,
    )
    return Audit(**{**vars(found), "notes": _notes(found, others)})


def _compared(measured: Sequence[Measured], questions: Sequence[Question]) -> tuple[list[Measured], list[Question]]:
    """Rows as deep as the fourth-deepest one, and the questions all of them answered."""
    alive = [item for item in measured if item.scores and not item.failed]
    if not alive:
        return [], []
    depth = sorted((len(item.scores) for item in alive), reverse=True)[min(FEWEST_ROWS, len(alive)) - 1]
    rows = sorted((item for item in alive if len(item.scores) >= depth), key=lambda item: item.configuration.key)
    rows = rows[:MOST_ROWS]
    return rows, [question for question in questions if all(question.id in item.scores for item in rows)]


def _table(rows: Sequence[Measured], questions: Sequence[Question], figure: Figure) -> Floats:
    """Float64 of shape (rows, questions), more is better, NaN where nothing was scored."""
    import numpy as np

    sign = 1.0 if figure.higher_is_better else -1.0
    table = np.full((len(rows), len(questions)), np.nan)
    asked = [question.id for question in questions]
    for row, item in enumerate(rows):
        values, known = column_of(item.scores, figure.name, asked).counted(figure)
        table[row, known] = sign * values[known]
    # a question that one row could not be scored on would favour or harm the others
    table[:, np.isnan(table).any(axis=0)] = np.nan
    return table


def _unusable(table: Floats) -> str:
    import numpy as np

    known = table[~np.isnan(table)]
    if known.size == 0:
        return "unscored"
    return "equal" if np.ptp(known) == 0 else ""


def _medians(found: Sequence[Correlation], goal: str, others: Sequence[str]) -> tuple[float | None, float | None]:
    """Median tau of the goal with the others, and among the others."""
    mine: list[float] = []
    theirs: list[float] = []
    for item in found:
        pair = {item.first, item.second}
        if item.tau is None or not pair <= {goal, *others}:
            continue
        (mine if goal in pair else theirs).append(item.tau)
    return (rounded(median(mine)) if mine else None, rounded(median(theirs)) if theirs else None)


def _best(cubes: Mapping[str, Floats], rows: Sequence[Measured], names: Mapping[str, str]) -> dict[str, str]:
    import numpy as np

    found = {}
    for name, table in cubes.items():
        means = orderable(row_means(table, np.ones((1, table.shape[1])))[0])
        found[name] = names[rows[int(np.argmax(means))].configuration.key]
    return found


def _disputed(
    cubes: Mapping[str, Floats], family: Sequence[str], questions: Sequence[Question]
) -> tuple[Disputed, ...]:
    """Return the questions whose places differ most, among those that at least two metrics scored."""
    import numpy as np

    if len(family) < 2 or len(questions) < 2:
        return ()
    places = np.full((len(family), len(questions)), np.nan)
    means = np.full(places.shape, np.nan)
    for row, name in enumerate(family):
        scored = ~np.isnan(cubes[name][0])
        means[row, scored] = cubes[name][:, scored].mean(axis=0)
        if scored.sum() > 1:
            ranks = average_ranks(orderable(means[row, scored]))
            places[row, scored] = (ranks - 1) / (scored.sum() - 1)
    found = []
    for column, question in enumerate(questions):
        known = places[~np.isnan(places[:, column]), column]
        if len(known) > 1:
            scores = {
                name: rounded(abs(float(means[row, column])))
                for row, name in enumerate(family)
                if not np.isnan(means[row, column])
            }
            found.append(Disputed(question.id, question.text, rounded(float(known.std())), scores))
    return tuple(sorted(found, key=lambda item: (-item.spread, item.question))[:SHOWN])


def _notes(found: Audit, others: Sequence[str]) -> tuple[Note, ...]:
    if found.agreement is None or len(others) < 2:
        return ()
    rest = found.rest if found.rest is not None else 0.0
    if found.agreement >= LOW and found.agreement > rest - APART:
        return ()
    chosen = found.best.get(found.goal, "–")
    else_ = sorted({found.best[name] for name in others} - {chosen})
    first = phrase("note_part.others_first", names=else_[:3]) if else_ else phrase("note_part.others_agree")
    values = {"goal": found.goal, "tau": found.agreement, "rest": rest, "rows": found.rows, "name": chosen}
    return (Note("goal_disagrees", {**values, "questions": found.questions, "others": first}),)
