"""Two rows on their common questions, outside the board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ragscout.model.outcome import Failure, Score
from ragscout.model.results.board import Goal, Paired
from ragscout.model.results.measured import goal_value
from ragscout.stats.paired import compare_paired
from ragscout.stats.rounding import finite, rounded

Outcomes = Mapping[str, Mapping[str, Score | Failure]]
"""Question id to figure name to outcome."""


def paired_values(own: Sequence[float], other: Sequence[float], goal: Goal) -> Paired | None:
    """First minus second in the goal's own units, ``None`` without a pair; wins are questions where the first is
    better, p is for this pair alone."""
    if not own:
        return None
    test = compare_paired(own, other)
    wins, losses = (test.wins, test.losses) if goal.higher else (test.losses, test.wins)
    low, high = (finite(test.low), finite(test.high)) if test.n > 1 else (None, None)
    p = rounded(test.p)
    return Paired(rounded(test.difference), low, high, test.n, p, p, wins, losses, test.method)


def paired_rows(own: Outcomes, other: Outcomes, goal: Goal) -> Paired | None:
    """``paired_values`` of two rows' outcomes, on the questions both were scored on."""
    pairs = [
        (first, second)
        for question in own
        if (first := goal_value(own[question].get(goal.metric), goal)) is not None
        and (second := goal_value(other.get(question, {}).get(goal.metric), goal)) is not None
    ]
    return paired_values([first for first, _ in pairs], [second for _, second in pairs], goal)
