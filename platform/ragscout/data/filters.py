"""Filters of questions against the metadata of documents."""

from __future__ import annotations

from collections.abc import Sequence

from ragscout.data.findings import Finding
from ragscout.model.evalset import Document, Question


def filter_findings(questions: Sequence[Question], documents: Sequence[Document]) -> list[Finding]:
    """Questions whose filter admits no document, and questions whose own gold documents it forbids."""
    filtered = [question for question in questions if question.filter]
    if not filtered or not documents:
        return []
    meta = {document.id: document.meta for document in documents}
    columns = sorted({name for found in meta.values() for name in found} - {"pages"})
    kinds: dict[tuple[tuple[str, tuple[str, ...]], ...], bool] = {}
    nowhere, forbidden = [], []
    for question in filtered:
        key = tuple(question.filter.items())
        if key not in kinds:
            kinds[key] = any(question.admits(found) for found in meta.values())
        golds = {span.document for span in question.evidence} | set(question.documents)
        outside = sorted(name for name in golds if name in meta and not question.admits(meta[name]))
        if not kinds[key]:
            nowhere.append(f"{question.id} ({_said(question)})")
        elif outside:
            forbidden.append(f"{question.id} ({_said(question)}): {', '.join(outside)}")
    made = []
    if nowhere:
        text = f"the filter of {len(nowhere)} questions admits no document, so nothing can be retrieved for them"
        remedy = f"Metadata columns of the documents: {', '.join(columns) or 'none'}."
        made.append(Finding("filter_nowhere", "warning", text, rows=tuple(nowhere), remedy=remedy))
    if forbidden:
        text = f"the filter of {len(forbidden)} questions forbids a document that is gold for them"
        remedy = "Correct the filter, the metadata or the evidence."
        made.append(Finding("filter_forbids_gold", "warning", text, rows=tuple(forbidden), remedy=remedy))
    return made


def _said(question: Question) -> str:
    return "; ".join(f"{name}={'|'.join(values)}" for name, values in question.filter.items())
