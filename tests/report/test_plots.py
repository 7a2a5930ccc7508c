"""Plots for recorders: which there are, in which language, and what they say where a font is missing."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ragscout.model.results.board import Board, Row
from ragscout.report import plots as module
from ragscout.report.drawing import Dot, TextLabel
from ragscout.report.knob_chart import PANELS, knob_chart
from ragscout.report.plots import plots
from ragscout.testing.record import story


def board(language: str = "en") -> Board:
    return story(language)[-1].board  # type: ignore[arg-type]


def scored(made: Board) -> list[Row]:
    return [row for row in made.rows if (stat := row.figures.get(made.goal.metric)) and stat.mean is not None]


def test_both_plots_are_written_in_both_forms() -> None:
    made = plots(board("ko"), "ko")
    names = ("quality_against_cost", "score_by_knob")
    assert sorted(made) == sorted(f"{name}.{kind}" for name in names for kind in ("png", "svg"))
    assert all(made[f"{name}.png"].startswith(b"\x89PNG") for name in names)
    assert "비용 대비 품질" in made["quality_against_cost.svg"].decode()
    assert plots(board("ko"), "ko")["score_by_knob.svg"] == made["score_by_knob.svg"]


def test_one_dot_per_row_and_knob() -> None:
    made = board()
    drawing = knob_chart(made, "en")
    assert drawing is not None
    rows, knobs = scored(made), made.knobs[:PANELS]
    assert sum(isinstance(shape, Dot) for shape in drawing.shapes) == sum(
        knob in row.knobs for row in rows for knob in knobs
    )
    open_ = sum(isinstance(shape, Dot) and not shape.fill for shape in drawing.shapes)
    assert open_ == sum(knob in row.knobs for row in rows if row.answered < made.questions for knob in knobs)
    assert set(knobs) <= {shape.text for shape in drawing.shapes if isinstance(shape, TextLabel)}
    for shape in drawing.shapes:
        if isinstance(shape, Dot):
            assert 0 < shape.x < drawing.width and 0 < shape.y < drawing.height


def test_numbers_stand_in_their_order() -> None:
    made = board()
    values = ["1024", "64", "no", "256"]
    rows = tuple(
        replace(row, knobs={"size": values[place // len(made.rows)]}) for place, row in enumerate(made.rows * 4)
    )
    drawing = knob_chart(replace(made, rows=rows, knobs=("size",)), "en")
    assert drawing is not None
    shown = [shape.text for shape in drawing.shapes if isinstance(shape, TextLabel) and shape.text in values]
    assert shown == ["64", "256", "1024", "no"]


def test_nothing_scored_is_nothing_drawn() -> None:
    made = board()
    bare = replace(made, rows=tuple(replace(row, figures={}) for row in made.rows))
    assert plots(bare, "en") == {} and knob_chart(replace(made, knobs=()), "en") is None


def test_without_a_korean_font_the_picture_is_english_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    def painted(drawing: object, dpi: int = 144) -> bytes:
        drawn.append(" ".join(shape.text for shape in drawing.shapes if isinstance(shape, TextLabel)))  # type: ignore[attr-defined]
        return b""

    monkeypatch.setattr(module, "korean_font", lambda: "")
    monkeypatch.setattr(module, "png", painted)
    made = plots(board("ko"), "ko")
    assert len(drawn) == 2 and all("No font with Korean letters" in text for text in drawn)
    assert "cost per 1,000 questions" in drawn[0] or "seconds per question" in drawn[0]
    assert re.search("[가-힣]", made["quality_against_cost.svg"].decode()), "the vector form keeps its language"
