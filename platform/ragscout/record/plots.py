"""Plots of a board as PNG and SVG: the goal by every knob, and quality against cost."""

from __future__ import annotations

import functools
import io
import re
from typing import TYPE_CHECKING, Any

from ragscout.model.board import Board, BoardLanguage, Row
from ragscout.model.text import hangul_share

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FONTS = ("Noto Sans CJK KR", "Noto Sans KR", "NanumGothic", "Apple SD Gothic Neo", "Malgun Gothic", "UnDotum")
_BLUE, _GREEN, _ORANGE, _GREY = "#1f6fb4", "#2a8a3e", "#c8590a", "#8a8f98"
_PANELS = 9
_WORDS = {
    "en": {
        "by_knob": "{goal} by knob (one dot per configuration; bar: mean)",
        "against": "{goal} against {cost}",
        "cost": "cost per 1,000 questions",
        "seconds": "seconds per question",
        "leader": "leader",
        "recommended": "recommended",
        "reference": "reference",
        "full": "all questions",
        "partly": "some questions",
        "font": "No font with Korean letters was found; install for example fonts-noto-cjk.",
    },
    "ko": {
        "by_knob": "설정값별 {goal} (점: 구성, 막대: 평균)",
        "against": "{cost} 대비 {goal}",
        "cost": "1,000문항당 비용",
        "seconds": "문항당 초",
        "leader": "선두",
        "recommended": "추천",
        "reference": "기준",
        "full": "전체 문항",
        "partly": "일부 문항",
        "font": "",
    },
}


def plots(board: Board, lang: BoardLanguage) -> dict[str, bytes]:
    """File name to bytes; no plot for what is not known. Labels are in the set's language where a font has its
    letters, else in English with a note on the plot."""
    rows = [row for row in board.rows if _mean(board, row) is not None]
    if not rows:
        return {}
    from matplotlib import rc_context

    font = korean_font()
    korean = lang == "ko" or hangul_share(" ".join([board.sweep, *(row.name for row in rows)])) > 0
    lang = lang if font else "en"
    note = _WORDS["en"]["font"] if korean and not font else ""
    style: Any = {"font.family": [font, "DejaVu Sans"] if font else ["DejaVu Sans"], "axes.unicode_minus": False}
    style |= {
        "svg.hashsalt": "ragscout",
        "svg.fonttype": "path",
        "font.size": 9.0,
        "axes.grid": True,
        "grid.alpha": 0.3,
    }
    made: dict[str, bytes] = {}
    with rc_context(style):
        drawn = {"quality_against_cost": _against_cost(board, rows, lang)}
        if any(_values(rows, knob) for knob in board.knobs):
            drawn["score_by_knob"] = _by_knob(board, rows, lang)
        for name, figure in drawn.items():
            if note:
                figure.text(0.01, 0.005, note, fontsize=7, color=_GREY)
            made |= {f"{name}.{kind}": _bytes(figure, kind) for kind in ("png", "svg")}
    return made


