"""Every case of dirty/cases.json gives the stated outcome: accept, warn or reject, with counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ragscout.data.uploading import Uploaded
from ragscout.model.errors import EvalSetError

DIRTY = Path(__file__).parent / "dirty"
CASES = json.loads((DIRTY / "cases.json").read_text(encoding="utf-8"))["cases"]
SAYS = {
    "missing_question.csv": ["missing_question.csv", "id, answer", "question", "질문"],
    "duplicate_ids.jsonl": ["'q1'", "line 1", "line 2"],
    "cut_in_middle.jsonl": ["cut_in_middle.jsonl:10", "9 good lines", "--skip-bad-rows"],
    "zip_path_traversal.zip": ["zip_path_traversal.zip", "../../escaped.txt", "whole archive"],
    "zip_bomb_ratio.zip": ["zip_bomb_ratio.zip", "ratio"],
    "empty.jsonl": ["empty.jsonl", "empty"],
    "header_only.csv": ["header_only.csv", "no question"],
    "missing_reference.csv": ["id, question", "BLEU", "METEOR", "BERTScore", "correctness"],
    "empty_answers.jsonl": ["4 of 6", "q1", "q4", "metrics"],
    "gold_missing/questions.jsonl": ["15 of 36", "ko-warehouse", "ko-returns", "retrieval metrics"],
    "gold_missing/corpus.jsonl": ["15 of 36"],
    "huge_field.csv": [":3", "194,999 characters", "q1"],
    "nan_words.csv": ["1 of 6", "q4"],
}


def _target(path: str) -> Path:
    """A case in a folder of its own is about the folder."""
    first = path.split("/")[0]
    return DIRTY / first if "/" in path else DIRTY / path


@pytest.mark.parametrize("case", CASES, ids=[case["path"] for case in CASES])
def test_case(case: dict[str, Any], store: Any, tmp_path: Path) -> None:
    before = sorted(DIRTY.rglob("*"))
    if case["status"] == "reject":
        with pytest.raises(EvalSetError) as caught:
            store.upload(_target(case["path"]))
        said = str(caught.value)
        assert store.empty
    else:
        done = store.upload(_target(case["path"]))
        warnings = [finding.text() for finding in done.report.warnings]
        assert bool(warnings) == (case["status"] == "warn"), warnings
        said = "\n".join(done.report.lines())
        _counts(case, done)
    for word in SAYS.get(case["path"], []):
        assert word in said
    assert sorted(DIRTY.rglob("*")) == before
    assert not list(tmp_path.iterdir())


def _counts(case: dict[str, Any], done: Uploaded) -> None:
    questions, report = done.eval_set.questions_, done.report
    documents = case["path"].split("/")[-1].startswith("corpus")
    if "rows" in case:
        assert (report.documents if documents else len(questions)) == case["rows"]
    if "docs" in case:
        assert report.documents == case["docs"]
    if "rows_with_reference" in case:
        assert report.with_reference == case["rows_with_reference"]
    if "rows_with_gold" in case:
        assert report.with_evidence == case["rows_with_gold"]
    if "unanswerable" in case:
        assert report.unanswerable == case["unanswerable"]
        assert all(not question.references for question in questions if not question.answerable)
    if "first_question" in case:
        assert questions[0].text == case["first_question"]
    assert not any("\ufffd" in question.text for question in questions)
    assert not any(reference == "" for question in questions for reference in question.references)


def test_good_lines_of_a_cut_file_are_loaded_when_asked(store: Any) -> None:
    done = store.upload(DIRTY / "cut_in_middle.jsonl", skip_bad_rows=True)
    assert done.eval_set.count == 9
    assert any(finding.line == 10 and finding.severity == "warning" for finding in done.report.findings)


def test_an_exact_repeat_alone_is_a_warning(store: Any, write: Any) -> None:
    lines = (DIRTY / "duplicate_ids.jsonl").read_text(encoding="utf-8").splitlines()[2:]
    done = store.upload(write("q.jsonl", "\n".join(lines)))
    assert done.eval_set.count == 1
    assert [finding.kind for finding in done.report.warnings] == ["repeated_row"]


def test_no_gold_id_at_all_is_refused(store: Any, write: Any) -> None:
    write("set/corpus.jsonl", '{"doc_id": "a", "text": "one text"}\n')
    write("set/q.jsonl", '{"id": "1", "question": "What?", "answers": ["x"], "gold_doc_ids": ["zz"]}\n')
    with pytest.raises(EvalSetError, match=r"none of 1 questions is in the 1 documents: zz"):
        store.upload(write("set/q.jsonl", '{"question": "What?", "gold_doc_ids": ["zz"]}').parent)


def test_a_model_response_is_not_the_reference(store: Any, write: Any) -> None:
    row = {"user_input": "When?", "response": "never", "reference": "at noon", "retrieved_contexts": ["x"]}
    done = store.upload(write("r.jsonl", json.dumps(row)))
    assert done.eval_set.questions_[0].references == ("at noon",)
    assert done.eval_set.questions_[0].evidence == ()


def test_injection_is_plain_text(store: Any) -> None:
    done = store.upload(DIRTY / "corpus_with_injection.jsonl")
    assert done.report.documents == 5
    assert not done.report.findings
