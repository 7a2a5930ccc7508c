"""``why``: the explanation of a row, from a real sweep and from the command line."""

import dataclasses
import json
import sys
from pathlib import Path

import pytest

from ragscout.cli.main import main
from ragscout.model.errors import UnknownNameError
from ragscout.report.passages import PassageReader
from ragscout.report.why import Why, why
from ragscout.report.why_text import why_lines
from ragscout.sweep import Sweep


def explain(sweep: Sweep, row: str) -> Why:
    reader = PassageReader(sweep.prepared, sweep.store)
    return why(sweep.view.snapshot(), sweep.prepared.space.configurations, row, reader.of)


def test_every_row_is_explained_with_the_boards_numbers(sweep: Sweep) -> None:
    board = sweep.board()
    for row in board.rows[:4]:
        found = explain(sweep, row.key)
        assert (found.rank, found.name, found.estimate) == (row.rank, row.name, row.estimate)
        assert found.path[0].stage == "corpus" and found.path[-1].stage == "generate"
        assert found.rival and found.rival_key != row.key
        if row.versus_leader is not None:
            assert found.duel is not None
            assert found.duel.difference == pytest.approx(row.versus_leader.difference, abs=1e-9)
            assert found.duel.wins + found.duel.losses <= found.duel.n


def test_differences_stand_with_passages_and_answers(sweep: Sweep) -> None:
    last = sweep.board().rows[-1]
    found = explain(sweep, last.key)
    assert found.examples and len(found.examples) <= 10
    sizes = [abs(example.difference) for example in found.examples]
    assert sizes == sorted(sizes, reverse=True)
    known = {question.id for question in sweep.prepared.eval_set.development}
    for example in found.examples:
        assert example.id in known
        assert example.own.passages and example.own.answer and example.rival.answer
        for passage in example.own.passages:
            assert passage.text and passage.end > passage.start
    lost = sum(group.losses for group in found.groups if group.kind == "type")
    assert found.duel is not None and lost == found.duel.losses
    assert {group.kind for group in found.groups} >= {"type", "document"}


def test_the_hold_out_is_never_read(english: Path, tmp_path: Path) -> None:
    text = english.read_text(encoding="utf-8") + "holdout: 0.4\n"
    path = tmp_path / "held.yaml"
    path.write_text(text.replace("sweep: handbook-en", "sweep: held"), encoding="utf-8")
    sweep = Sweep.load(path, english.parent / "store")
    sweep.run()
    sealed = {question.text for question in sweep.prepared.eval_set.questions_}
    sealed -= {question.text for question in sweep.prepared.eval_set.development}
    assert sealed
    shown = json.dumps(explain(sweep, "").plain(), ensure_ascii=False)
    assert not [text for text in sealed if text in shown]


def test_retrieval_rows_are_explained_too(sweep: Sweep) -> None:
    row = sweep.board().retrieval[0]
    found = explain(sweep, row.key)
    assert found.metric == "recall@3" and found.rival


def test_an_unknown_row_is_one_message(sweep: Sweep) -> None:
    with pytest.raises(UnknownNameError, match="row of the board"):
        explain(sweep, "no such row")


def test_text_is_in_both_languages_and_on_one_line_each(sweep: Sweep) -> None:
    found = explain(sweep, "today")
    bad = dataclasses.replace(found, name="a\x1b[31mb\r\n")
    for language, word in (("en", "Its steps"), ("ko", "설정별 기여도")):
        lines = why_lines(found, sweep.prepared.goal, language)  # type: ignore[arg-type]
        assert any(word in line for line in lines)
        assert all("\n" not in line and "\x1b" not in line for line in lines)
    assert "\x1b" not in why_lines(bad, sweep.prepared.goal)[0]


def test_command_line(english: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["ragscout", "why", str(english), "today", "--store", str(english.parent / "store")]
    monkeypatch.setattr(sys, "argv", [*words, "--json"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    found = json.loads(capsys.readouterr().out)
    assert found["name"] == "today" and found["contributions"] is not None and found["path"][0]["stage"] == "corpus"
