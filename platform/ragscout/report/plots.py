"""Plots of a board as PNG and SVG files, for recorders: quality against cost, and the goal by every knob."""

from __future__ import annotations

from dataclasses import replace

from ragscout.model.results.board import Board, BoardLanguage
from ragscout.model.text import hangul_share
from ragscout.report.charts import quality_chart
from ragscout.report.drawing import GREY, Drawing, TextLabel, korean_font, png, svg
from ragscout.report.knob_chart import knob_chart
from ragscout.words import Words


def plots(board: Board, lang: BoardLanguage) -> dict[str, bytes]:
    """Return file name to bytes; no plot for what is not known.

    An SVG is drawn with the reader's fonts. A PNG is drawn here: where no font has Korean letters it is in English, and
    says so when Korean names stand in it.
    """
    made = {f"{name}.svg": svg(drawing, standalone=True).encode() for name, drawing in _drawings(board, lang).items()}
    font = korean_font()
    korean = lang == "ko" or hangul_share(" ".join([board.sweep, *(row.name for row in board.rows)])) > 0
    for name, drawing in _drawings(board, lang if font else "en").items():
        made[f"{name}.png"] = png(_remarked(drawing) if korean and not font else drawing)
    return made


def _drawings(board: Board, lang: BoardLanguage) -> dict[str, Drawing]:
    drawings = {
        "quality_against_cost": quality_chart(board, lang, everything=True),
        "score_by_knob": knob_chart(board, lang),
    }
    return {name: drawing for name, drawing in drawings.items() if drawing is not None}


def _remarked(drawing: Drawing) -> Drawing:
    """Return the drawing with a line below that says which font is missing."""
    taller = replace(drawing, height=drawing.height + 18, shapes=[*drawing.shapes])
    taller.add(TextLabel(8, drawing.height + 10, Words("en")("chart.no_font"), 9, GREY))
    return taller
