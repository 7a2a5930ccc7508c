"""The HTML report: self-contained, safe, bilingual, and with the board's own numbers."""

import html.parser
import io
import itertools
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from ragscout.board.show.table import cells, columns, render_terminal
from ragscout.board.words.headline import headline
from ragscout.cli.main import main
from ragscout.model.outcome import Score
from ragscout.record import runs
from ragscout.record.recorder import RecordedRow
from ragscout.report.decision import _cheaper, _reasons, decision
from ragscout.report.drawing import Box, Dot, Drawing, Line, TextLabel, png, spread_out, svg, ticks
from ragscout.report.figures import figures, write_figures
from ragscout.report.html import report
from ragscout.report.material import ReportMaterial
from ragscout.report.of_sweep import material_of
from ragscout.sweep import Sweep
from ragscout.testing.record import snapshot, story
from ragscout.words import Words

EVIL = "</td></svg><script>alert(1)</script><img src=http://x.example/a.png onerror=alert(1)>\u202eabc\x00\x1b[31m"


class Reader(html.parser.HTMLParser):
    """Names of the tags, attributes and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: bytes) -> Reader:
    reader = Reader()
    reader.feed(page.decode())
    return reader


@pytest.fixture(scope="module")
def material(sweep: Sweep) -> ReportMaterial:
    return material_of(sweep.prepared, sweep.store)(sweep.view.snapshot())


def of_snapshot(state: object, language: str = "en") -> ReportMaterial:
    return ReportMaterial(state, [row.configuration for row in state.rows], language)  # type: ignore[attr-defined,arg-type]


def test_the_page_asks_nothing_of_anyone(material: ReportMaterial) -> None:
    page = report(material)
    reader = read(page)
    names = {tag for tag, _ in reader.tags}
    assert not names & {"script", "img", "iframe", "link", "object", "embed", "form", "base", "audio", "video"}
    for tag, attributes in reader.tags:
        assert not set(attributes) & {"src", "href", "style", "srcset", "xlink:href", "action"}, tag
        assert not [name for name in attributes if name.startswith("on")], tag
    policy = next(a["content"] for tag, a in reader.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None and policy.startswith("default-src 'none'") and "unsafe" not in policy
    found = set(re.findall(rb"https?://[^\"' <]+", page))
    assert found <= {b"http://www.w3.org/2000/svg"}


def test_hostile_text_stays_text() -> None:
    state = story()[-1]
    board = state.board
    rows = [
        RecordedRow(
            replace(row.configuration, name=EVIL),
            {q: dict(s) for q, s in row.scores.items()},
            dict.fromkeys(row.scores, EVIL),
        )
        for row in state.rows
    ]
    rows[0] = replace(rows[0], scores={q: {board.goal.metric: Score(1.0)} for q in rows[0].scores})
    shown = replace(
        board, rows=tuple(replace(row, name=EVIL, knobs={EVIL: EVIL}, failed=EVIL) for row in board.rows), sweep=EVIL
    )
    evil = replace(state.eval_set.questions_[0], text=EVIL, id=EVIL)
    eval_set = replace(state.eval_set, questions_=(evil, *state.eval_set.questions_[1:]))
    state = replace(state, board=shown, rows=rows, name=EVIL, eval_set=eval_set, signatures={EVIL: EVIL})
    page = report(replace(of_snapshot(state), facts={EVIL: EVIL}))
    reader = read(page)
    assert not {tag for tag, _ in reader.tags} & {"script", "img"}
    assert b"\x00" not in page and b"\x1b" not in page and "\u202e" not in page.decode()
    assert "alert(1)" in "".join(reader.text), "it is shown, as text"


def test_numbers_are_the_same_everywhere(material: ReportMaterial) -> None:
    """Terminal, JSON, MLflow and HTML."""
    board = material.snapshot.board
    shown = " ".join("".join(read(report(material)).text).split())
    out = io.StringIO()
    render_terminal(board, Console(file=out, width=400, color_system=None), everything=False)
    terminal = " ".join(out.getvalue().split())
    plain = {row["key"]: row for row in json.loads(board.to_json())["rows"]}
    names = columns(board)
    for row in board.rows:
        stat = row.figures[board.goal.metric]
        assert plain[row.key]["figures"][board.goal.metric]["mean"] == stat.mean
        assert runs.metrics(board, row)[board.goal.metric] == stat.mean
        assert runs.metrics(board, row).get("vs_reference") == (
            row.versus_reference and row.versus_reference.difference
        )
        for cell in cells(board, row, names):
            assert " ".join(cell.split()) in terminal and " ".join(cell.split()) in shown
    for language in ("en", "ko"):
        page = report(replace(material, language=language))
        assert " ".join(headline(board, language).split()) in " ".join("".join(read(page).text).split())
    assert headline(board, "en") in terminal


def test_both_languages(korean: Path) -> None:
    sweep = Sweep.load(korean, korean.parent / "store")
    made = material_of(sweep.prepared, sweep.store)(sweep.view.snapshot())
    assert made.language == "ko"
    page = report(made).decode()
    assert '<html lang="ko">' in page
    for word in ("이 구성을 추천하는 이유", "주의할 점", "시도하지 않은 것", "설정별 효과", "데이터와 모델"):
        assert word in page
    english = report(material_of(sweep.prepared, sweep.store, "en")(sweep.view.snapshot())).decode()
    assert "Why this one" in english and "주의할 점" not in english


def test_equal_material_gives_equal_bytes(sweep: Sweep, material: ReportMaterial) -> None:
    again = material_of(sweep.prepared, sweep.store)(sweep.view.snapshot())
    assert report(again) == report(material)


def test_the_decision_speaks_of_what_was_measured(material: ReportMaterial) -> None:
    found = decision(material)
    assert 1 <= len(found.reasons) <= 3 and len(found.risks) == 3
    assert any("rerank" in line for line in found.not_tried)
    assert not any("0 of" in line for line in found.reasons)
    assert not any("weakest on answerable" in line for line in found.risks), "the only group is no weak spot"
    names = [name for name, _ in found.versions]
    assert names[:3] == ["evaluation set", "questions", "document files"] and "ragscout" in names
    assert "nan" not in " ".join((*found.reasons, *found.risks)).lower()


def test_reasons_say_only_what_is_one(material: ReportMaterial) -> None:
    """A price that differs in the third digit is shown so; dearer complexity is not called simpler; and a tie with a
    baseline is no reason to choose anything."""
    board = material.snapshot.board
    leader, best = board.rows[0], board.rows[1]
    assert leader.key != best.key
    for own, other, shown in ((0.787, 0.788, "0.787 instead of 0.788"), (2.0, 3.0, "2.00 instead of 3.00")):
        rows = [replace(row, cost=replace(row.cost, per_1000=price)) for row, price in ((best, own), (leader, other))]
        assert shown in Words("en").value(_cheaper(board, rows[0], rows[1]))
    dearer = replace(leader, complexity=leader.complexity + 1)
    assert Words("en").value(_cheaper(board, dearer, leader)) == "costs no more"
    alone = replace(leader, marks=("leader", "recommended"), versus_reference=None)
    state, keys = material.snapshot, {row.key for row in board.rows if row.has("baseline")}
    tied = [
        replace(row, scores=material.rows[leader.key].scores) if row.configuration.key in keys else row
        for row in state.rows
    ]
    same = replace(material, snapshot=replace(state, rows=tied))
    assert not any("baseline" in reason for reason in _reasons(same, alone))


def test_the_first_page_names_data_and_models_and_the_questions_print(material: ReportMaterial) -> None:
    page = report(material).decode()
    first = page[: page.index("<section>")]
    assert material.snapshot.board.eval_set in first and "embed: hashing" in first
    assert 'class="list"' in page and "details-content" in page


def test_nothing_measured_is_a_page_too() -> None:
    state = snapshot(1, {"512 · bm25": []}, total=4, failed={"512 · bm25": "no model"}, closed=True)
    state = replace(
        state, board=replace(state.board, rows=tuple(replace(r, marks=("failed",)) for r in state.board.rows))
    )
    page = report(of_snapshot(state)).decode()
    assert "nothing is recommended" in page and "Why this one" not in page


@pytest.mark.parametrize("number", range(4))
def test_every_state_of_a_sweep_has_a_report(number: int) -> None:
    for language in ("en", "ko"):
        page = report(of_snapshot(story(language)[number], language)).decode()
        assert "nan" not in page.lower().replace("nanum", "")


def test_figures_are_written_as_png_and_svg(material: ReportMaterial, tmp_path: Path) -> None:
    assert {"decision", "pareto", "effects", "questions"} <= set(figures(material))
    small = replace(material)
    made = write_figures(small, tmp_path / "그림")
    assert {path.suffix for path in made} == {".png", ".svg"}
    for path in made:
        data = path.read_bytes()
        assert data.startswith(b"\x89PNG" if path.suffix == ".png" else b"<svg"), path


def test_a_drawing_is_the_same_in_both_forms() -> None:
    drawing = Drawing(
        200, 80, "제목 <b>", [Line(((0, 0), (10, 10)), dashed=True), Box(1, 1, 5, 5, "#ffffff", "#000000")]
    )
    drawing.add(
        Dot(20, 20, 4, "#112233"), TextLabel(30, 30, "한글 $x$ <i>", turned=True), TextLabel(30, 40, "b", bold=True)
    )
    text = svg(drawing, standalone=True)
    assert text.count("<polyline") == 1 and text.count("<circle") == 1 and "&lt;i&gt;" in text
    assert png(drawing, 50).startswith(b"\x89PNG")


def test_axes() -> None:
    assert ticks(0.0, 1.0, 5) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(3.0, 3.0) == [3.0]
    places = spread_out([10, 11, 12, 200], 20, 0, 210)
    assert places == sorted(places) and all(b - a >= 20 - 1e-9 for a, b in itertools.pairwise(places))
    assert spread_out([], 5, 0, 10) == []


def test_command_line(
    english: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ["--store", str(english.parent / "store")]
    target = tmp_path / "보고서.html"
    monkeypatch.setattr(sys, "argv", ["ragscout", "report", str(english), "-o", str(target), "--json", *store])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code and target.read_bytes().startswith(b"<!DOCTYPE html>")
    assert json.loads(capsys.readouterr().out)["language"] == "en"
    monkeypatch.setattr(sys, "argv", ["ragscout", "report", str(english), "--language", "fr", *store])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2 and "English and Korean" in capsys.readouterr().err


@pytest.mark.parametrize(("verb", "word"), [("why", "설정별 기여도"), ("board", "추천"), ("compare", "문항")])
def test_words_are_those_of_the_questions(
    verb: str, word: str, korean: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(korean)] * (1 + (verb == "compare"))
    monkeypatch.setattr(sys, "argv", ["ragscout", verb, *files, "--store", str(korean.parent / "store")])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code and word in capsys.readouterr().out
