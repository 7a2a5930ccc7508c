"""llama-index: labelled RAG datasets (``examples``) and embedding QA sets (queries, corpus, relevant_docs)."""

from __future__ import annotations

from typing import Any

from ragscout.data.draft import Draft, DraftDocument, DraftQuestion, Gold, register
from ragscout.data.formats.shared import each_question
from ragscout.data.options import ReadOptions
from ragscout.data.read.cellvalues import ids_of, text_of, texts_of
from ragscout.data.read.loaded import Loaded, Record
from ragscout.data.versions import SYNTHETIC
from ragscout.model.text import normalise


@register
class LlamaIndex:
    """``reference_contexts`` are gold passages; a question written by a model keeps that label."""

    name = "llama-index"
    title = "llama-index labelled dataset"

    def sniff(self, item: Loaded) -> float:
        """See ``Format.sniff``."""
        if not isinstance(item.whole, dict):
            return 0.9 if item.has("query", "reference_contexts") else 0.0
        examples = item.whole.get("examples")
        if isinstance(examples, list) and examples and isinstance(examples[0], dict) and "query" in examples[0]:
            return 0.95
        embedding = all(isinstance(item.whole.get(name), dict) for name in ("queries", "corpus", "relevant_docs"))
        return 0.95 if embedding else 0.0

    def read(self, item: Loaded, draft: Draft, options: ReadOptions) -> None:
        """See ``Format.read``."""
        whole = item.whole if isinstance(item.whole, dict) else {}
        if "corpus" in whole:
            self._embedding(whole, item, draft, options)
            return
        draft.roles[item.path] = {
            "query": "question",
            "reference_answer": "reference",
            "reference_contexts": "quote",
        }
        if "examples" in whole:
            item.records = [
                Record(number, example if isinstance(example, dict) else {"query": None, "value": example})
                for number, example in enumerate(whole["examples"], 1)
            ]
        each_question(item, draft, options, lambda record: _question(record, item))

    def _embedding(self, whole: dict[str, Any], item: Loaded, draft: Draft, options: ReadOptions) -> None:
        draft.roles[item.path] = {"queries": "question", "corpus": "document text", "relevant_docs": "document"}
        for number, (name, text) in enumerate(whole["corpus"].items(), 1):
            draft.add_document(DraftDocument(normalise(name), normalise(text_of(text)), "", item.path, number))
        relevant = whole["relevant_docs"]
        item.records = [
            Record(number, {"id": name, "query": text, "documents": relevant.get(name) or []})
            for number, (name, text) in enumerate(whole["queries"].items(), 1)
        ]
        each_question(item, draft, options, lambda record: _question(record, item))


def _question(record: Record, item: Loaded) -> DraftQuestion:
    values = record.values
    made = DraftQuestion(text_of(values["query"]), item.path, record.line, text_of(values.get("id")))
    made.references = texts_of(values.get("reference_answer"))
    made.documents = ids_of(values.get("documents"))
    quotes = texts_of(values.get("reference_contexts"))
    made.evidence = [Gold(quote=quote, group=number) for number, quote in enumerate(quotes)]
    by = values.get("query_by")
    if isinstance(by, dict) and by.get("type") == "ai":
        made.meta["origin"] = SYNTHETIC
    return made
