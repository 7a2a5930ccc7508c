"""What the writers of several formats share: gold ids, rows as JSON lines, where a quote stands."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ragscout.model.evalset import Document, Question, Span


def golds(question: Question) -> list[str]:
    """Ids of the documents a question's evidence lies in, each once."""
    return list(dict.fromkeys([*question.documents, *(span.document for span in question.evidence if span.document)]))


def quotes(question: Question) -> list[str]:
    """Return the quotes of a question's evidence, in order."""
    return [span.quote for span in question.evidence if span.quote]


def flat(name: str) -> str:
    """Return a name on one line, without tabs."""
    return " ".join(name.split())


def lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """JSON lines in UTF-8; what UTF-8 cannot hold becomes a question mark."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8", "replace")


def whole(value: Any) -> bytes:
    """One JSON document in UTF-8."""
    return json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "replace")


def placed(question: Question, documents: Mapping[str, Document]) -> list[tuple[Span, int, int]]:
    """Return the spans that lie in a document of the corpus, with their offsets: as stated, else where the quote first
    stands.

    Offsets are code points; a quote that does not stand in its document word for word is left out.
    """
    found = []
    for span in question.evidence:
        text = documents[span.document].text if span.document in documents else ""
        start = text.find(span.quote) if span.start is None and span.quote else span.start
        if text and start is not None and start >= 0:
            end = span.end if span.start is not None and span.end is not None else start + len(span.quote)
            found.append((span, start, end))
    return found


def by_name(documents: Sequence[Document]) -> dict[str, Document]:
    """Documents by id."""
    return {document.id: document for document in documents}
