from __future__ import annotations

import json
from pathlib import Path

import pytest
from measured import Measured

from ragscout.model.errors import BundleError
from ragscout.serve import verify
from ragscout.serve.archive import CHECKSUMS, seal


@pytest.mark.parametrize("name", ["b.bundle", "b.zip"])
@pytest.mark.parametrize("language", ["korean", "english"])
def test_a_bundle_answers_as_measured(request: pytest.FixtureRequest, tmp_path: Path, language: str, name: str) -> None:
    given: Measured = request.getfixturevalue(language)
    report = verify(given.export(tmp_path / name))
    asked = len(given.questions)
    assert report.same
    assert (report.asked, report.of) == (asked, asked)
    assert (report.answers, report.answers_equal) == (asked, asked)
    assert (report.rankings, report.rankings_equal) == (asked, asked)
    assert set(report.figures) == {"recall@3", "bleu", "token_f1"}
    for check in report.figures.values():
        assert (check.equal, check.different) == (asked, 0)
        assert check.recorded_mean == check.now_mean
        assert check.now_mean is not None
    assert report.figures["recall@3"].now_mean > 0  # type: ignore[operator]
    assert report.lines()[-1] == "The bundle answers as measured."


def test_only_the_first_questions(korean: Measured, tmp_path: Path) -> None:
    report = verify(korean.export(tmp_path / "b.zip"), limit=2)
    assert (report.asked, report.of, report.answers_equal) == (2, len(korean.questions), 2)


def test_a_changed_answer_score_and_ranking_are_shown(korean: Measured, tmp_path: Path) -> None:
    path = korean.export(tmp_path / "b.bundle")
    rows = [json.loads(line) for line in (path / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
    rows[0]["answer"]["value"]["text"] = "어제의 답"
    rows[1]["scores"]["bleu"]["v"] = 0.123
    rows[2]["ranking"] = rows[2]["ranking"][::-1]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (path / "questions.jsonl").write_text(text, encoding="utf-8")
    (path / CHECKSUMS).unlink()
    seal(path)
    report = verify(path)
    assert not report.same
    assert [(item.question, item.what) for item in report.differences] == [
        (rows[0]["question"]["id"], "answer"),
        (rows[1]["question"]["id"], "bleu"),
        (rows[2]["question"]["id"], "ranking"),
    ]
    assert report.differences[0].recorded == "어제의 답"
    assert report.figures["bleu"].different == 1
    assert "does not answer as measured" in report.lines()[-1]


def test_without_questions_there_is_nothing_to_verify(korean: Measured, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="questions=True"):
        verify(korean.export(tmp_path / "b.zip", questions=False))