def _by_knob(board: Board, rows: list[Row], lang: BoardLanguage) -> Figure:
    from matplotlib.figure import Figure

    shown = [knob for knob in board.knobs if _values(rows, knob)][:_PANELS]
    across = min(3, len(shown))
    down = -(-len(shown) // across)
    figure = Figure(figsize=(4.2 * across, 3.2 * down + 0.5), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False, sharey=True)
    for place, panel in enumerate(panels.flat):
        if place >= len(shown):
            panel.set_axis_off()
            continue
        _strip(board, panel, rows, shown[place])
        if place % across == 0:
            panel.set_ylabel(board.goal.metric)
    figure.suptitle(_WORDS[lang]["by_knob"].format(goal=board.goal.metric))
    return figure


def _strip(board: Board, panel: Axes, rows: list[Row], knob: str) -> None:
    values = _values(rows, knob)
    for place, value in enumerate(values):
        group = [row for row in rows if row.knobs.get(knob) == value]
        means = [_mean(board, row) or 0.0 for row in group]
        for number, (row, mean) in enumerate(zip(group, means, strict=True)):
            # Dots of one value stand side by side in the board's order, so that equal scores stay countable.
            shift = (number / max(1, len(group) - 1) - 0.5) * 0.5 if len(group) > 1 else 0.0
            full = row.answered >= board.questions
            panel.plot(place + shift, mean, "o", ms=4, color=_BLUE, mfc=_BLUE if full else "none", alpha=0.8)
        average = sum(means) / len(means)
        panel.hlines(average, place - 0.35, place + 0.35, color=_ORANGE, lw=2)
    panel.set_xticks(range(len(values)), [_short(value, 16) for value in values])
    if len(values) > 4 or max(map(len, values)) > 10:
        panel.tick_params(axis="x", rotation=30)
        for label in panel.get_xticklabels():
            label.set_horizontalalignment("right")
    panel.set_xlim(-0.6, len(values) - 0.4)
    panel.set_title(knob, fontsize=10)


def _against_cost(board: Board, rows: list[Row], lang: BoardLanguage) -> Figure:
    from matplotlib.figure import Figure

    words = _WORDS[lang]
    priced = all(row.cost.per_1000 is not None for row in rows) and any(row.cost.per_1000 for row in rows)
    title = (
        f"{words['cost']} ({board.currency})" if priced and board.currency else words["cost" if priced else "seconds"]
    )
    figure = Figure(figsize=(8.4, 5.2), layout="constrained")
    panel = figure.subplots()
    for row in reversed(rows):
        stat = row.figures[board.goal.metric]
        mean = _mean(board, row) or 0.0
        colour = next((c for mark, c in _HIGHLIGHT.items() if mark in row.marks), _BLUE)
        full = row.answered >= board.questions
        x = _cost(row, priced)
        if stat.low is not None and stat.high is not None:
            panel.vlines(x, stat.low, stat.high, color=colour, lw=1, alpha=0.35)
        panel.plot(x, mean, "o", ms=6, color=colour, mfc=colour if full else "white")
    costs = sorted(_cost(row, priced) for row in rows)
    named: dict[str, tuple[Row, list[str]]] = {}
    for mark in _HIGHLIGHT:
        for row in rows:
            if mark in row.marks:
                named.setdefault(row.key, (row, []))[1].append(words[mark])
    for number, (row, marks) in enumerate(named.values()):
        text = f"{' + '.join(marks)}: {_short(row.name, 60)}"
        at = (_cost(row, priced), _mean(board, row) or 0.0)
        left = costs.index(at[0]) < len(costs) / 2
        panel.annotate(
            text,
            at,
            xytext=(8 if left else -8, 8 + 12 * (number % 2)),
            textcoords="offset points",
            ha="left" if left else "right",
            fontsize=8,
        )
    if costs[0] > 0 and costs[-1] / costs[0] > 20:
        panel.set_xscale("log")
    panel.set_xlabel(title)
    panel.set_ylabel(board.goal.metric)
    panel.plot([], [], "o", color=_BLUE, label=words["full"])
    if any(row.answered < board.questions for row in rows):
        panel.plot([], [], "o", color=_BLUE, mfc="white", label=words["partly"])
    panel.legend(loc="best", fontsize=8)
    panel.set_title(words["against"].format(goal=board.goal.metric, cost=title))
    return figure


_HIGHLIGHT = {"recommended": _GREEN, "leader": _ORANGE, "reference": "#7a3fb5"}


def _values(rows: list[Row], knob: str) -> list[str]:
    """A knob's values among the rows, numbers in their order, then text."""
    return sorted({row.knobs[knob] for row in rows if knob in row.knobs}, key=_natural)


def _natural(value: str) -> tuple[int, float, str]:
    number = re.match(r"-?\d+(\.\d+)?", value)
    return (0, float(number.group()), value) if number else (1, 0.0, value)


def _mean(board: Board, row: Row) -> float | None:
    stat = row.figures.get(board.goal.metric)
    return None if stat is None else stat.mean


def _cost(row: Row, priced: bool) -> float:
    return (row.cost.per_1000 or 0.0) if priced else row.cost.seconds


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _bytes(figure: Figure, kind: str) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    sink = io.BytesIO()
    meta: dict[str, Any] = {"Date": None} if kind == "svg" else {"Software": None}
    figure.savefig(sink, format=kind, dpi=130, metadata=meta)
    return sink.getvalue()


@functools.cache
def korean_font() -> str:
    """Name of an installed font with Hangul, empty when there is none."""
    from matplotlib import font_manager

    known = {entry.name for entry in font_manager.fontManager.ttflist}
    exact = next((name for name in _FONTS if name in known), "")
    return exact or next((name for name in sorted(known) if name.startswith("Noto Sans CJK")), "")
