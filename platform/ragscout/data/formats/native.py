"""ragscout's own format, and the plain one with ``gold_spans`` and ``gold_doc_ids``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragscout.data.draft import Draft, DraftQuestion, register
from ragscout.data.formats.pieces import evidence_of
from ragscout.data.formats.shared import each_question, in_column
from ragscout.data.formats.table import roles_of, row_question
from ragscout.data.options import ReadOptions
from ragscout.data.read.cellvalues import ids_of, texts_of
from ragscout.data.read.loaded import Loaded, Record
from ragscout.data.roles import question_roles

_REFERENCES = ("references", "reference_answer", "answers")
_DOCUMENTS = ("documents", "gold_doc_ids")


@register
class Native:
    """``questions.jsonl`` with ``references`` and ``evidence`` (document, start, end, quote, group)."""

    name = "ragscout"
    title = "ragscout questions with evidence"

    def sniff(self, item: Loaded) -> float:
        """See ``Format.sniff``."""
        if item.kind == "csv" or not item.has("question"):
            return 0.0
        return 0.9 if item.has("gold_spans") or item.has("references") or _located(item) else 0.0

    def read(self, item: Loaded, draft: Draft, options: ReadOptions) -> None:
        """See ``Format.read``. A column of another name (``answer``, ``source``) is read as in any table."""
        roles, findings = question_roles(item.columns, file=item.path)
        draft.findings += findings
        roles_of(draft, item, roles)
        each_question(item, draft, options, lambda record: _question(record, roles, item))


def _located(item: Loaded) -> bool:
    """Whether the column ``evidence`` holds objects: lists of texts are quotes, which any table may have."""
    cells = (record.values.get("evidence") for record in item.records[:20])
    return any(isinstance(piece, Mapping) for cell in cells if isinstance(cell, list) for piece in cell)


def _question(record: Record, roles: dict[str, str], item: Loaded) -> DraftQuestion:
    """Return a question of a row: what any table says, and what several columns of this format say together."""

    def cells(columns: tuple[str, ...], read: Any) -> list[str]:
        held = [in_column(column, read, record.values.get(column)) for column in columns]
        return [text for texts in held for text in texts]  # type: ignore[attr-defined]

    made = row_question(record, roles, item)
    own = cells(_REFERENCES, texts_of)
    made.references = list(dict.fromkeys([*own, *made.references]))
    made.documents = list(dict.fromkeys([*cells(_DOCUMENTS, ids_of), *made.documents]))
    if not made.evidence and record.values.get("gold_spans"):
        spans = record.values["gold_spans"]
        made.evidence = in_column("gold_spans", evidence_of, spans, made.documents)  # type: ignore[assignment]
    made.meta.pop("gold_spans", None)
    return made
