"""Lines that repeat: headers and footers of PDF pages, and lines that most documents of a corpus share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ragscout.model.evalset import Document
from ragscout.providers.parsers.pages import edge_key

_LEAST = 3
_EDGE = 3
Edit = tuple[int, int, str]


def boilerplate(documents: Sequence[Document], share: float) -> list[list[Edit]]:
    """Per document, the lines to drop. ``share``: of the pages or documents (at least three) that have the line; on
    pages only the first and last three lines count and numbers are taken for equal."""
    common = _common(documents, share)
    return [sorted({*_edges(document, share), *_shared(document.text, common)}) for document in documents]


def _common(documents: Sequence[Document], share: float) -> frozenset[str]:
    counts: Counter[str] = Counter()
    for document in documents:
        counts.update({line.strip() for line in document.text.split("\n") if line.strip()})
    least = max(_LEAST, share * len(documents))
    marks = ("#", "|", "-", "```")
    return frozenset(
        line for line, number in counts.items() if number >= least and line.lstrip("".join(marks)).strip(" :|-")
    )


def _shared(text: str, common: frozenset[str]) -> Iterator[Edit]:
    for start, end in _lines(text, 0, len(text)):
        if text[start:end].strip() in common:
            yield start, end, ""


def _edges(document: Document, share: float) -> Iterator[Edit]:
    offsets = [int(at) for at in document.meta.get("pages", "").split()]
    if len(offsets) < _LEAST:
        return
    text = document.text
    pages = []
    for start, end in zip(offsets, [*offsets[1:], len(text)], strict=True):
        lines = [(low, high) for low, high in _lines(text, start, end) if text[low:high].strip()]
        pages.append(lines[:_EDGE] + lines[max(_EDGE, len(lines) - _EDGE) :] if len(lines) > 1 else [])
    counts = Counter(key for lines in pages for key in {edge_key(text[low:high]) for low, high in lines})
    least = max(_LEAST, share * sum(map(bool, pages)))
    for lines in pages:
        for low, high in lines:
            if counts[edge_key(text[low:high])] >= least:
                yield low, high, ""


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of lines with their line ends."""
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop + 1
        yield start, stop
        start = stop
