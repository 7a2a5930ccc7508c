"""A chart as shapes at pixel places, drawn once and shown twice: as SVG text, and as a PNG through matplotlib."""

from __future__ import annotations

import functools
import io
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Literal

from ragscout.model.text import display_width

Anchor = Literal["start", "middle", "end"]
INK, SOFT, GRID = "#1c2733", "#5d6b7a", "#dfe5ea"
BLUE, GREEN, ORANGE, PURPLE, GREY = "#1f6fb4", "#1d7f45", "#c8590a", "#7a3fb5", "#8a94a0"
FONTS = "'Noto Sans CJK KR','Noto Sans KR','Apple SD Gothic Neo','Malgun Gothic','Segoe UI',Roboto,sans-serif"

KOREAN_FONTS = ("Noto Sans CJK KR", "Noto Sans KR", "NanumGothic", "Apple SD Gothic Neo", "Malgun Gothic", "UnDotum")


@dataclass(frozen=True)
class Line:
    """A polyline through points."""

    points: tuple[tuple[float, float], ...]
    colour: str = SOFT
    width: float = 1.0
    dashed: bool = False


@dataclass(frozen=True)
class Box:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    edge: str = ""


@dataclass(frozen=True)
class Dot:
    """A circle; ``fill`` empty leaves it white."""

    x: float
    y: float
    radius: float
    colour: str
    fill: str = ""


@dataclass(frozen=True)
class TextLabel:
    """A text; ``turned`` reads from bottom to top."""

    x: float
    y: float
    text: str
    size: float = 12.0
    colour: str = INK
    anchor: Anchor = "start"
    bold: bool = False
    turned: bool = False


Shape = Line | Box | Dot | TextLabel


@dataclass
class Drawing:
    """Shapes in drawing order on a white page of ``width`` x ``height`` pixels; ``title`` is read to people who
    cannot see it."""

    width: float
    height: float
    title: str
    shapes: list[Shape] = field(default_factory=list)

    def add(self, *shapes: Shape) -> None:
        """Draw on top of what is there."""
        self.shapes += shapes


def clean(text: str) -> str:
    """Return a text without control characters and without marks that turn the direction of what follows."""
    return "".join(
        char if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co") else "\ufffd"
        for char in text
    )


def text_width(text: str, size: float) -> float:
    """Pixels that a text takes at about this font size (0.56 of the size per narrow character)."""
    return display_width(text) * size * 0.56


def short(text: str, pixels: float, size: float) -> str:
    """Return a text cut to a width, with an ellipsis."""
    text = " ".join(clean(text).split())
    if text_width(text, size) <= pixels:
        return text
    while text and text_width(text + "…", size) > pixels:
        text = text[:-1]
    return text + "…"


def svg(drawing: Drawing, *, standalone: bool = False) -> str:
    """Return the drawing as an SVG element without styles, scripts or references."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(drawing.width)} {_n(drawing.height)}"'
    size = f' width="{_n(drawing.width)}" height="{_n(drawing.height)}"'
    title = escape(clean(drawing.title))
    parts = [f'{head}{size} role="img" aria-label="{title}" font-family="{FONTS}"><title>{title}</title>']
    if standalone:
        parts.append(f'<rect width="{_n(drawing.width)}" height="{_n(drawing.height)}" fill="#ffffff"/>')
    parts += [_element(shape) for shape in drawing.shapes]
    return "".join(parts) + "</svg>"


def _element(shape: Shape) -> str:
    if isinstance(shape, Line):
        places = " ".join(f"{_n(x)},{_n(y)}" for x, y in shape.points)
        dashes = ' stroke-dasharray="5 4"' if shape.dashed else ""
        pen = f'stroke="{shape.colour}" stroke-width="{_n(shape.width)}"{dashes}'
        return f'<polyline points="{places}" fill="none" {pen}/>'
    if isinstance(shape, Box):
        edge = f' stroke="{shape.edge}"' if shape.edge else ""
        return (
            f'<rect x="{_n(shape.x)}" y="{_n(shape.y)}" width="{_n(shape.width)}" height="{_n(shape.height)}" '
            f'fill="{shape.fill}"{edge}/>'
        )
    if isinstance(shape, Dot):
        return (
            f'<circle cx="{_n(shape.x)}" cy="{_n(shape.y)}" r="{_n(shape.radius)}" stroke="{shape.colour}" '
            f'stroke-width="1.5" fill="{shape.fill or "#ffffff"}"/>'
        )
    turn = f' transform="rotate(-90 {_n(shape.x)} {_n(shape.y)})"' if shape.turned else ""
    bold = ' font-weight="700"' if shape.bold else ""
    return (
        f'<text x="{_n(shape.x)}" y="{_n(shape.y)}" font-size="{_n(shape.size)}" fill="{shape.colour}" '
        f'text-anchor="{shape.anchor}"{bold}{turn}>{escape(clean(shape.text))}</text>'
    )


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def png(drawing: Drawing, dpi: int = 144) -> bytes:
    """Return the same picture as PNG bytes; Korean text needs an installed font (see ``korean_font``)."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    font = korean_font()
    sink = io.BytesIO()
    with rc_context({"font.family": [font, "DejaVu Sans"] if font else ["DejaVu Sans"], "axes.unicode_minus": False}):
        figure = Figure(figsize=(drawing.width / 72, drawing.height / 72))
        FigureCanvasAgg(figure)
        panel = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        panel.set_xlim(0, drawing.width)
        panel.set_ylim(drawing.height, 0)
        panel.set_axis_off()
        for order, shape in enumerate(drawing.shapes):
            _paint(panel, shape, order)
        figure.savefig(sink, format="png", dpi=dpi, facecolor="#ffffff", metadata={"Software": None})
    return sink.getvalue()


