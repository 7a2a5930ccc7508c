"""Pieces of evidence as files state them: texts, objects with document and quote, or a list of either."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ragscout.data.draft import Gold
from ragscout.data.read.cellvalues import CellError, number_of, offset_of, text_of, texts_of, written_list

_DOCUMENT = (
    *("document", "doc_id", "document_id", "doc_name", "doc", "file", "filename", "file_name", "source_document"),
    *("title", "source", "url"),
)
_QUOTE = ("quote", "text", "evidence_text", "content", "passage", "sentence", "fact", "snippet")


def evidence_of(value: Any, documents: Sequence[str] = ()) -> list[Gold]:
    """Return the evidence of one cell. Texts are quotes: each belongs to the question's only document, or to the one at
    its place where there are as many documents as texts.

    Raises:
        CellError: a piece that is neither a text nor an object with a document, a quote or offsets.
    """
    if isinstance(value, str):
        value = written_list(value) or value
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, (list, tuple)) or all(isinstance(item, str) for item in value):
        return quoted(texts_of(value), documents)
    return [piece_of(item) for item in value]


def quoted(
    quotes: Sequence[str], documents: Sequence[str], start: int | None = None, end: int | None = None
) -> list[Gold]:
    """Return quotes as evidence; offsets count only where there is at most one quote."""
    single = documents[0] if len(documents) == 1 else ""
    if len(quotes) <= 1:
        return [Gold(single, quotes[0] if quotes else "", start, end)] if quotes or end is not None else []
    paired = len(quotes) == len(documents)
    return [Gold(documents[number] if paired else single, quote, group=number) for number, quote in enumerate(quotes)]


def piece_of(piece: Any) -> Gold:
    """Return one piece of evidence.

    Raises:
        CellError: neither a text nor an object that says where the evidence is.
    """
    if isinstance(piece, str):
        return Gold(quote=piece)
    if not isinstance(piece, Mapping):
        raise CellError("evidence must be texts, or objects with document and quote (or start and end)")
    document, quote = _first(piece, _DOCUMENT), _first(piece, _QUOTE)
    group = number_of(piece.get("group"))
    start, end = offset_of(piece.get("start")), offset_of(piece.get("end"))
    if not document and not quote.strip():
        keys = ", ".join(map(str, piece)) or "no key"
        raise CellError(f"a piece of evidence needs a document or a quote; it has {keys}")
    label = text_of(piece.get("label")) or "gold"
    return Gold(document, quote, start, end, None if group is None else int(group), label)


def _first(piece: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((text for name in names if (text := text_of(piece.get(name)))), "")
