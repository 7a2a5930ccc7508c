"""AutoRAG: ``qa.parquet`` (qid, query, retrieval_gt, generation_gt) and ``corpus.parquet`` (doc_id, contents)."""

from __future__ import annotations

from typing import Any

from ragscout.data.draft import Draft, DraftQuestion, Gold, register
from ragscout.data.formats.shared import each_question, note_roles
from ragscout.data.formats.table import read_documents
from ragscout.data.options import ReadOptions
from ragscout.data.read.cellvalues import text_of, texts_of, written_object
from ragscout.data.read.loaded import Loaded, Record


@register
class AutoRag:
    """``retrieval_gt``: every inner list is needed, its members are alternatives."""

    name = "autorag"
    title = "AutoRAG"

    def sniff(self, item: Loaded) -> float:
        """See ``Format.sniff``."""
        if item.has("query") and (item.has("retrieval_gt") or item.has("generation_gt")):
            return 0.95
        return 0.9 if item.has("doc_id", "contents") and not item.has("query") else 0.0

    def read(self, item: Loaded, draft: Draft, options: ReadOptions) -> None:
        """See ``Format.read``."""
        if not item.has("query"):
            read_documents(item, draft, options)
            return
        note_roles(
            draft,
            item,
            {"qid": "id", "query": "question", "generation_gt": "reference", "retrieval_gt": "document"},
        )
        each_question(item, draft, options, lambda record: _question(record, item))


def _question(record: Record, item: Loaded) -> DraftQuestion:
    values = record.values
    made = DraftQuestion(text_of(values["query"]), item.path, record.line, text_of(values.get("qid")))
    made.references = texts_of(values.get("generation_gt"))
    groups = _groups(written_object(values.get("retrieval_gt")))
    made.documents = list(dict.fromkeys(name for group in groups for name in group))
    if any(len(group) > 1 for group in groups):
        made.evidence = [Gold(name, group=number) for number, group in enumerate(groups) for name in group]
    return made


def _groups(value: Any) -> list[list[str]]:
    """Return groups of alternatives; a flat list means one needed passage each, a text is one passage."""
    if value is None:
        return []
    if isinstance(value, str):
        return [[value.strip()]] if value.strip() else []
    groups = [[text_of(name) for name in group] if isinstance(group, list) else [text_of(group)] for group in value]
    return [kept for group in groups if (kept := [name.strip() for name in group if name.strip()])]
