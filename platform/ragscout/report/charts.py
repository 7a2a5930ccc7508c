"""The report's charts as drawings: quality against cost, what the knobs did, how they work together, every question."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ragscout.board.effects import Effect, Interaction
from ragscout.model.evalset import Question
from ragscout.model.results.amounts import gap_end
from ragscout.model.results.board import Board, BoardLanguage, Goal, Row
from ragscout.model.results.measured import goal_value
from ragscout.record.recorder import Snapshot
from ragscout.report.drawing import (
    BLUE,
    GREEN,
    GREY,
    GRID,
    INK,
    ORANGE,
    PURPLE,
    SOFT,
    Box,
    Dot,
    Drawing,
    Line,
    TextLabel,
    number,
    short,
    spread_out,
    ticks,
)
from ragscout.words import Words

ROLES = {"recommended": GREEN, "leader": ORANGE, "reference": PURPLE, "baseline": GREY}
_LEFT, _TOP, _BOTTOM = 64.0, 16.0, 52.0


@dataclass(frozen=True)
class ChartPoint:
    """A row on the quality-against-cost chart."""

    row: Row
    x: float
    y: float
    low: float | None
    high: float | None


def quality_points(board: Board) -> tuple[list[ChartPoint], bool]:
    """Rows with a score, and whether their costs are money (else seconds per question)."""
    scored = [row for row in board.rows if (stat := row.figures.get(board.goal.metric)) and stat.mean is not None]
    priced = any(row.cost.per_1000 for row in scored) and all(row.cost.per_1000 is not None for row in scored)
    found = []
    for row in scored:
        stat = row.figures[board.goal.metric]
        assert stat.mean is not None
        x = (row.cost.per_1000 or 0.0) if priced else row.cost.seconds
        found.append(ChartPoint(row, x, stat.mean, stat.low, stat.high))
    return found, priced


def front(points_: Sequence[ChartPoint], goal: Goal) -> list[ChartPoint]:
    """Rows that nothing beats in both quality and cost, cheapest first; complete rows only where there are any."""
    complete = [point for point in points_ if not point.row.has("partial")] or list(points_)
    found: list[ChartPoint] = []
    for point in sorted(complete, key=lambda item: (item.x, -item.y * goal.sign, item.row.key)):
        if not found or point.y * goal.sign > found[-1].y * goal.sign:
            found.append(point)
    return found


def quality_chart(
    board: Board, lang: BoardLanguage, limit: float | None = None, *, everything: bool = False, roles: bool = True
) -> Drawing | None:
    """Quality against cost, ``None`` without a scored row.

    ``limit``: the largest cost allowed, drawn as a line. ``everything``: every row and the Pareto front; else the
    rows with a role and the winner set only. ``roles``: labels of leader, recommended, reference and baselines.
    """
    words = Words(lang)
    every, priced = quality_points(board)
    shown = every if everything else [p for p in every if _role(p.row) or p.row.in_winner_set]
    if not shown:
        return None
    drawing = Drawing(900, 420, f"{words('chart.against')}: {board.worn(board.goal.metric, lang)}")
    plot = (_LEFT, _TOP, 560.0 if roles else 860.0, drawing.height - _BOTTOM)
    costs = [p.x for p in shown] + ([limit] if limit is not None and priced else [])
    across, marks = _cost_axis(min(costs), max(costs), plot[0], plot[2])
    ends = [end for p in shown for end in (p.y, p.low, p.high) if end is not None]
    up, levels = _linear(min(ends), max(ends), plot[3], plot[1], board.goal)
    unit = f" ({board.currency})" if priced and board.currency else ""
    percent = board.goal.unit
    _frame(drawing, plot, [(across(v), number(v)) for v in marks], [(up(v), _percent(v, percent)) for v in levels])
    drawing.add(
        TextLabel(
            (plot[0] + plot[2]) / 2,
            drawing.height - 10,
            words("chart.cost" if priced else "chart.seconds") + unit,
            12,
            SOFT,
            "middle",
        )
    )
    drawing.add(TextLabel(16, (plot[1] + plot[3]) / 2, board.goal.metric, 12, SOFT, "middle", turned=True))
    if limit is not None and priced:
        x = across(limit)
        drawing.add(Line(((x, plot[1]), (x, plot[3])), "#b3261e", 1.2, dashed=True))
        drawing.add(TextLabel(x - 4, plot[1] + 12, words("chart.limit", value=number(limit)), 11, "#b3261e", "end"))
    if everything:
        line = tuple((across(p.x), up(p.y)) for p in front(every, board.goal))
        if len(line) > 1:
            drawing.add(Line(line, GREEN, 1.4))
    for point in sorted(shown, key=lambda item: (bool(_role(item.row)), -item.row.rank)):
        _draw_point(drawing, point, across(point.x), up(point.y), up)
    if roles:
        _name_points(drawing, [p for p in shown if _role(p.row)], across, up, plot, words)
    return drawing


def _draw_point(drawing: Drawing, point: ChartPoint, x: float, y: float, up: Callable[[float], float]) -> None:
    role = _role(point.row)
    colour = ROLES.get(role, BLUE)
    if point.low is not None and point.high is not None:
        drawing.add(Line(((x, up(point.low)), (x, up(point.high))), colour, 1.6 if role else 0.7))
    drawing.add(Dot(x, y, 5.5 if role else 4, colour, "" if point.row.has("partial") else colour))


def _name_points(
    drawing: Drawing,
    named: Sequence[ChartPoint],
    across: Callable[[float], float],
    up: Callable[[float], float],
    plot: tuple[float, float, float, float],
    words: Words,
) -> None:
    """Names in a column at the right, joined to their points, so that none covers another."""
    places = spread_out([up(point.y) for point in named], 36, plot[1] + 14, plot[3] - 14)
    for point, place in zip(named, places, strict=True):
        colour = ROLES[_role(point.row)]
        drawing.add(
            Line(((across(point.x) + 6, up(point.y)), (plot[2] + 10, place), (plot[2] + 18, place)), colour, 0.6)
        )
        marks = " + ".join(words(f"mark.{mark}") for mark in ROLES if mark in point.row.marks)
        drawing.add(TextLabel(plot[2] + 22, place - 3, marks, 12, colour, bold=True))
        drawing.add(TextLabel(plot[2] + 22, place + 12, short(point.row.name, 306, 11), 11, INK))


def _role(row: Row) -> str:
    return next((mark for mark in ROLES if mark in row.marks), "")


def effects_chart(effects: Sequence[Effect], goal: Goal, lang: BoardLanguage) -> Drawing | None:
    """One line per value of a knob: its effect with the interval."""
    if not effects:
        return None
    knobs = list(dict.fromkeys(effect.knob for effect in effects))
    line, gap = 22.0, 14.0
    height = _TOP + line * len(effects) + gap * len(knobs) + _BOTTOM
    drawing = Drawing(900, height, Words(lang)("chart.effects"))
    scale = 100 if goal.unit else 1
    reach = max(abs(end) * scale for effect in effects for end in (effect.low, effect.high, effect.value)) or 1.0
    plot = (330.0, _TOP, 860.0, height - _BOTTOM)

    def across(value: float) -> float:
        return (plot[0] + plot[2]) / 2 + value / reach * (plot[2] - plot[0]) / 2

    _frame(drawing, plot, [(across(v), f"{v:+g}" if v else "0") for v in ticks(-reach, reach, 6)], [])
    drawing.add(Line(((across(0), plot[1]), (across(0), plot[3])), SOFT, 1.2))
    unit = Words(lang)("chart.points") if goal.unit else goal.metric
    drawing.add(TextLabel((plot[0] + plot[2]) / 2, height - 12, unit, 12, SOFT, "middle"))
    y = _TOP + line / 2
    for knob in knobs:
        drawing.add(TextLabel(8, y + 4, short(knob, 130, 12), 12, INK, bold=True))
        for effect in (item for item in effects if item.knob == knob):
            clear = effect.low > 0 or effect.high < 0
            good = effect.value * goal.sign > 0
            colour = (GREEN if good else ORANGE) if clear else GREY
            drawing.add(TextLabel(318, y + 4, short(effect.level, 170, 12), 12, INK, "end"))
            drawing.add(Line(((across(effect.low * scale), y), (across(effect.high * scale), y)), colour, 2))
            drawing.add(Dot(across(effect.value * scale), y, 4.5, colour, colour))
            y += line
        y += gap
    return drawing


def interaction_chart(found: Interaction, goal: Goal, lang: BoardLanguage) -> Drawing:
    """Return a heat map: green where two values together give more than their effects, orange where less."""
    wide = min(110.0, 660.0 / len(found.columns))
    high, left, top = 30.0, 220.0, 64.0
    words = Words(lang)
    title = words("chart.together", first=found.first, second=found.second)
    drawing = Drawing(left + wide * len(found.columns) + 20, top + high * len(found.rows) + 12, title)
    drawing.add(TextLabel(8, 18, short(title, drawing.width - 16, 12), 12, INK, bold=True))
    # at least two points, so that a difference that means nothing is not painted as a large one
    most = max([2 * goal.point, *(abs(v) for line in found.cells for v in line if v is not None)]) or 1.0
    for place, level in enumerate(found.columns):
        drawing.add(TextLabel(left + wide * (place + 0.5), top - 10, short(level, wide - 6, 11), 11, SOFT, "middle"))
    for down, level in enumerate(found.rows):
        y = top + high * down
        drawing.add(TextLabel(left - 8, y + 19, short(level, left - 20, 11), 11, SOFT, "end"))
        for place, value in enumerate(found.cells[down]):
            x = left + wide * place
            if value is None:
                drawing.add(
                    Box(x, y, wide - 2, high - 2, "#f1f3f5"), TextLabel(x + wide / 2, y + 19, "–", 11, GREY, "middle")
                )
                continue
            drawing.add(Box(x, y, wide - 2, high - 2, diverging(value * goal.sign / most)))
            drawing.add(TextLabel(x + wide / 2 - 1, y + 19, words.value(gap_end(goal, value)), 11, INK, "middle"))
    return drawing


def matrix_chart(
    snapshot: Snapshot, rows: Sequence[Row], questions: Sequence[Question], lang: BoardLanguage
) -> Drawing:
    """Rows of the board by question: dark where the goal is high, light where low, empty where nothing was scored."""
    goal = snapshot.board.goal
    measured = {row.configuration.key: row for row in snapshot.rows}
    left, top, high = 250.0, 30.0, 16.0
    wide = max(3.0, min(18.0, 640.0 / max(1, len(questions))))
    drawing = Drawing(900, top + high * len(rows) + 34, Words(lang)("chart.matrix"))
    values = [
        [
            _outcome(measured[row.key].scores.get(question.id, {}), goal) if row.key in measured else None
            for question in questions
        ]
        for row in rows
    ]
    known = [value for line in values for value in line if value is not None]
    low = goal.low if goal.low is not None else min(known, default=0.0)
    top_value = goal.high if goal.high is not None else max(known, default=1.0)
    span = (top_value - low) or 1.0
    for place in range(0, len(questions), max(1, math.ceil(34 / wide))):
        drawing.add(TextLabel(left + wide * (place + 0.5), top - 8, str(place + 1), 9, SOFT, "middle"))
    for down, (row, line) in enumerate(zip(rows, values, strict=True)):
        y = top + high * down
        drawing.add(TextLabel(left - 8, y + 12, short(f"{row.rank}. {row.name}", left - 16, 11), 11, INK, "end"))
        for place, value in enumerate(line):
            edge = GRID if wide > 5 else ""
            if value is None:
                fill = "#ffffff"
            else:
                share = (value - low) / span
                fill = _sequential(share if goal.higher else 1 - share)
            drawing.add(Box(left + wide * place, y, wide - (1 if wide > 5 else 0), high - 2, fill, edge))
    y = top + high * len(rows) + 12
    words = Words(lang)
    drawing.add(TextLabel(left, y + 10, words("chart.worse"), 10, SOFT))
    for step in range(6):
        drawing.add(Box(left + 40 + 16 * step, y, 15, 12, _sequential(step / 5), GRID))
    drawing.add(TextLabel(left + 142, y + 10, words("chart.better"), 10, SOFT))
    return drawing


def _outcome(outcomes: Mapping[str, object], goal: Goal) -> float | None:
    return goal_value(outcomes.get(goal.metric), goal)  # type: ignore[arg-type]


def diverging(value: float) -> str:
    """White at 0, green at 1, orange at -1."""
    return _mix("#ffffff", "#5fb878" if value > 0 else "#ec9a5c", min(1.0, abs(value)))


def _sequential(value: float) -> str:
    """Pale at 0, dark blue at 1."""
    return _mix("#f6e3d3", "#14568f", min(1.0, max(0.0, value)))


def _mix(first: str, second: str, share: float) -> str:
    parts = []
    for place in (1, 3, 5):
        a, b = int(first[place : place + 2], 16), int(second[place : place + 2], 16)
        parts.append(f"{round(a + (b - a) * share):02x}")
    return "#" + "".join(parts)


def _cost_axis(low: float, high: float, left: float, right: float) -> tuple[Callable[[float], float], list[float]]:
    """Logarithmic where the dearest costs over 20 times the cheapest and none is free."""
    if low > 0 and high / low > 20:
        first, last = math.log10(low) - 0.08, math.log10(high) + 0.08
        marks = [10.0**power * f for power in range(math.floor(first), math.ceil(last) + 1) for f in (1, 3)]

        def logarithmic(value: float) -> float:
            return left + (math.log10(max(value, 1e-12)) - first) / (last - first) * (right - left)

        return logarithmic, [mark for mark in marks if first <= math.log10(mark) <= last]
    pad = (high - low) * 0.06 or abs(high) * 0.2 or 1.0
    first, last = max(0.0, low - pad) if low > 0 else low - pad, high + pad

    def linear(value: float) -> float:
        return left + (value - first) / (last - first) * (right - left)

    return linear, [mark for mark in ticks(first, last, 6) if mark >= 0]


def _linear(
    low: float, high: float, bottom: float, top: float, goal: Goal
) -> tuple[Callable[[float], float], list[float]]:
    pad = (high - low) * 0.06 or 0.05 * (abs(high) or 1.0)
    first, last = low - pad, high + pad
    if goal.low is not None:
        first = max(first, goal.low - (pad if low == goal.low else 0.0) / 3)
    if goal.high is not None:
        last = min(last, goal.high + (pad if high == goal.high else 0.0) / 3)

    def place(value: float) -> float:
        return bottom - (value - first) / ((last - first) or 1.0) * (bottom - top)

    return place, ticks(first, last, 6)


def _percent(value: float, unit: bool) -> str:
    return f"{value * 100:.3g} %" if unit else number(value)


def _frame(
    drawing: Drawing,
    plot: tuple[float, float, float, float],
    below: Sequence[tuple[float, str]],
    beside: Sequence[tuple[float, str]],
) -> None:
    left, top, right, bottom = plot
    for x, text in below:
        drawing.add(Line(((x, top), (x, bottom)), GRID), TextLabel(x, bottom + 17, text, 11, SOFT, "middle"))
    for y, text in beside:
        drawing.add(Line(((left, y), (right, y)), GRID), TextLabel(left - 7, y + 4, text, 11, SOFT, "end"))
    drawing.add(Line(((left, bottom), (right, bottom)), GREY))
