"""``place``: where a question's gold evidence lies in this corpus."""

from __future__ import annotations

import asyncio
import hashlib
import posixpath
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Literal

from ragscout.model.evalset import Document, Question, Span
from ragscout.model.outcome import Evidence, PlacedSpan
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step, step
from ragscout.model.text import normalise
from ragscout.model.values import Corpus
from ragscout.steps.evidence.quotes import nearly, occurrences


@step("evidence", "place", version=1)
class Place(Step):
    """Gold spans to offsets in this corpus's documents.

    By offset where the text is the one they were marked on (equal digest) or the quote stands there; else by the quote,
    nearest to the offset, all its occurrences as alternatives where there is no offset; else by the most similar
    passage, with its ratio; else unplaced. Documents are found by id, then by id without its suffix, whatever the case.
    """

    fuzzy: float = field(
        default=0.8, metadata={"help": "least similarity of a changed passage; 1 turns it off", "ge": 0.5, "le": 1.0}
    )

    async def run(self, runtime: Runtime, questions: Sequence[Question], corpus: Corpus) -> list[Evidence]:
        """Place every question's spans."""
        return await asyncio.to_thread(self._all, questions, corpus)

    def _all(self, questions: Sequence[Question], corpus: Corpus) -> list[Evidence]:
        shelf = _Shelf(corpus)
        return [self._one(question, shelf) for question in questions]

    def _one(self, question: Question, shelf: _Shelf) -> Evidence:
        spans: dict[PlacedSpan, None] = {}
        unplaced: dict[str, None] = {}
        documents: dict[str, None] = {}
        for name in question.documents:
            document = shelf.find(name)
            (documents if document else unplaced)[document.id if document else name] = None
        for span in question.evidence:
            document = shelf.find(span.document) if span.document else None
            if document is not None:
                documents[document.id] = None
            if not span.quote and span.start is None:
                if document is None:
                    unplaced[span.document] = None
                continue
            placed = self._place(span, document, shelf)
            if not placed:
                unplaced[span.quote or span.document] = None
            for item in placed:
                spans[item] = None
                documents[item.document] = None
        return Evidence(tuple(spans), tuple(unplaced), tuple(documents))

    def _place(self, span: Span, document: Document | None, shelf: _Shelf) -> list[PlacedSpan]:
        if document is not None:
            quote = normalise(span.quote)
            if span.start is not None and span.end is not None and _holds(span, quote, document, shelf):
                return [PlacedSpan(document.id, span.start, span.end, span.group)]
            found = _placed(span, document, occurrences(document.text, quote), "quote")
            return found or self._fuzzy(span, quote, document)
        # an id that this corpus does not know: only a quote that stands in a single document may speak for itself
        everywhere = [
            placed
            for item in shelf.documents
            if (placed := _placed(span, item, occurrences(item.text, normalise(span.quote)), "quote"))
        ]
        return everywhere[0] if len(everywhere) == 1 else []

    def _fuzzy(self, span: Span, quote: str, document: Document) -> list[PlacedSpan]:
        found = nearly(document.text, quote, self.fuzzy) if self.fuzzy < 1.0 else None
        if found is None:
            return []
        start, end, ratio = found
        return [PlacedSpan(document.id, start, end, span.group, "fuzzy", round(ratio, 4))]


def _holds(span: Span, quote: str, document: Document, shelf: _Shelf) -> bool:
    """Whether the span's offsets are right for this text."""
    assert span.start is not None and span.end is not None
    if not 0 <= span.start < span.end <= len(document.text):
        return False
    if span.text_digest and span.text_digest == shelf.digest(document):
        return True
    if not quote:
        return not span.text_digest
    return document.text[span.start : span.end] == quote


def _placed(
    span: Span, document: Document, found: Sequence[tuple[int, int]], how: Literal["quote"]
) -> list[PlacedSpan]:
    """All occurrences as alternatives, or the one nearest to where the quote was marked."""
    if span.start is not None and found:
        marked = span.start
        found = [min(found, key=lambda place: (abs(place[0] - marked), place[0]))]
    return [PlacedSpan(document.id, start, end, span.group, how) for start, end in found]


class _Shelf:
    """Documents by every name they may be called; a loose name that two documents share finds neither."""

    def __init__(self, corpus: Corpus) -> None:
        self.documents = corpus.documents
        self._names = [
            _named(corpus.documents, normalise),
            _named(corpus.documents, _folded),
            _named(corpus.documents, _without_suffix),
            _named(corpus.documents, _stem),
        ]
        self._digests: dict[str, str] = {}

    def find(self, name: str) -> Document | None:
        """The document of that id, else of that id up to case, up to its suffix, up to its folder."""
        for names, way in zip(self._names, (normalise, _folded, _without_suffix, _stem), strict=True):
            found = names.get(way(name))
            if found is not None:
                return found
        return None

    def digest(self, document: Document) -> str:
        """SHA-256 of a document's text."""
        if document.id not in self._digests:
            self._digests[document.id] = hashlib.sha256(document.text.encode()).hexdigest()
        return self._digests[document.id]


def _named(documents: Sequence[Document], way: Callable[[str], str]) -> dict[str, Document]:
    counts = Counter(way(document.id) for document in documents)
    return {way(document.id): document for document in documents if counts[way(document.id)] == 1}


def _folded(name: str) -> str:
    return normalise(name).casefold().replace("\\", "/").removeprefix("./")


def _without_suffix(name: str) -> str:
    return posixpath.splitext(_folded(name))[0]


def _stem(name: str) -> str:
    return posixpath.basename(_without_suffix(name))
