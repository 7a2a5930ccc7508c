"""Characters that look equal are equal for headers, repeats, names and quotes; what is shown stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragscout.data.roles import header_key
from ragscout.model.text import comparable
from ragscout.steps.evidence.quotes import occurrences

Write = Callable[..., Path]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("oﬃce ﬁnal", "office final"),
        ("１５ｄａｙｓ？", "15days?"),
        ("15\u00a0days", "15 days"),
        ("\ufeffco\u00adoperate\u200b", "cooperate"),
        ("\u202bWhen?\u202c", "When?"),
        ("30㎡ 5㎏", "30m2 5kg"),
        ("10⁶ ½ ①", "10⁶ ½ ①"),
        ("ㅋㅋ 가나", "ㅋㅋ 가나"),
        ("plain", "plain"),
    ],
)
def test_comparable(text: str, plain: str) -> None:
    assert comparable(text) == plain
    assert comparable(plain) == plain


@pytest.mark.parametrize("name", ["answer\u200b", "\ufeffanswer", "ａｎｓｗｅｒ", "an\u00adswer", "Answer\u00a0"])
def test_headers(name: str, store: Any, write: Write) -> None:
    assert header_key(name) == "answer"
    (question,) = store.upload(write("q.csv", f"question,{name}\nHow?,x\n")).eval_set.questions_
    assert question.references == ("x",)


def test_the_same_question_is_one_and_stays_as_it_was(store: Any, write: Write) -> None:
    rows = "question,answer\nHow\u00a0many days?,15\u00a0days\nHow many days?\u200b,15 days\n"
    done = store.upload(write("q.csv", rows))
    assert [(item.text, item.references) for item in done.eval_set.questions_] == [
        ("How\u00a0many days?", ("15\u00a0days",))
    ]
    assert [item.kind for item in done.report.warnings] == ["repeated_row"]


def test_names_and_quotes_of_documents(store: Any, write: Write, tmp_path: Path) -> None:
    write(
        "questions.csv",
        "question,answer,doc,quote\nWhere?,x,\u200bｏﬃce.md,the office is ﬁnal\nWhat?,y,,the office is final\n",
    )
    write("docs/office.md", "Note: the oﬃce\nis final.")
    one, two = store.upload(tmp_path).eval_set.questions_
    assert one.documents == ("office.md",)
    assert [span.document for span in (*one.evidence, *two.evidence)] == ["office.md", "office.md"]


@pytest.mark.parametrize(
    ("text", "quote", "place"),
    [
        ("in the oﬃce now", "office", "oﬃce"),
        ("in the office now", "oﬃce", "office"),
        ("a co\u00adoperation", "cooperation", "co\u00adoperation"),
        ("takes １５ days", "15 days", "１５ days"),
        ("a fi\u200bnal offer of \u200b300", "final  offer", "fi\u200bnal offer"),
    ],
)
def test_quotes_are_placed_by_their_look(text: str, quote: str, place: str) -> None:
    assert [text[start:end] for start, end in occurrences(text, quote)] == [place]


def test_raised_digits_are_no_digits() -> None:
    assert occurrences("10⁶ items", "106 items") == []
