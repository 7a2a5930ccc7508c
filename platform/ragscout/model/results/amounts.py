"""Scores and differences as phrases: points of 100 where the goal is a share, else the goal's own numbers."""

from __future__ import annotations

from ragscout.model.results.board import FigureStat, Goal
from ragscout.stats.rounding import rounded
from ragscout.words import Phrase, phrase


def amount(goal: Goal, value: float) -> Phrase:
    """Return a size without a sign: ``18 points``."""
    return phrase("amount.points", value=_points(value)) if goal.unit else phrase("amount.number", value=rounded(value))


def gap(goal: Goal, value: float | None) -> Phrase | None:
    """Return a difference with its unit: ``+6.0 points``; ``None`` stays."""
    if value is None:
        return None
    if goal.unit:
        return phrase("amount.gap_points", value=_points(value))
    return phrase("amount.gap_number", value=rounded(value))


def gap_end(goal: Goal, value: float | None) -> Phrase | None:
    """Return an end of a difference's interval, without its unit: ``+6.0``."""
    if value is None:
        return None
    if goal.unit:
        return phrase("amount.gap_end", value=_points(value))
    return phrase("amount.gap_number", value=rounded(value))


def score(goal: Goal, stat: FigureStat | None) -> Phrase | None:
    """Return a mean with its 95 % interval: ``81 % (70–90)``; ``None`` without both."""
    if stat is None or stat.mean is None or stat.low is None or stat.high is None:
        return None
    if goal.unit:
        ends = (_points(stat.mean), _points(stat.low), _points(stat.high))
        return phrase("amount.percent_interval", value=ends[0], low=ends[1], high=ends[2])
    return phrase("amount.number_interval", value=stat.mean, low=stat.low, high=stat.high)


def mean(goal: Goal, stat: FigureStat | None) -> Phrase | None:
    """Return a mean alone: ``81 %``; ``None`` where it has no interval either."""
    if stat is None or stat.mean is None or stat.low is None or stat.high is None:
        return None
    if goal.unit:
        return phrase("amount.percent", value=_points(stat.mean))
    return phrase("amount.number", value=stat.mean)


def seconds(value: float | None) -> Phrase | None:
    """Return a duration in seconds, below one second in milliseconds: ``1.24 s``, ``3 ms``."""
    if value is None:
        return None
    if value >= 0.9995:
        return phrase("amount.seconds", value=value)
    return phrase("amount.milliseconds" if value >= 0.001 else "amount.short", value=rounded(value * 1000))


def _points(value: float) -> float:
    return rounded(value * 100)
