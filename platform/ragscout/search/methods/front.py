"""The Pareto front of a board: what cannot be had better, cheaper or faster at once, and its knee.

Reports draw it from ``front_of``; the multi-objective search uses the same two functions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ragscout.model.results.board import Board, Row


@dataclass(frozen=True)
class FrontPoint:
    """One row of the board: the goal's estimate with its 95 % interval, what 1,000 questions cost (``None`` when a
    price is unknown), seconds and tokens per question, whether it lies on the front."""

    key: str
    name: str
    quality: float
    low: float | None
    high: float | None
    cost: float | None
    seconds: float
    tokens: float
    on_front: bool


@dataclass(frozen=True)
class Front:
    """All complete rows as points, best quality first. ``knee``: key of the front's knee, empty without a point.
    ``axis``: what stands for cost, ``money`` or, where a price is unknown, ``tokens``."""

    goal: str
    higher: bool
    currency: str
    axis: str
    points: tuple[FrontPoint, ...]
    knee: str

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return dataclasses.asdict(self)


def front_of(board: Board) -> Front:
    """Return the front of a board over quality, cost and seconds.

    Rows that failed or cannot win are left out; partly measured ones too, unless no row is complete.
    """
    rows = [
        row for row in board.rows if row.estimate is not None and not row.has("failed") and not row.has("cannot_win")
    ]
    rows = [row for row in rows if not row.has("partial")] or rows
    money = bool(rows) and all(row.cost.per_1000 is not None for row in rows)
    points = [_objectives(row, board.goal.sign, money) for row in rows]
    front = pareto(points)
    at = rows[front[knee([points[i] for i in front])]].key if front else ""
    made = [_point(row, i in front, board.goal.metric) for i, row in enumerate(rows)]
    made.sort(key=lambda point: (-board.goal.sign * point.quality, point.key))
    return Front(board.goal.metric, board.goal.higher, board.currency, "money" if money else "tokens", tuple(made), at)


def _objectives(row: Row, sign: int, money: bool) -> tuple[float, ...]:
    tokens = row.cost.input_tokens + row.cost.output_tokens
    return (row.estimate or 0.0) * sign, -(row.cost.per_1000 or 0.0) if money else -tokens, -row.cost.seconds


def _point(row: Row, on_front: bool, metric: str) -> FrontPoint:
    stat = row.figures.get(metric)
    return FrontPoint(
        row.key,
        row.name,
        row.estimate or 0.0,
        None if stat is None else stat.low,
        None if stat is None else stat.high,
        row.cost.per_1000,
        row.cost.seconds,
        row.cost.input_tokens + row.cost.output_tokens,
        on_front,
    )


def pareto(points: Sequence[Sequence[float]]) -> list[int]:
    """Positions of the points that no other one dominates (at least as good everywhere, better somewhere); more is
    better. Equal points are all on the front."""
    return [
        i
        for i, point in enumerate(points)
        if not any(
            all(a >= b for a, b in zip(other, point, strict=True)) and tuple(other) != tuple(point) for other in points
        )
    ]


def knee(points: Sequence[Sequence[float]]) -> int:
    """Position of the point of a front that is nearest to the ideal one, each objective scaled to the front's range
    (compromise programming with the Euclidean distance); ties go to the first.

    Raises:
        ValueError: without a point.
    """
    ends = [(min(column), max(column)) for column in zip(*points, strict=True)]

    def distance(point: Sequence[float]) -> float:
        terms = ((high - x) / (high - low) if high > low else 0.0 for x, (low, high) in zip(point, ends, strict=True))
        return sum(term**2 for term in terms)

    return min(range(len(points)), key=lambda i: distance(points[i]))
