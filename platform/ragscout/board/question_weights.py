"""Questions that count more than others: the goal's mean is weighted, everything else counts each question once.

With weights w of mean 1, sum(w v) / n is the weighted mean, so values that are multiplied by w give weighted means and
weighted paired differences to every comparison of the board. The mean is taken over the questions of the comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ragscout.model.evalset import Question
from ragscout.model.results.board import FigureStat, Goal, Note
from ragscout.model.results.measured import Measured
from ragscout.plan.outcome_table import column_of
from ragscout.stats.paired import mean_interval
from ragscout.stats.rounding import finite, rounded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def weights_of(questions: Sequence[Question]) -> tuple[float, ...]:
    """Weights of mean 1 in the order of the questions; empty when all count alike."""
    total = sum(question.weight for question in questions)
    if len({question.weight for question in questions}) < 2 or total <= 0:
        return ()
    return tuple(question.weight * len(questions) / total for question in questions)


def shares(weights: Sequence[float], asked: NDArray[np.bool_]) -> Floats:
    """Weights of the questions of a comparison, of mean 1 over them; ones when all count alike.

    Args:
        weights: of all questions, empty when all count alike.
        asked: the questions of the comparison, shape (questions,).
    """
    import numpy as np

    own = np.asarray(weights, dtype=np.float64)[asked] if weights else np.ones(int(asked.sum()))
    return own / own.mean() if own.sum() > 0 else np.ones(len(own))


def weighted_stat(
    stat: FigureStat,
    goal: Goal,
    item: Measured,
    questions: Sequence[Question],
    clusters: Mapping[str, str] | None = None,
) -> FigureStat:
    """Return the goal's figure with the weighted mean of the scored questions and its linearised 95 % interval (Cochran
    1977, section 6.3: the ratio estimator's residuals w (v - mean) / mean w)."""
    values, known = column_of(item.scores, goal.metric, [question.id for question in questions]).counted(goal)
    scored = [
        (question.id, question.weight, value)
        for question, value, there in zip(questions, values.tolist(), known, strict=True)
        if there
    ]
    total = sum(weight for _, weight, _ in scored)
    if not scored or total <= 0:
        return stat
    mean = sum(weight * value for _, weight, value in scored) / total
    scale = len(scored) / total
    spread = [mean + weight * (value - mean) * scale for _, weight, value in scored]
    groups = [clusters.get(name, name) for name, _, _ in scored] if clusters else None
    bounds = (goal.low, goal.high) if goal.low is not None and goal.high is not None else None
    interval = mean_interval(spread, groups, bounds)
    return replace(stat, mean=rounded(mean), low=finite(interval.low), high=finite(interval.high))


def weight_notes(questions: Sequence[Question], goal: Goal) -> list[Note]:
    """Return the note that questions count differently."""
    if not weights_of(questions):
        return []
    weights = [question.weight for question in questions]
    return [Note("weights", {"metric": goal.metric, "low": min(weights), "high": max(weights)})]
