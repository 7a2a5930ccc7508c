"""The conformance kit of declared transforms: maps tell the truth, gold evidence follows, nothing else changes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from ragscout.model.evalset import Document, Question, Span
from ragscout.model.step import make
from ragscout.model.text import normalise
from ragscout.model.values import Corpus
from ragscout.steps.corpus.parse import Parse
from ragscout.steps.corpus.transforms import Changed, Transform, transformed
from ragscout.steps.evidence import Place
from ragscout.testing.steps import FakeRuntime, run

DOCUMENTS = (
    Document(
        "규정/휴가.md",
        "# 휴가 규정\n메뉴 | 로그인\n연차는 15일이다. 문의: kim@example.com, 010-1234-5678\n\n"
        "## 연차\n연차휴가는 최대 25일을 넘지 않는다.\n- 1 -\n## 병가\n병가는 10일이다.\n저작권 안내",
        "휴가 규정",
        {"부서": "인사"},
    ),
    Document("b.txt", "메뉴 | 로그인\nExpenses are paid within ten days.\n- 2 -\n저작권 안내", "b"),
    Document("c.txt", "메뉴 | 로그인\nExpenses are  paid within ten days.\n- 2 -\n저작권 안내", "c"),
    Document("d.pdf", "머리말 1\n첫 쪽\n\n머리말 2\n둘째 쪽\n\n머리말 3\n셋째 쪽", "d", {"pages": "0 11 23"}),
    Document("e.txt", "아무것도 바뀌지 않는 글."),
)


class TransformKit:
    """What every transform is held to. A test class inherits it and sets ``declared``: as in a sweep file."""

    declared: Sequence[dict[str, Any]] = ()
    documents: Sequence[Document] = DOCUMENTS

    def transforms(self) -> tuple[Transform, ...]:
        """Return the validated transforms."""
        made = make("corpus", "parse", {"transforms": list(self.declared)})
        assert isinstance(made, Parse)
        return made.transforms

    def changed(self) -> Changed:
        """Return the kit's documents after the transforms."""
        return transformed(list(self.documents), self.transforms())

    def test_something_changes(self) -> None:
        """The kit's documents give every transform something to do."""
        assert all(number > 0 for number in self.changed().touched)

    def test_equal_input_gives_equal_output(self) -> None:
        """No chance, no clock, no order of sets."""
        assert self.changed() == self.changed()

    def test_texts_are_in_normal_form_with_unique_ids(self) -> None:
        """Texts are NFC and not blank; ids are unique; documents without a change are the same objects."""
        found = self.changed().documents
        assert len({document.id for document in found}) == len(found)
        given = {document.id: document for document in self.documents}
        for document in found:
            assert document.text.strip() and normalise(document.text) == document.text
            if document.origin is None:
                assert given[document.id] is document

    def test_maps_tell_the_truth(self) -> None:
        """Every kept piece is the same text in the parsed document, and the digest is that document's."""
        given = {document.id: document for document in self.documents}
        for document in self.changed().documents:
            if document.origin is None:
                continue
            source = given[document.origin.document]
            assert document.origin.digest == hashlib.sha256(source.text.encode()).hexdigest()
            for at, to, length in document.origin.pieces:
                assert source.text[at : at + length] == document.text[to : to + length]

    def test_gold_evidence_follows(self) -> None:
        """Every line of every parsed document, marked by offsets, is placed where the map says; a line of which less
        than half is left is unplaced."""
        done = self.changed()
        corpus = Corpus(done.documents, done.aliases)
        kept = {document.origin.document if document.origin else document.id for document in done.documents}
        for source in (document for document in self.documents if document.id in kept):
            digest = hashlib.sha256(source.text.encode()).hexdigest()
            at = 0
            for line in source.text.split("\n"):
                span = Span(source.id, line, at, at + len(line), 0, digest)
                at += len(line) + 1
                if len(line.strip()) >= 2:
                    self._follows(span, corpus)

    def _follows(self, span: Span, corpus: Corpus) -> None:
        assert span.start is not None and span.end is not None
        outcome = run(Place(), FakeRuntime(), [Question("q", "?", evidence=(span,))], corpus=corpus)[0]
        parts = [
            item for item in corpus.documents if (item.origin.document if item.origin else item.id) == span.document
        ]
        left = max(
            (part.origin.kept(span.start, span.end) if part.origin else span.end - span.start for part in parts),
            default=0,
        )
        if 2 * left < span.end - span.start:
            assert not outcome.spans and outcome.unplaced
        else:
            (placed,) = outcome.spans
            assert placed.how == "offset" and placed.end - placed.start >= left

    def test_documents_that_are_left_out_are_named(self) -> None:
        """A document that is gone is an alias of one that stayed, or had no text left."""
        done = self.changed()
        kept = {document.origin.document if document.origin else document.id for document in done.documents}
        names = {document.id for document in done.documents}
        for source in self.documents:
            if source.id not in kept and source.id in done.aliases:
                assert done.aliases[source.id] in names
