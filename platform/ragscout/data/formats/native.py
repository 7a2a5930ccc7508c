"""ragscout's own format, and the plain one with ``gold_spans`` and ``gold_doc_ids``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragscout.data.draft import Draft, DraftQuestion, Gold, register
from ragscout.data.formats.shared import each_question, in_column, note_roles
from ragscout.data.options import ReadOptions
from ragscout.data.read.cellvalues import CellError, filter_of, flag_of, ids_of, number_of, offset_of, text_of, texts_of
from ragscout.data.read.loaded import Loaded, Record
from ragscout.providers.parsers.rows import metadata

_ROLES = {
    "id": "id",
    "question": "question",
    "references": "reference",
    "reference_answer": "reference",
    "answers": "alternatives",
    "answerable": "answerable",
    "evidence": "evidence",
    "gold_spans": "evidence",
    "documents": "document",
    "gold_doc_ids": "document",
    "type": "type",
    "lang": "language",
    "slice": "slice",
    "weight": "weight",
    "must_pass": "must_pass",
    "filter": "filter",
}


@register
class Native:
    """``questions.jsonl`` with ``references`` and ``evidence`` (document, start, end, quote, group)."""

    name = "ragscout"
    title = "ragscout questions with evidence"

    def sniff(self, item: Loaded) -> float:
        """See ``Format.sniff``."""
        if item.kind == "csv" or not item.has("question"):
            return 0.0
        nested = any(isinstance(record.values.get("evidence"), list) for record in item.records[:20])
        return 0.9 if item.has("gold_spans") or item.has("references") or (nested and item.has("evidence")) else 0.0

    def read(self, item: Loaded, draft: Draft, options: ReadOptions) -> None:
        """See ``Format.read``."""
        note_roles(draft, item, _ROLES)
        each_question(item, draft, options, lambda record: _question(record, item))


def _question(record: Record, item: Loaded) -> DraftQuestion:
    values = record.values

    def cell(column: str, read: Any) -> Any:
        return in_column(column, read, values.get(column))

    made = DraftQuestion(cell("question", text_of), item.path, record.line, cell("id", text_of).strip())
    made.references = cell("references", texts_of)
    for text in [cell("reference_answer", text_of), *cell("answers", texts_of)]:
        if text.strip() and text not in made.references:
            made.references.append(text)
    made.answerable = cell("answerable", flag_of)
    made.documents = cell("documents", ids_of) + cell("gold_doc_ids", ids_of)
    made.type, made.slice = cell("type", text_of), cell("slice", text_of)
    weight = cell("weight", number_of)
    made.weight = 1.0 if weight is None else weight
    made.must_pass = bool(cell("must_pass", flag_of))
    if values.get("lang"):
        made.meta["lang"] = cell("lang", text_of)
    made.filter = cell("filter", filter_of)
    made.meta |= metadata(values, _ROLES)
    column = "evidence" if values.get("evidence") else "gold_spans"
    pieces = values.get(column) or []
    if isinstance(pieces, str):
        pieces = [pieces]
    for piece in pieces:
        made.evidence.append(in_column(column, _gold, piece))  # type: ignore[arg-type]
    return made


def _gold(piece: Any) -> Gold:
    if isinstance(piece, str):
        return Gold(quote=piece)
    if not isinstance(piece, Mapping):
        raise CellError("evidence must be a list of objects with document and quote (or start and end)")
    document = text_of(piece.get("document") or piece.get("doc_id") or piece.get("document_id"))
    quote = text_of(piece.get("quote") or piece.get("text"))
    group = number_of(piece.get("group"))
    start, end = offset_of(piece.get("start")), offset_of(piece.get("end"))
    label = text_of(piece.get("label")) or "gold"
    return Gold(document, quote, start, end, None if group is None else int(group), label)
