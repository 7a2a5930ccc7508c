"""Workbooks: cells as people see them, merged cells, cells that hold an error."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from openpyxl import Workbook

from ragscout.model.errors import EvalSetError
from ragscout.providers.parsers.cells import cell_text

Write = Callable[..., Path]


def book(rows: Sequence[Sequence[Any]], *merged: str) -> bytes:
    made = Workbook()
    for row in rows:
        made.active.append(row)
    for area in merged:
        made.active.merge_cells(area)
    stream = io.BytesIO()
    made.save(stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("value", "shape", "shown"),
    [
        (7, "000", "007"),
        (0.125, "0.0%", "12.5%"),
        (0.15, "0%", "15%"),
        (1234.5, '#,##0.00 "€"', "1,234.50 €"),
        (1234.5, "[$€-407] #,##0.00", "€ 1,234.50"),
        (1000, '"₩"#,##0_);("₩"#,##0)', "₩1,000"),
        (-1000, '"₩"#,##0_);("₩"#,##0)', "(₩1,000)"),
        (-5, "0.0", "-5.0"),
        (0, "0.00;-0.00;0", "0"),
        (1000, '#,##0"원"', "1,000원"),
        (1500000, '#,##0,"k"', "1,500k"),
        (1.5, "0.0#", "1.5"),
        (1.005, "0.00", "1.01"),
        (3.0, "General", "3"),
        (0.1 + 0.2, "General", "0.3"),
        (8201234567, "(000) 000-0000", "8201234567"),
        (0.5, "# ?/?", "0.5"),
        (True, "General", "TRUE"),
        (datetime.time(6, 30), "h:mm", "6:30"),
        (datetime.time(6, 30), "hh:mm:ss", "06:30:00"),
        (datetime.time(18, 30), "h:mm AM/PM", "6:30 PM"),
        (datetime.timedelta(hours=36), "[h]:mm", "36:00"),
        (datetime.timedelta(seconds=90), "[mm]:ss", "1:30"),
        (datetime.datetime(2025, 3, 1), "yyyy-mm-dd h:mm:ss", "2025-03-01"),
        (datetime.datetime(2025, 3, 1, 6, 30), "General", "2025-03-01 06:30:00"),
        (None, "0", ""),
    ],
)
def test_cells_as_people_see_them(value: Any, shape: str, shown: str) -> None:
    assert cell_text(SimpleNamespace(value=value, number_format=shape)) == shown


def test_merged_question_has_all_its_answers(store: Any, write: Write) -> None:
    rows = [
        ["No", "Question", "Reference answer", "Source file"],
        [1, "How many days?", "Fifteen days", "leave.md"],
        [None, None, "15 days a year", None],
        [2, "When?", "At 6:30", "parking.md"],
    ]
    done = store.upload(write("q.xlsx", book(rows, "A2:A3", "B2:B3", "D2:D3")))
    assert [(item.id, item.text, item.references, item.documents) for item in done.eval_set.questions_] == [
        ("1", "How many days?", ("Fifteen days", "15 days a year"), ("leave.md",)),
        ("2", "When?", ("At 6:30",), ("parking.md",)),
    ]
    assert [item.rows for item in done.report.findings if item.kind == "merged_cells"] == [("2-3",)]


def test_merged_column_beside_several_questions_counts_for_each(store: Any, write: Write) -> None:
    rows = [
        ["문서", "질문", "정답", "분류"],
        ["a.md", "하나?", "1", "휴가"],
        [None, "둘?", "2", None],
        ["b.md", "셋?", "3", "주차"],
    ]
    done = store.upload(write("q.xlsx", book(rows, "A2:A3", "D2:D3")))
    assert [(item.text, item.documents, item.slice) for item in done.eval_set.questions_] == [
        ("하나?", ("a.md",), "휴가"),
        ("둘?", ("a.md",), "휴가"),
        ("셋?", ("b.md",), "주차"),
    ]


def test_columns_that_cannot_hold_several_values_are_said(store: Any, write: Write) -> None:
    rows = [["question", "answer", "type"], ["How?", "a", "x"], [None, "b", "y"]]
    done = store.upload(write("q.xlsx", book(rows, "A2:A3")))
    assert [(item.references, item.type) for item in done.eval_set.questions_] == [(("a", "b"), "x")]
    assert [item.column for item in done.report.warnings] == ["type"]


def test_empty_question_names_merged_cells(store: Any, write: Write) -> None:
    with pytest.raises(EvalSetError, match="where cells were merged"):
        store.upload(write("q.csv", "question,answer\nHow?,a\n,b\n"))
