"""JSON in the shapes that people have it: evidence as lists, objects of objects, one question alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragscout.model.errors import EvalSetError

Write = Callable[..., Path]


def test_evidence_as_texts_leaves_the_answer_a_reference(store: Any, write: Write) -> None:
    rows = [
        {"question": "How long?", "answer": "15 days", "evidence": ["fifteen days of leave"]},
        {"question": "When?", "answers": ["6:30", "half past six"], "evidence": ["opens at 6:30", "the car park"]},
    ]
    for name, text in (("a.json", json.dumps(rows)), ("b.jsonl", "\n".join(map(json.dumps, rows)))):
        one, two = type(store)().upload(write(name, text)).eval_set.questions_
        assert one.references == ("15 days",)
        assert two.references == ("6:30", "half past six")
        assert [span.quote for span in one.evidence] == ["fifteen days of leave"]
        assert [span.quote for span in two.evidence] == ["opens at 6:30", "the car park"]
        assert not one.meta


def test_evidence_as_objects_beside_columns_of_other_names(store: Any, write: Write) -> None:
    row = {"question": "How long?", "answer": "15 days", "evidence": [{"evidence_text": "15 days", "doc_name": "a.md"}]}
    (question,) = store.upload(
        write("q.jsonl", json.dumps(row)), write("documents/a.md", "It is 15 days.")
    ).eval_set.questions_
    assert question.references == ("15 days",)
    assert [(span.document, span.quote) for span in question.evidence] == [("a.md", "15 days")]


def test_own_format_reads_the_source_column(store: Any, write: Write) -> None:
    row = {"question": "How long?", "references": ["15 days"], "source": "a.md", "evidence": ["15 days"]}
    (question,) = store.upload(
        write("q.jsonl", json.dumps(row)), write("documents/a.md", "It is 15 days.")
    ).eval_set.questions_
    assert question.documents == ("a.md",)
    assert [(span.document, span.quote) for span in question.evidence] == [("a.md", "15 days")]


@pytest.mark.parametrize("piece", [["Title", 0], {"page": 3}, 7])
def test_evidence_of_another_form_is_named(piece: Any, store: Any, write: Write) -> None:
    row = {"question": "How long?", "answer": "15 days", "evidence": [piece]}
    with pytest.raises(
        EvalSetError, match=r"q\.jsonl:1, column 'evidence': .*(document and quote|document or a quote)"
    ):
        store.upload(write("q.jsonl", json.dumps(row)))


@pytest.mark.parametrize("wrap", [lambda held: held, lambda held: {"version": 1, "questions": held}])
def test_object_of_objects_is_questions(wrap: Any, store: Any, write: Write) -> None:
    held = {
        "q1": {"question": "How long?", "answer": "15 days"},
        "q7": {"question": "When?", "answer": "now", "n": "x"},
    }
    done = store.upload(write("q.json", json.dumps(wrap(held))))
    assert [(item.id, item.references) for item in done.eval_set.questions_] == [("q1", ("15 days",)), ("q7", ("now",))]
    assert not done.report.documents


def test_one_question_alone_is_a_question(store: Any, write: Write) -> None:
    done = store.upload(write("q.json", json.dumps({"question": "How long?", "answer": "15 days"}, indent=1)))
    assert [item.references for item in done.eval_set.questions_] == [("15 days",)]


def test_object_of_documents_gives_their_ids(store: Any, write: Write) -> None:
    held = {"d1": {"title": "Leave", "text": "15 days."}, "d2": {"title": "Cars", "text": "6:30."}}
    rows = "question,answer,doc_id\nHow long?,15 days,d1\n"
    done = store.upload(write("q.csv", rows), write("corpus.json", json.dumps(held)))
    assert done.report.documents == 2
    assert done.eval_set.questions_[0].documents == ("d1",)


def test_table_by_columns_stays_one(store: Any, write: Write) -> None:
    held = {"question": {"0": "How long?", "1": "When?"}, "answer": {"0": "15 days", "1": "now"}}
    done = store.upload(write("q.json", json.dumps(held)))
    assert [item.references for item in done.eval_set.questions_] == [("15 days",), ("now",)]
