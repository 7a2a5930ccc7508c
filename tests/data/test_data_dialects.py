"""Delimited tables as programs write them: quoting found by trying, corrected by --dialect."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragscout.model.errors import EvalSetError

Write = Callable[..., Path]
BACKSLASH = (
    "id,question,answer\n"
    r'1,"What does \"annual leave\" mean, in days?","It means \"fifteen days\", no more"' + "\n"
    r'2,"Where is C:\\data?","on \"C\""' + "\n"
    '3,"When does it open?",\\N\n'
)
SPACED = 'id, question, answer\n1, "How many days, please?", "Fifteen days"\n2, "When does it open?", "At 6:30"\n'
UNQUOTED = (
    'id\tquestion\tanswer\n1\t"Annual leave" is how long?\tFifteen\n2\tWhich trips?\t"Above 300" it says\n'
    '3\t"When does it open?\tAt 6:30\n4\tHow wide is a 19" rack?\t"Unknown\n'
)


def read(store: Any, *paths: Path, **options: Any) -> list[tuple[str, tuple[str, ...]]]:
    return [(item.text, item.references) for item in store.upload(*paths, **options).eval_set.questions_]


def test_backslash_before_a_quotation_mark(store: Any, write: Write) -> None:
    assert read(store, write("q.csv", BACKSLASH)) == [
        ('What does "annual leave" mean, in days?', ('It means "fifteen days", no more',)),
        ("Where is C:\\data?", ('on "C"',)),
        ("When does it open?", ()),
    ]


def test_blank_after_the_comma(store: Any, write: Write) -> None:
    assert read(store, write("q.csv", SPACED)) == [
        ("How many days, please?", ("Fifteen days",)),
        ("When does it open?", ("At 6:30",)),
    ]


def test_blank_after_the_comma_where_widths_agree_anyway(store: Any, write: Write) -> None:
    assert read(store, write("q.csv", SPACED.replace("days, please", "days")))[0] == (
        "How many days?",
        ("Fifteen days",),
    )


def test_tab_separated_without_quoting(store: Any, write: Write) -> None:
    assert read(store, write("q.tsv", UNQUOTED)) == [
        ('"Annual leave" is how long?', ("Fifteen",)),
        ("Which trips?", ('"Above 300" it says',)),
        ('"When does it open?', ("At 6:30",)),
        ('How wide is a 19" rack?', ('"Unknown',)),
    ]


def test_the_dialect_found_is_said(store: Any, write: Write) -> None:
    done = store.upload(write("q.tsv", UNQUOTED))
    (said,) = [item for item in done.report.findings if item.kind == "dialect"]
    assert "'unquoted'" in said.message
    assert "--dialect" in said.remedy


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_separator_line(first: str, newline: str, store: Any, write: Write) -> None:
    text = newline.join([first, "question;answer", "a, b, c?;d, e", "f?;g;h", ""])
    with pytest.raises(EvalSetError, match=r"q\.csv:4"):
        store.upload(write("q.csv", text))
    assert read(store, write("q.csv", text.replace("g;h", "g"))) == [("a, b, c?", ("d, e",)), ("f?", ("g",))]


def test_plain_tables_stay_plain(store: Any, write: Write) -> None:
    text = 'question,answer\n"He said, ""yes"", where?","C:\\"\n"Two\nlines, here?","x"\n'
    done = store.upload(write("q.csv", text))
    assert [(item.text, item.references[0]) for item in done.eval_set.questions_] == [
        ('He said, "yes", where?', "C:\\"),
        ("Two\nlines, here?", "x"),
    ]
    assert not [item for item in done.report.findings if item.kind == "dialect"]


def test_quoted_tsv_with_an_open_quote_is_still_refused(store: Any, write: Write) -> None:
    text = 'question\tanswer\n"a?"\t"b"\n"c?"\t"d"\n"e?\t"f"\n'
    with pytest.raises(EvalSetError, match="--dialect"):
        store.upload(write("q.tsv", text))


def test_dialect_can_be_named(store: Any, write: Write) -> None:
    text = 'question\tanswer\n"a"\t"b"\n'
    assert read(store, write("q.tsv", text), dialect="unquoted") == [('"a"', ('"b"',))]
    with pytest.raises(EvalSetError, match=r"no such dialect; got 'mysql'\. Dialects: plain"):
        type(store)().upload(write("q.tsv", text), dialect="mysql")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("docs/c.csv", 'id, text\n1, "Fifteen, not more"\n2, "six"\n'),
        ("docs/c.csv", 'id,text\n1,"says \\"Fifteen, not more\\""\n2,"six"\n'),
        ("docs/c.tsv", 'id\ttext\n1\t"Fifteen, not more\n2\t"six" it says\n'),
        ("docs/c.csv", "sep=;\nid;text\n1;Fifteen, not more\n2;six\n"),
    ],
)
def test_documents_are_read_by_the_same_rules(name: str, text: str, store: Any, write: Write, tmp_path: Path) -> None:
    write(name, text)
    write("q.csv", 'question,answer,doc\nHow many?,"Fifteen, not more",1\n')
    done = store.upload(tmp_path)
    assert done.eval_set.questions_[0].documents == ("1",)
    assert done.report.documents == 2
