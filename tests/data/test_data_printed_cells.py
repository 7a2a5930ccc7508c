"""Cells that went through pandas and numpy: read as what they were, or refused with the form named; never joined."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragscout.data.read.printed import CellError, printed
from ragscout.model.errors import EvalSetError

Write = Callable[..., Path]
DOCUMENTS = "doc_id,text\n1,Fifteen days of leave.\n2,Trips above 300 euros.\n3,The car park opens at 6:30.\n"


def table(*rows: list[str]) -> str:
    stream = io.StringIO()
    csv.writer(stream).writerows(rows)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("['15 days' 'fifteen days']", ["15 days", "fifteen days"]),
        ("['at 6:30'\n 'half past six']", ["at 6:30", "half past six"]),
        ("[array(['d-2'], dtype=object)]", [["d-2"]]),
        ("[array(['a', 'b'], dtype='<U1'),\n       array(['c'], dtype=object)]", [["a", "b"], ["c"]]),
        ("[list(['a']), ('b', 'c')]", [["a"], ["b", "c"]]),
        ("[np.str_('a'), np.int64(3), np.float64(2.5)]", ["a", 3, 2.5]),
        ("[\"it's\" 'b']", ["it's", "b"]),
        ("[1, 2]", [1, 2]),
        ("[1 2]", [1, 2]),
        ("[None, 'a', nan]", [None, "a", None]),
        ('["a", null]', ["a", None]),
        (
            "{'text': array(['x y'], dtype=object), 'answer_start': array([17], dtype=int32)}",
            {"text": ["x y"], "answer_start": [17]},
        ),
        ("[]", []),
    ],
)
def test_printed_values(text: str, value: Any) -> None:
    assert printed(text) == value


@pytest.mark.parametrize(
    "text",
    ["[draft] plan", "[a](b)", "(see above)", "('a')", "[15 days]", "['a'] and ['b']", "{x}", "[1, 2", "", "[1.2.3]"],
)
def test_text_stays_text(text: str) -> None:
    assert printed(text) is None


@pytest.mark.parametrize("text", ["['a' 'b' ... 'y' 'z']", "['a', 'b' 'c']"])
def test_forms_that_lost_something_are_named(text: str, store: Any, write: Write) -> None:
    with pytest.raises(CellError):
        printed(text)
    with pytest.raises(EvalSetError, match=r"q\.csv:2, column 'references': .*(shortened|separated)"):
        store.upload(write("q.csv", table(["question", "references"], ["How?", text])))


def test_lists_of_numpy_in_a_table(store: Any, write: Write) -> None:
    rows = table(
        ["question", "references", "gold_doc_ids", "evidence"],
        ["How?", "['a b' 'c']", "['1' '2']", "['leave' 'Trips']"],
    )
    (question,) = store.upload(write("q.csv", rows), write("corpus.csv", DOCUMENTS)).eval_set.questions_
    assert question.references == ("a b", "c")
    assert question.documents == ("1", "2")
    assert [(span.document, span.quote) for span in question.evidence] == [("1", "leave"), ("2", "Trips")]


@pytest.mark.parametrize("cell", ["1.0", "[1]", "[1.0]", "[1. ]", "['1.0']", "['1']", "1"])
def test_ids_that_became_numbers(cell: str, store: Any, write: Write) -> None:
    rows = table(["question", "answer", "doc_id"], ["How?", "x", cell], ["What?", "y", ""])
    one, two = store.upload(write("q.csv", rows), write("corpus.csv", DOCUMENTS)).eval_set.questions_
    assert (one.documents, two.documents) == (("1",), ())


def test_documents_whose_ids_became_numbers(store: Any, write: Write) -> None:
    rows = table(["question", "answer", "doc_id"], ["How?", "x", "2"])
    corpus = DOCUMENTS.replace("\n1,", "\n1.0,").replace("\n2,", "\n2.0,")
    assert store.upload(write("q.csv", rows), write("corpus.csv", corpus)).eval_set.questions_[0].documents == ("2.0",)


def test_bare_list_of_names(store: Any, write: Write) -> None:
    rows = table(["question", "answer", "doc_id"], ["How?", "x", "[1, 3]"], ["What?", "y", "[3;2]"])
    one, two = store.upload(write("q.csv", rows), write("corpus.csv", DOCUMENTS)).eval_set.questions_
    assert (one.documents, two.documents) == (("1", "3"), ("3", "2"))


def test_an_interval_is_an_answer(store: Any, write: Write) -> None:
    (question,) = store.upload(write("q.csv", table(["question", "answer"], ["Range?", "[0, 1]"]))).eval_set.questions_
    assert question.references == ("[0, 1]",)


def test_autorag_groups_in_csv(store: Any, write: Write) -> None:
    rows = table(
        ["qid", "query", "retrieval_gt", "generation_gt"],
        ["q1", "How?", "[array(['1'], dtype=object)]", "['a']"],
        ["q2", "When?", "[['3'], ['1', '2']]", "['at 6:30' 'half past']"],
    )
    one, two = store.upload(write("qa.csv", rows), write("corpus.csv", DOCUMENTS)).eval_set.questions_
    assert one.documents == ("1",)
    assert two.references == ("at 6:30", "half past")
    assert [(span.document, span.group) for span in two.evidence] == [("3", 0), ("1", 1), ("2", 1)]


def test_answers_of_squad_in_csv(store: Any, write: Write) -> None:
    cell = "{'text': array(['fifteen'], dtype=object), 'answer_start': array([6], dtype=int32)}"
    rows = table(
        ["id", "title", "context", "question", "answers"], ["1", "Leave", "It is fifteen days.", "How long?", cell]
    )
    (question,) = store.upload(write("q.csv", rows)).eval_set.questions_
    assert question.references == ("fifteen",)
    assert question.evidence[0].start == 6


def test_evidence_objects_in_a_cell(store: Any, write: Write) -> None:
    rows = table(["question", "answer", "evidence"], ["How?", "x", "[{'document': '1', 'quote': 'Fifteen days'}]"])
    (question,) = store.upload(write("q.csv", rows), write("corpus.csv", DOCUMENTS)).eval_set.questions_
    assert [(span.document, span.quote) for span in question.evidence] == [("1", "Fifteen days")]
