"""The goal by every knob: one panel a knob, one dot a row, a bar at the mean of each value."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ragscout.model.results.board import Board, BoardLanguage, Row
from ragscout.report.drawing import (
    BLUE,
    GREY,
    GRID,
    INK,
    ORANGE,
    SOFT,
    Dot,
    Drawing,
    Line,
    TextLabel,
    number,
    short,
    ticks,
)
from ragscout.words import Words

PANELS = 9
"""Knobs that are drawn at most."""
_ACROSS = 3
_WIDE, _HIGH, _LEFT, _TOP, _BOTTOM = 300.0, 240.0, 56.0, 40.0, 44.0


def knob_chart(board: Board, lang: BoardLanguage) -> Drawing | None:
    """Draw the goal by knob; ``None`` without a scored row or without a knob."""
    rows = [row for row in board.rows if _mean(board, row) is not None]
    shown = [knob for knob in board.knobs if _values(rows, knob)][:PANELS]
    if not rows or not shown:
        return None
    across = min(_ACROSS, len(shown))
    down = -(-len(shown) // across)
    title = Words(lang)("chart.by_knob", goal=board.worn(board.goal.metric, lang))
    drawing = Drawing(_LEFT + _WIDE * across, _TOP + (_HIGH + _BOTTOM) * down, title)
    drawing.add(TextLabel(8, 18, short(title, drawing.width - 16, 12), 12, INK, bold=True))
    means = [mean for row in rows if (mean := _mean(board, row)) is not None]
    pad = (max(means) - min(means)) * 0.06 or 0.05 * (abs(max(means)) or 1.0)
    low, high = min(means) - pad, max(means) + pad
    for place, knob in enumerate(shown):
        left = _LEFT + _WIDE * (place % across)
        top = _TOP + (_HIGH + _BOTTOM) * (place // across)
        _panel(drawing, board, rows, knob, (left, top), (low, high), first=place % across == 0)
    return drawing


def _panel(
    drawing: Drawing,
    board: Board,
    rows: Sequence[Row],
    knob: str,
    corner: tuple[float, float],
    ends: tuple[float, float],
    *,
    first: bool,
) -> None:
    """One knob with its upper left corner; ``ends``: of the scale, ``first``: whether its numbers are written."""
    (left, top), (low, high) = corner, ends
    right, floor = left + _WIDE - 16, top + _HIGH - 8
    up = _scale(low, high, floor, top + 24)
    drawing.add(TextLabel((left + right) / 2, top + 12, short(knob, right - left, 11), 11, INK, "middle", bold=True))
    for level in ticks(low, high, 5):
        drawing.add(Line(((left, up(level)), (right, up(level))), GRID))
        if first:
            drawing.add(TextLabel(left - 6, up(level) + 4, number(level), 10, SOFT, "end"))
    values = _values(rows, knob)
    wide = (right - left) / len(values)
    for place, value in enumerate(values):
        group = [row for row in rows if row.knobs.get(knob) == value]
        middle = left + wide * (place + 0.5)
        means = [_mean(board, row) or 0.0 for row in group]
        average = up(sum(means) / len(means))
        drawing.add(Line(((middle - wide * 0.35, average), (middle + wide * 0.35, average)), ORANGE, 2))
        for count, (row, mean) in enumerate(zip(group, means, strict=True)):
            # dots of one value stand side by side in the board's order, so that equal scores stay countable
            shift = (count / (len(group) - 1) - 0.5) * wide * 0.5 if len(group) > 1 else 0.0
            full = row.answered >= board.questions
            drawing.add(Dot(middle + shift, up(mean), 3, BLUE, BLUE if full else ""))
        low_label = floor + (16 if place % 2 == 0 or wide > 60 else 30)
        drawing.add(TextLabel(middle, low_label, short(value, max(wide * 1.8, 24), 10), 10, SOFT, "middle"))
    drawing.add(Line(((left, floor), (right, floor)), GREY))


def _scale(low: float, high: float, bottom: float, top: float) -> Callable[[float], float]:
    return lambda value: bottom - (value - low) / ((high - low) or 1.0) * (bottom - top)


def _values(rows: Sequence[Row], knob: str) -> list[str]:
    """Return a knob's values among the rows, numbers in their order, then text."""
    return sorted({row.knobs[knob] for row in rows if knob in row.knobs}, key=_natural)


def _natural(value: str) -> tuple[int, float, str]:
    start = re.match(r"-?\d+(\.\d+)?", value)
    return (0, float(start.group()), value) if start else (1, 0.0, value)


def _mean(board: Board, row: Row) -> float | None:
    stat = row.figures.get(board.goal.metric)
    return None if stat is None else stat.mean
