"""Do the metrics of a sweep agree? Rank correlations between them, and the questions on which they disagree most.

Two tables, both with Kendall's tau-b and Spearman's rho. *Configurations*: each figure's mean over the questions that
every compared row answered gives an order of the rows; the 95 % interval is a bootstrap over these questions, since
the rows are given and the questions are a sample. *Questions*: each figure's mean over the rows gives an order of the
questions by difficulty; the intervals are those of Fisher's z with the variances of Fieller, Hartley & Pearson 1957
(tau: 0.437 / (n - 4)) and Bonett & Wright 2000 (rho: (1 + rho^2 / 2) / (n - 3)), for n questions.

Figures that are better when lower are turned round first, a candidate's failure counts as the floor, and what a metric
could not score is left out. Figures that are no shares (tokens) and figures that are equal everywhere are left out.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

from ragscout.model.board import Goal, Note
from ragscout.model.evalset import Question
from ragscout.model.metric import Figure
from ragscout.search.figures import Measured, rounded
from ragscout.search.outcomes import goal_value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RESAMPLES = 200
MOST_ROWS = 150
"""Of more rows than this, those with the smallest keys are compared: a sample drawn by hash."""
SHOWN = 10
FEWEST_ROWS = 4
"""Rows below which an order of rows says nothing."""
LOW = 0.2
APART = 0.4
"""The goal disagrees when its median tau with the others is below ``LOW``, or by ``APART`` below theirs."""


@dataclass(frozen=True)
class Correlation:
    """Rank correlation of two figures over ``n`` rows or questions, -1..1, with 95 % intervals; ``None`` where too
    few are there or a figure is equal everywhere."""

    first: str
    second: str
    n: int
    tau: float | None
    tau_low: float | None = None
    tau_high: float | None = None
    rho: float | None = None
    rho_low: float | None = None
    rho_high: float | None = None


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
    ``left_out``: figures that could not be compared, with the reason. ``agreement``: median tau of the goal with the
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
    left_out = {figure.name: "not a share of 1" for figure in figures if (figure.low, figure.high) != (0.0, 1.0)}
    left_out |= {figure.name: "one figure for the whole set" for figure in figures if figure.level != "question"}
    cubes: dict[str, Floats] = {}
    for figure in figures:
        if figure.name not in left_out:
            table = _table(rows, asked, figure)
            why = _unusable(table)
            if why:
                left_out[figure.name] = why
            else:
                cubes[figure.name] = table
    by_row = _across_rows(cubes, seed)
    by_question = _across_questions(cubes)
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
    for row, item in enumerate(rows):
        for column, question in enumerate(questions):
            value = goal_value(item.scores[question.id].get(figure.name), figure)
            if value is not None:
                table[row, column] = sign * value
    # a question that one row could not be scored on would favour or harm the others
    table[:, np.isnan(table).any(axis=0)] = np.nan
    return table


def _unusable(table: Floats) -> str:
    import numpy as np

    known = table[~np.isnan(table)]
    if known.size == 0:
        return "no question was scored for every row"
    return "equal everywhere" if np.ptp(known) == 0 else ""


def _across_rows(cubes: Mapping[str, Floats], seed: int) -> tuple[Correlation, ...]:
    import numpy as np

    if not cubes:
        return ()
    names = list(cubes)
    rows, questions = cubes[names[0]].shape
    if rows < FEWEST_ROWS:
        return tuple(Correlation(a, b, rows, None) for a, b in itertools.combinations(names, 2))
    weights = np.random.default_rng([seed, 0xA0D17]).multinomial(
        questions, np.full(questions, 1 / questions), RESAMPLES
    )
    every = np.vstack([np.ones(questions), weights])
    means = np.stack([_weighted(cubes[name], every) for name in names])  # (figures, 1 + resamples, rows)
    tau, rho = _correlations(means)
    found = []
    for i, j in itertools.combinations(range(len(names)), 2):
        found.append(
            Correlation(
                names[i],
                names[j],
                rows,
                _number(tau[0, i, j]),
                *_ends(tau[1:, i, j]),
                _number(rho[0, i, j]),
                *_ends(rho[1:, i, j]),
            )
        )
    return tuple(found)


def _weighted(table: Floats, weights: Floats) -> Floats:
    """Means of shape (weights, rows): of each row over its scored questions, once for each vector of weights."""
    import numpy as np

    scored = ~np.isnan(table[0])
    total = weights[:, scored].sum(axis=1, keepdims=True)
    sums = weights[:, scored] @ table[:, scored].T
    means: Floats = np.divide(sums, total, out=np.full(sums.shape, np.nan), where=total > 0)
    return means


def _correlations(means: Floats) -> tuple[Floats, Floats]:
    """Kendall's tau-b and Spearman's rho between figures, each of shape (samples, figures, figures), NaN where a
    figure is equal for all."""
    import numpy as np
    from scipy.stats import rankdata

    figures, samples, items = means.shape
    upper = np.triu_indices(items, 1)
    tau = np.empty((samples, figures, figures))
    rho = np.empty((samples, figures, figures))
    with np.errstate(invalid="ignore", divide="ignore"):
        for sample in range(samples):
            # rounded: sums in another order must not break ties
            values = np.round(means[:, sample, :], 12)
            signs = np.sign(values[:, upper[0]] - values[:, upper[1]])
            untied = np.sqrt((signs != 0).sum(axis=1))
            tau[sample] = (signs @ signs.T) / np.outer(untied, untied)
            ranks = rankdata(values, axis=1)
            ranks -= ranks.mean(axis=1, keepdims=True)
            norms = np.sqrt((ranks**2).sum(axis=1))
            rho[sample] = (ranks @ ranks.T) / np.outer(norms, norms)
    return tau, rho


def _across_questions(cubes: Mapping[str, Floats]) -> tuple[Correlation, ...]:
    import numpy as np

    found = []
    for (first, one), (second, two) in itertools.combinations(cubes.items(), 2):
        both = ~np.isnan(one[0]) & ~np.isnan(two[0])
        n = int(both.sum())
        if n < 5:
            found.append(Correlation(first, second, n, None))
            continue
        means = np.stack([one[:, both].mean(axis=0), two[:, both].mean(axis=0)])[:, None, :]
        tau, rho = (_number(matrix[0, 0, 1]) for matrix in _correlations(means))
        found.append(
            Correlation(
                first,
                second,
                n,
                tau,
                *_fisher(tau, 0.437 / (n - 4)),
                rho,
                *_fisher(rho, (1 + (rho or 0.0) ** 2 / 2) / (n - 3)),
            )
        )
    return tuple(found)


def _fisher(value: float | None, variance: float) -> tuple[float | None, float | None]:
    if value is None:
        return None, None
    if abs(value) >= 1:
        return value, value
    centre, half = math.atanh(value), 1.959964 * math.sqrt(variance)
    return rounded(math.tanh(centre - half)), rounded(math.tanh(centre + half))


def _ends(sample: Floats) -> tuple[float | None, float | None]:
    """Percentiles 2.5 and 97.5 of the resamples that have an order; ``None`` when most have none."""
    import numpy as np

    known = sample[~np.isnan(sample)]
    if len(known) * 2 < len(sample):
        return None, None
    low, high = np.quantile(known, [0.025, 0.975])
    return rounded(float(low)), rounded(float(high))


def _number(value: float) -> float | None:
    return rounded(min(1.0, max(-1.0, float(value)))) if math.isfinite(value) else None


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
        means = np.round(_weighted(table, np.ones((1, table.shape[1])))[0], 12)
        found[name] = names[rows[int(np.argmax(means))].configuration.key]
    return found


def _disputed(
    cubes: Mapping[str, Floats], family: Sequence[str], questions: Sequence[Question]
) -> tuple[Disputed, ...]:
    """The questions whose places differ most, among those that at least two metrics scored."""
    import numpy as np
    from scipy.stats import rankdata

    if len(family) < 2 or len(questions) < 2:
        return ()
    places = np.full((len(family), len(questions)), np.nan)
    means = np.full(places.shape, np.nan)
    for row, name in enumerate(family):
        scored = ~np.isnan(cubes[name][0])
        means[row, scored] = cubes[name][:, scored].mean(axis=0)
        if scored.sum() > 1:
            ranks = rankdata(np.round(means[row, scored], 12))
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
    en = (
        f"The goal {found.goal} disagrees with the other metrics: median Kendall tau {found.agreement:.2f} with them, "
        f"{rest:.2f} among them (over {found.rows} rows and {found.questions} questions). It puts {chosen} first"
    )
    ko = (
        f"목표 {found.goal}이(가) 다른 지표들과 어긋납니다: 다른 지표들과의 켄달 타우 중앙값 {found.agreement:.2f}, "
        f"다른 지표들끼리는 {rest:.2f} (구성 {found.rows}개, 문항 {found.questions}개). 이 목표로는 {chosen}이(가) 1위"
    )
    en += f", others {', '.join(else_[:3])}. " if else_ else ", as the others do. "
    ko += f", 다른 지표로는 {', '.join(else_[:3])}입니다. " if else_ else "이며 다른 지표도 같습니다. "
    en += "Read the disputed questions with `ragscout board FILE --audit` before you trust it."
    ko += "믿기 전에 `ragscout board FILE --audit`의 이견이 큰 문항을 읽어 보세요."
    return (Note("goal_disagrees", en, ko),)
