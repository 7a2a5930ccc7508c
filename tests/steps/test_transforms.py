"""Transforms change text, and gold evidence marked on the parsed text is found in what is left of it."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragscout.model.errors import ParameterError, StepError
from ragscout.model.evalset import Document, Question, Span
from ragscout.model.offsets import Origin, compose, edited, identity, shifted
from ragscout.model.step import make
from ragscout.model.values import Corpus
from ragscout.providers.parse import parse
from ragscout.steps.chunk.characters import Characters
from ragscout.steps.corpus.parse import Parse
from ragscout.steps.corpus.transforms import transformed
from ragscout.steps.evidence import Place
from ragscout.testing.steps import FakeRuntime, run

sys.path.insert(0, str(Path(__file__).parents[1] / "providers"))
from pdfs import pdf

TEXT = """# 휴가 규정
담당: kim@example.com, 010-1234-5678, 800101-1234567
## 연차
연차는 최대 25일이다. 문의는 kim@example.com 으로 한다.
```
# no heading
```
## 병가
병가는 10일이다."""


def declared(*transforms: dict[str, Any]) -> tuple[Any, ...]:
    made = make("corpus", "parse", {"transforms": list(transforms)})
    assert isinstance(made, Parse)
    return made.transforms


def changed(documents: list[Document], *transforms: dict[str, Any]) -> Corpus:
    done = transformed(documents, declared(*transforms))
    return Corpus(done.documents, done.aliases)


def marked(text: str, quote: str, document: str = "a.md") -> Question:
    start = text.index(quote)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Question("q", "?", evidence=(Span(document, quote, start, start + len(quote), 0, digest),))


def placed(corpus: Corpus, question: Question) -> Any:
    return run(Place(), FakeRuntime(), [question], corpus=corpus)[0]


def found(corpus: Corpus, question: Question) -> str:
    (span,) = placed(corpus, question).spans
    assert span.how == "offset"
    return corpus.by_id()[span.document].text[span.start : span.end]


def test_masked_evidence_is_found_through_the_map() -> None:
    corpus = changed([Document("a.md", TEXT)], {"use": "mask-personal-data"})
    text = corpus.documents[0].text
    assert "담당: [EMAIL], [PHONE], [RRN]" in text
    question = marked(TEXT, "연차는 최대 25일이다. 문의는 kim@example.com 으로 한다.")
    assert found(corpus, question) == "연차는 최대 25일이다. 문의는 [EMAIL] 으로 한다."
    lost = placed(corpus, marked(TEXT, "800101-1234567"))
    assert not lost.spans and lost.unplaced == ("800101-1234567",)


def test_parts_of_a_split_document() -> None:
    corpus = changed([Document("a.md", TEXT, "휴가 규정")], {"use": "mask-personal-data"}, {"use": "split-by-heading"})
    assert [(item.id, item.title) for item in corpus.documents] == [
        ("a.md#1", "휴가 규정"),
        ("a.md#2", "휴가 규정 › 연차"),
        ("a.md#3", "휴가 규정 › 병가"),
    ]
    assert found(corpus, marked(TEXT, "병가는 10일이다.")) == "병가는 10일이다."
    across = marked(TEXT, "25일이다. 문의는 kim@example.com 으로 한다.\n```\n# no heading\n```\n## 병가")
    assert found(corpus, across).startswith("25일이다.")
    by_quote = Question("q", "?", evidence=(Span("a", "병가는  10일이다."),), documents=("A.MD",))
    outcome = placed(corpus, by_quote)
    assert (outcome.documents, outcome.spans[0].document, outcome.unplaced) == (("a.md",), "a.md#3", ())


def test_document_level_gold_counts_any_part() -> None:
    from ragscout.model.outcome import Hit, Ranking
    from ragscout.steps.measure.retrieval.base import judge_documents

    corpus = changed([Document("a.md", TEXT), Document("b.md", "other")], {"use": "split-by-heading"})
    chunks = run(Characters(size=1000), FakeRuntime(), corpus=corpus)
    assert chunks.sources == {"a.md#1": "a.md", "a.md#2": "a.md", "a.md#3": "a.md"}
    gold = placed(corpus, Question("q", "?", documents=("a.md",)))
    ranking = Ranking(tuple(Hit(row, 1.0) for row in (3, 1, 0)))
    judged = judge_documents(gold, ranking, chunks)
    assert (judged.groups, [bool(item) for item in judged.covered]) == (1, [False, True])


def test_a_repeated_document_is_found_in_the_one_it_repeats() -> None:
    documents = [Document("a.md", TEXT), Document("b.md", TEXT.replace(" ", "  ")), Document("c.md", "x")]
    corpus = changed(documents, {"use": "deduplicate"})
    assert [item.id for item in corpus.documents] == ["a.md", "c.md"]
    outcome = placed(corpus, Question("q", "?", evidence=(Span("b.md", "병가는 10일이다."),), documents=("b.md",)))
    assert (outcome.spans[0].document, outcome.documents, outcome.unplaced) == ("a.md", ("a.md",), ())


def test_headers_of_pdf_pages_and_lines_of_most_documents() -> None:
    from ragscout.model.evalset import SourceFile

    pages = [f"회사 규정집 {n} 쪽" for n in range(1, 5)]
    document = parse(SourceFile("x.pdf", "", ""), pdf(pages)).documents[0]
    text = "\n\n".join(f"규정집 제{n}판\n{word}\n{n}" for n, word in enumerate(["연차", "병가", "경비", "퇴직"], 1))
    body = Document("y", text, "", {"pages": "0 14 28 42"})
    corpus = changed([document, body], {"use": "drop-boilerplate"})
    assert corpus.by_id()["y"].text.split() == ["연차", "병가", "경비", "퇴직"]
    starts = [int(at) for at in corpus.by_id()["y"].meta["pages"].split()]
    assert [corpus.by_id()["y"].text[at:].lstrip()[:2] for at in starts] == ["연차", "병가", "경비", "퇴직"]
    menu = [Document(str(n), f"홈 | 로그인 | 메뉴\n글 {n}") for n in range(5)]
    assert [item.text for item in changed(menu, {"use": "drop-boilerplate"}).documents] == [f"글 {n}" for n in range(5)]


def test_a_pattern_that_never_ends_is_stopped() -> None:
    with pytest.raises(StepError, match=r"longer than 2 seconds on 'a'"):
        changed([Document("a", "a" * 40 + "!")], {"use": "replace", "pattern": r"^(a|aa|a*)+$"})


@pytest.mark.parametrize(
    "transform",
    [
        {"use": "replace", "pattern": "("},
        {"use": "replace", "pattern": ""},
        {"use": "replace"},
        {"use": "run-code", "code": "x"},
        {"use": "split-by-heading", "level": 7},
        {"use": "mask-personal-data", "kinds": ["name"]},
    ],
)
def test_what_is_no_transform_is_refused(transform: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=r"corpus\.parse\.transforms"):
        make("corpus", "parse", {"transforms": [transform]})


def test_the_key_knows_the_transforms() -> None:
    plain, one, same = (
        make("corpus", "parse", {"transforms": item}).key({"source": "x"})
        for item in ([], [{"use": "split-by-heading"}], [{"use": "split-by-heading", "level": "2"}])
    )
    assert plain != one == same


EDITS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 6), st.text("xy", max_size=3)), max_size=5)


def tidy(edits: list[tuple[int, int, str]], size: int) -> list[tuple[int, int, str]]:
    made: list[tuple[int, int, str]] = []
    for start, length, new in sorted(edits):
        if start + length <= size and (not made or made[-1][1] <= start):
            made.append((start, start + length, new))
    return made


@settings(deadline=None)
@given(st.text("가나다라abc", max_size=40), EDITS, EDITS)
def test_maps_tell_the_truth(text: str, first: list[tuple[int, int, str]], second: list[tuple[int, int, str]]) -> None:
    once, one = edited(text, tidy(first, len(text)))
    twice, two = edited(once, tidy(second, len(once)))
    for pieces, result in ((one, once), (compose(one, two), twice), (compose(identity(len(text)), one), once)):
        for source, target, length in pieces:
            assert text[source : source + length] == result[target : target + length]
        assert list(pieces) == sorted(pieces) and all(length > 0 for *_, length in pieces)
        origin = Origin("d", "", tuple(pieces))
        assert origin.kept(0, len(text)) == sum(length for *_, length in pieces)
        for start in range(len(text)):
            place = origin.place(start, start + 1)
            assert place is None or result[place[0] : place[1]] == text[start]
            assert 0 <= shifted(pieces, start) <= len(result)


def test_transforms_are_short_on_a_board() -> None:
    from ragscout.spec.options import display

    shown = display(declared({"use": "drop-boilerplate"}, {"use": "replace", "pattern": "^x$"}, {"use": "deduplicate"}))
    assert shown == "drop-boilerplate+replace(pattern=^x$)+deduplicate"
    assert display(declared({"use": "mask-personal-data", "kinds": ["email"]})) == "mask-personal-data(kinds=email)"
