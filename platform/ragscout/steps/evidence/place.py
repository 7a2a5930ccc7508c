"""``place``: where a question's gold evidence lies in this corpus."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import field

from ragscout.model.evalset import Document, Question, Span
from ragscout.model.outcome import Evidence, PlacedSpan
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step, step
from ragscout.model.text import normalise
from ragscout.model.values import Corpus
from ragscout.steps.document_names import LOOSER
from ragscout.steps.evidence.quotes import nearly, occurrences


@step("evidence", "place", version=2)
class Place(Step):
    """Gold spans to offsets in this corpus's documents.

    By offset where the text is the one they were marked on (equal digest) or the quote stands there; else by the quote,
    nearest to the offset, all its occurrences as alternatives where there is no offset; else by the most similar
    passage, with its ratio; else unplaced. Documents are found by id, then by id without its suffix, whatever the case.
    In a document that a transform changed or cut, offsets go through its map: at least half of the span must be left.
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
            found = shelf.find(name)
            (documents if found else unplaced)[_source(found[0]) if found else name] = None
        for span in question.evidence:
            parts = shelf.find(span.document) if span.document else ()
            if parts:
                documents[_source(parts[0])] = None
            if not span.quote and span.start is None:
                if not parts:
                    unplaced[span.document] = None
                continue
            placed = self._place(span, parts, shelf)
            if not placed:
                unplaced[span.quote or span.document] = None
            for item in placed:
                spans[item] = None
                documents[shelf.source(item.document)] = None
        return Evidence(tuple(spans), tuple(unplaced), tuple(documents))

    def _place(self, span: Span, parts: Sequence[Document], shelf: _Shelf) -> list[PlacedSpan]:
        quote = normalise(span.quote)
        if span.start is not None and span.end is not None:
            for document in parts:
                if _holds(span, quote, document, shelf):
                    return [PlacedSpan(document.id, span.start, span.end, span.group)]
            mapped = _mapped(span, parts)
            if mapped is not None:
                return mapped
        if parts:
            found = [item for document in parts for item in _quoted(span, document, quote)]
            return found or self._fuzzy(span, quote, parts)
        # an id that this corpus does not know: only a quote that stands in a single document may speak for itself
        everywhere = [placed for item in shelf.documents if (placed := _quoted(span, item, quote))]
        return everywhere[0] if len(everywhere) == 1 else []

    def _fuzzy(self, span: Span, quote: str, parts: Sequence[Document]) -> list[PlacedSpan]:
        best: list[PlacedSpan] = []
        for document in parts if self.fuzzy < 1.0 else ():
            found = nearly(document.text, quote, self.fuzzy)
            if found is not None and (not best or round(found[2], 4) > best[0].ratio):
                best = [PlacedSpan(document.id, found[0], found[1], span.group, "fuzzy", round(found[2], 4))]
        return best


def _source(document: Document) -> str:
    """Id of the document that a part was cut out of, else its own."""
    return document.origin.document if document.origin is not None else document.id


def _mapped(span: Span, parts: Sequence[Document]) -> list[PlacedSpan] | None:
    """Return the span through the offset map of the part that keeps most of it; ``None`` where the offsets are of
    another text, nothing where less than half of the span is left."""
    assert span.start is not None and span.end is not None
    known = [item for item in parts if item.origin is not None and span.text_digest == item.origin.digest]
    if not known or not span.text_digest:
        return None
    start, end = span.start, span.end
    best = max(known, key=lambda item: item.origin.kept(start, end) if item.origin else 0)
    assert best.origin is not None
    place = best.origin.place(start, end)
    if place is None or 2 * best.origin.kept(start, end) < end - start:
        return []
    return [PlacedSpan(best.id, place[0], place[1], span.group)]


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


def _quoted(span: Span, document: Document, quote: str) -> list[PlacedSpan]:
    """All occurrences as alternatives, or the one nearest to where the quote was marked."""
    found: Sequence[tuple[int, int]] = occurrences(document.text, quote)
    if span.start is not None and found:
        marked = span.start
        found = [min(found, key=lambda place: (abs(place[0] - marked), place[0]))]
    return [PlacedSpan(document.id, start, end, span.group, "quote") for start, end in found]


class _Shelf:
    """Documents, or the parts they were cut into, by every name they may be called; a loose name that two documents
    share finds neither. What was left out as a repeat is found in what it repeats."""

    def __init__(self, corpus: Corpus) -> None:
        self.documents = corpus.documents
        self._parts: dict[str, list[int]] = {}
        self._sources: dict[str, str] = {}
        for row, document in enumerate(corpus.documents):
            self._sources[document.id] = _source(document)
            self._parts.setdefault(_source(document), []).append(row)
        names = [*self._parts, *(name for name in corpus.aliases if name not in self._parts)]
        self._aliases = {name: self._sources[to] for name, to in corpus.aliases.items() if to in self._sources}
        self._names = [_named(names, way) for way in _WAYS]
        self._digests: dict[str, str] = {}

    def find(self, name: str) -> Sequence[Document]:
        """Return the document of that id, else of that id up to case, up to its suffix, up to its folder; nothing when
        there is none."""
        for names, way in zip(self._names, _WAYS, strict=True):
            found = names.get(way(name))
            if found is not None:
                rows = self._parts.get(found) or self._parts.get(self._aliases.get(found, ""), [])
                return [self.documents[row] for row in rows]
        return ()

    def source(self, name: str) -> str:
        """Id of the document that a part was cut out of."""
        return self._sources[name]

    def digest(self, document: Document) -> str:
        """SHA-256 of a document's text."""
        if document.id not in self._digests:
            self._digests[document.id] = hashlib.sha256(document.text.encode()).hexdigest()
        return self._digests[document.id]


def _named(names: Sequence[str], way: Callable[[str], str]) -> dict[str, str]:
    counts = Counter(map(way, names))
    return {way(name): name for name in names if counts[way(name)] == 1}


_WAYS: tuple[Callable[[str], str], ...] = (normalise, *LOOSER)
