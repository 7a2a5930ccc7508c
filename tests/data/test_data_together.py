"""Several files, tables and splits of one upload: joined where they say the same, told apart where they do not."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from ragscout.data.formats.splits import split_of
from ragscout.model.errors import EvalSetError

Write = Callable[..., Path]


def book(rows: Sequence[Sequence[Any]]) -> bytes:
    made = Workbook()
    for row in rows:
        made.active.append(row)
    stream = io.BytesIO()
    made.save(stream)
    return stream.getvalue()


def test_one_question_in_two_files_is_joined(store: Any, write: Write, tmp_path: Path) -> None:
    write("a.csv", "id,question,answer\n1,How long?,15 days\n")
    write("b.csv", "id,question,answer,doc,type\n1,How\u00a0long?,fifteen days,d.md,fact\n2,When?,6:30,d.md,fact\n")
    done = store.upload(tmp_path)
    one, two = done.eval_set.questions_
    assert (one.id, one.references, one.documents, one.type) == ("1", ("15 days", "fifteen days"), ("d.md",), "fact")
    assert two.id == "2"
    assert [item.rows for item in done.report.findings if item.kind == "merged_question"] == [
        ("1 (a.csv:2 and b.csv:2)",)
    ]


def test_one_question_with_and_without_an_id(store: Any, write: Write, tmp_path: Path) -> None:
    write("a.csv", "question,answer\nWhen?,6:30\nWho?,me\n")
    write("b.csv", "id,question,answer\n7,When?,6:30\n")
    assert [item.id[:2] for item in store.upload(tmp_path).eval_set.questions_] == ["q-", "7"]


def test_one_id_for_two_questions_is_refused(store: Any, write: Write, tmp_path: Path) -> None:
    write("a.csv", "id,question,answer\n1,How long?,15 days\n")
    write("b.csv", "id,question,answer\n1,When?,6:30\n")
    with pytest.raises(EvalSetError, match="names two different questions"):
        store.upload(tmp_path)


def test_offsets_beyond_a_document_are_not_a_missing_document(store: Any, write: Write, tmp_path: Path) -> None:
    rows = [{"question": "a?", "references": ["x"], "evidence": [{"document": "d.md", "start": 50, "end": 60}]}]
    write("documents/d.md", "hello")
    write("q.jsonl", json.dumps(rows[0]))
    with pytest.raises(
        EvalSetError, match=r"offsets of none of 1 questions lie inside their documents.*50\.\.60 of d\.md"
    ):
        store.upload(tmp_path)
    rows.append({"question": "b?", "references": ["x"], "evidence": [{"document": "d.md", "start": 0, "end": 5}]})
    write("q.jsonl", "\n".join(map(json.dumps, rows)))
    done = store.upload(tmp_path)
    assert [item.kind for item in done.report.warnings] == ["gold_offsets"]
    assert [bool(item.evidence) for item in done.eval_set.questions_] == [False, True]


def test_second_table_of_a_sheet(store: Any, write: Write) -> None:
    rows = [
        ["question", "answer"],
        ["How long?", "15"],
        [],
        ["And when?", "now"],
        [],
        ["Statistics", "Value"],
        ["Total", 2],
    ]
    done = store.upload(write("q.xlsx", book(rows)))
    assert [item.text for item in done.eval_set.questions_] == ["How long?", "And when?"]
    assert [(item.kind, item.rows) for item in done.report.warnings] == [("second_table", ("6-7",))]


def test_second_table_of_questions_has_its_own_header(store: Any, write: Write) -> None:
    rows = [["question", "answer"], ["How long?", "15"], [], ["answer", "question", "doc"], ["6:30", "When?", "a.md"]]
    one, two = store.upload(write("q.xlsx", book(rows))).eval_set.questions_
    assert (one.text, one.references) == ("How long?", ("15",))
    assert (two.text, two.references, two.documents) == ("When?", ("6:30",), ("a.md",))


@pytest.mark.parametrize(
    ("file", "split"),
    [
        ("train/data-00000-of-00001.arrow", "train"),
        ("data/test-00000-of-00001.parquet", "test"),
        ("hotpot_dev_v1.json", "dev"),
        ("validation.jsonl", "dev"),
        ("questions.jsonl", ""),
        ("contest.csv", ""),
    ],
)
def test_split_of_a_file(file: str, split: str) -> None:
    assert split_of(file) == split


def test_splits_are_not_merged(store: Any, write: Write, tmp_path: Path) -> None:
    write("train/data.jsonl", '{"question":"a?","answer":"x"}\n{"question":"b?","answer":"x"}')
    write("validation/data.jsonl", '{"question":"c?","answer":"x"}\n')
    done = store.upload(tmp_path)
    assert [item.text for item in done.eval_set.questions_] == ["c?"]
    assert [(item.kind, item.rows) for item in done.report.warnings] == [("split", ("train/data.jsonl (train)",))]
    assert type(store)().upload(tmp_path, split="train").eval_set.count == 2
    assert type(store)().upload(tmp_path, split="all").eval_set.count == 3


def test_equal_questions_under_own_ids_are_said(store: Any, write: Write) -> None:
    rows = "id,question,answer\n" + "".join(f"{number},How long?,15\n" for number in range(3000))
    done = store.upload(write("q.csv", rows))
    (said,) = [item for item in done.report.warnings if item.kind == "equal_questions"]
    assert said.message.startswith("3000 of 3000 questions share 1 texts")
    other = type(store)().upload(write("r.csv", "id,question,answer\n1,How?,a\n2,How?,b\n"))
    assert [item.severity for item in other.report.findings if item.kind == "equal_questions"] == ["info"]


def test_scanned_pages_alone_name_text_recognition(store: Any, write: Write) -> None:
    from pypdf import PdfWriter

    made, stream = PdfWriter(), io.BytesIO()
    made.add_blank_page(200, 200)
    made.write(stream)
    with pytest.raises(EvalSetError, match=r"no.* text that can be read.*scan\.pdf.*text recognition \(OCR\)"):
        store.upload(write("scan.pdf", stream.getvalue()))
