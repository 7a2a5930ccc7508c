from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragscout.model.evalset import Document, Question, Span
from ragscout.model.outcome import Evidence, PlacedSpan
from ragscout.model.step import make
from ragscout.model.text import normalise
from ragscout.model.values import Corpus
from ragscout.steps.evidence.quotes import nearly, occurrences
from ragscout.testing.steps import FakeRuntime, QuestionKit, run, text_digest

SETS = Path(__file__).parents[2] / "eval_sets"
LEAVE = (
    "# 휴가\n\n연차휴가는 최대 25일을 넘지 않는다. 팀장이 48시간 안에 답하지 않으면 자동으로 승인된다. "
    "연차는 15일이다.\n연차는 15일이다."
)
API = 'Keys are made in the admin page. "Rotate" them every 90 days,\nor sooner when a key has leaked to somebody.'
CORPUS = Corpus((Document("hr/Leave.md", LEAVE), Document("api", API)))


def place(span: Span | None = None, documents: Sequence[str] = (), **parameters: Any) -> Evidence:
    question = Question("q", "?", evidence=(span,) if span else (), documents=tuple(documents))
    found: list[Evidence] = run(make("evidence", "place", parameters), FakeRuntime(), [question], corpus=CORPUS)
    return found[0]


class TestPlace(QuestionKit):
    stage = "evidence"
    cases = (("place", {}), ("place", {"fuzzy": 1.0}))

    def questions(self) -> Sequence[Question]:
        return (
            Question("1", "연차는?", evidence=(Span("hr/Leave.md", "연차는 15일이다"),)),
            Question(
                "2", "key?", evidence=(Span("api", "Rotate them every 90 day or sooner", 3, 9),), documents=("API",)
            ),
            Question("3", "nothing known"),
        )

    def whole(self) -> dict[str, Any]:
        return {"corpus": CORPUS}


def test_by_digest_and_by_text_at_the_offsets() -> None:
    start = LEAVE.index("최대")
    by_digest = place(Span("hr/Leave.md", "", start, start + 6, text_digest=text_digest(LEAVE)))
    by_text = place(Span("hr/Leave.md", "최대 25일", start, start + 6, text_digest="0" * 64))
    assert by_digest.spans == by_text.spans == (PlacedSpan("hr/Leave.md", start, start + 6, 0),)
    assert by_text.documents == ("hr/Leave.md",)


def test_offsets_of_another_text_are_not_believed() -> None:
    assert place(Span("hr/Leave.md", "", 3, 9, text_digest="0" * 64)).spans == ()
    moved = place(Span("hr/Leave.md", "최대 25일", 0, 6))
    assert [(span.how, LEAVE[span.start : span.end]) for span in moved.spans] == [("quote", "최대 25일")]
    assert place(Span("hr/Leave.md", "최대 25일", 0, 100_000)).spans[0].how == "quote"


def test_quotes_up_to_white_space_normal_form_and_marks() -> None:
    for quote in (
        "팀장이 48시간\n안에  답하지 않으면",
        unicodedata.normalize("NFD", "팀장이 48시간 안에 답하지 않으면"),
        "팀장이 48시간 안에 답하지않으면",
    ):
        (span,) = place(Span("hr/Leave.md", quote)).spans
        assert LEAVE[span.start : span.end] == "팀장이 48시간 안에 답하지 않으면" and span.how == "quote"
    (span,) = place(Span("api", "admin page. “rotate” them every")).spans
    assert API[span.start : span.end] == 'admin page. "Rotate" them every'


def test_all_occurrences_are_alternatives_unless_marked() -> None:
    assert len(place(Span("hr/Leave.md", "연차는 15일이다", group=2)).spans) == 2
    assert {span.group for span in place(Span("hr/Leave.md", "연차는 15일이다", group=2)).spans} == {2}
    last = LEAVE.rindex("연차는 15일이다")
    (span,) = place(Span("hr/Leave.md", "연차는 15일이다", last + 3, last + 9)).spans
    assert span.start == last


def test_changed_passages_are_placed_with_their_ratio() -> None:
    quote = "팀장이 2일 안에 답을 하지 않으면 자동으로 승인된다"
    (span,) = place(Span("hr/Leave.md", quote)).spans
    assert span.how == "fuzzy" and 0.8 <= span.ratio < 1.0
    assert LEAVE[span.start : span.end].startswith("팀장이") and LEAVE[span.start : span.end].endswith("승인된다")
    assert place(Span("hr/Leave.md", quote), fuzzy=1.0).unplaced == (quote,)
    assert place(Span("hr/Leave.md", quote), fuzzy=0.97).spans == ()


def test_what_is_not_there_is_unplaced() -> None:
    found = place(Span("hr/Leave.md", "회사는 매년 건강 검진 비용을 전액 지원한다"))
    assert found == Evidence((), ("회사는 매년 건강 검진 비용을 전액 지원한다",), ("hr/Leave.md",))


@pytest.mark.parametrize("name", ["hr/Leave.md", "HR/leave.MD", "hr\\leave.md", "hr/leave", "leave", "./hr/Leave.md"])
def test_documents_by_id_case_and_stem(name: str) -> None:
    assert place(documents=[name]).documents == ("hr/Leave.md",)
    assert place(Span(name, "최대 25일")).spans[0].document == "hr/Leave.md"


def test_unknown_documents() -> None:
    assert place(documents=["other"]) == Evidence((), ("other",), ())
    assert place(Span("other")) == Evidence((), ("other",), ())
    assert place(Span("other", "최대 25일")).spans[0].document == "hr/Leave.md"
    assert place(Span("", "연차는 99일이다")).unplaced == ("연차는 99일이다",)


@pytest.mark.parametrize("name", ["handbook-ko", "handbook-en", "libreoffice-ko", "postgres-en"])
def test_every_span_of_the_bundled_sets_is_placed_even_after_reflowing(name: str) -> None:
    documents, reflowed = [], []
    for file in sorted((SETS / name / "documents").iterdir()):
        text = normalise(file.read_text(encoding="utf-8"))
        documents.append(Document(file.name, text))
        reflowed.append(Document(file.stem, " ".join(text.split())))
    questions = []
    for line in (SETS / name / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        spans = tuple(Span(e["document"], e["quote"], e["start"], e["end"]) for e in row.get("evidence", []))
        questions.append(Question(row["id"], row["question"], evidence=spans))
    step = make("evidence", "place")
    for found in run(step, FakeRuntime(), questions, corpus=Corpus(tuple(documents))):
        assert not found.unplaced and all(span.how == "offset" for span in found.spans)
    for found in run(step, FakeRuntime(), questions, corpus=Corpus(tuple(reflowed))):
        assert not found.unplaced and all(span.how in ("offset", "quote") for span in found.spans)


@settings(deadline=None)
@given(
    st.text("가나 다abc.\n", max_size=60),
    st.text("가나 다abc.\n", min_size=1, max_size=30),
    st.text("가나 b", max_size=20),
)
def test_a_quote_that_stands_there_is_found(before: str, quote: str, after: str) -> None:
    text = before + quote + after
    found = occurrences(text, quote)
    assert bool(found) == bool(quote.strip())
    assert all("".join(text[start:end].split()) == "".join(quote.split()) for start, end in found)


@settings(deadline=None)
@given(st.text("가나 다abc.\n", max_size=80), st.text("가나 다abc.\n", max_size=40))
def test_ratios_and_places_are_within_bounds(text: str, quote: str) -> None:
    found = nearly(text, quote, 0.6)
    if found is not None:
        start, end, ratio = found
        assert 0 <= start < end <= len(text) and 0.6 <= ratio <= 1.0