@functools.cache
def korean_font() -> str:
    """Return the name of an installed font with Hangul, empty when there is none."""
    from matplotlib import font_manager

    known = {entry.name for entry in font_manager.fontManager.ttflist}
    exact = next((name for name in KOREAN_FONTS if name in known), "")
    return exact or next((name for name in sorted(known) if name.startswith("Noto Sans CJK")), "")


def _paint(panel: object, shape: Shape, order: int) -> None:
    from matplotlib.axes import Axes
    from matplotlib.patches import Ellipse, Rectangle

    assert isinstance(panel, Axes)
    if isinstance(shape, Line):
        xs, ys = zip(*shape.points, strict=True)
        style = (0, (5, 4)) if shape.dashed else "-"
        panel.plot(xs, ys, color=shape.colour, lw=shape.width, ls=style, zorder=order)
    elif isinstance(shape, Box):
        corner = (shape.x, shape.y)
        edge = shape.edge or "none"
        panel.add_patch(Rectangle(corner, shape.width, shape.height, fc=shape.fill, ec=edge, lw=0.8, zorder=order))
    elif isinstance(shape, Dot):
        size = 2 * shape.radius
        fill = shape.fill or "#ffffff"
        panel.add_patch(Ellipse((shape.x, shape.y), size, size, fc=fill, ec=shape.colour, lw=1.5, zorder=order))
    else:
        panel.text(
            shape.x,
            shape.y,
            clean(shape.text).replace("$", r"\$"),
            fontsize=shape.size,
            color=shape.colour,
            ha={"start": "left", "middle": "center", "end": "right"}[shape.anchor],
            va="baseline",
            rotation=90 if shape.turned else 0,
            rotation_mode="anchor",
            fontweight="bold" if shape.bold else "normal",
            zorder=order,
        )


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers inside ``low``..``high``, about ``count`` of them."""
    if not high > low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(step * place, 10) for place in range(first, math.floor(high / step + 1e-9) + 1)]


def number(value: float) -> str:
    """Return a number on an axis, without trailing zeros."""
    return f"{value:.10g}" if value == 0 or 1e-3 <= abs(value) < 1e6 else f"{value:.3g}"


def spread_out(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places as near as may be to the wanted ones, in their order, at least ``gap`` apart, inside ``low``..``high``."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    gap = min(gap, (high - low) / max(1, len(wanted) - 1)) if len(wanted) > 1 else gap
    places: list[float] = []
    for i in order:
        places.append(max(wanted[i], places[-1] + gap) if places else max(low, wanted[i]))
    for at in range(len(places) - 1, -1, -1):
        places[at] = min(places[at], high if at == len(places) - 1 else places[at + 1] - gap)
    found = [0.0] * len(wanted)
    for place, i in zip(places, order, strict=True):
        found[i] = place
    return found
