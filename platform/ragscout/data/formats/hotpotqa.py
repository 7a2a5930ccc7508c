"""HotpotQA: ``context`` paragraphs of sentences and ``supporting_facts`` by title and sentence number."""

from __future__ import annotations

from typing import Any

from ragscout.data.draft import Draft, DraftQuestion, Gold, register
from ragscout.data.formats.shared import each_question, note_roles
from ragscout.data.options import ReadOptions
from ragscout.data.read.cellvalues import CellError, text_of, texts_of, written_object
from ragscout.data.read.loaded import Loaded, Record


@register
class HotpotQa:
    """Paragraphs become documents; every supporting sentence is a needed piece of evidence."""

    name = "hotpotqa"
    title = "HotpotQA"

    def sniff(self, item: Loaded) -> float:
        """See ``Format.sniff``."""
        return 0.95 if item.has("question", "context", "supporting_facts") else 0.0

    def read(self, item: Loaded, draft: Draft, options: ReadOptions) -> None:
        """See ``Format.read``."""
        roles = {"_id": "id", "id": "id", "question": "question", "answer": "reference", "type": "type"}
        note_roles(draft, item, roles | {"level": "slice", "supporting_facts": "evidence", "context": "document text"})
        each_question(item, draft, options, lambda record: _question(record, item, draft))


def _question(record: Record, item: Loaded, draft: Draft) -> DraftQuestion:
    values = record.values
    name = text_of(values.get("_id") or values.get("id"))
    made = DraftQuestion(text_of(values["question"]), item.path, record.line, name)
    made.references = texts_of(values.get("answer"))
    made.type, made.slice = text_of(values.get("type")), text_of(values.get("level"))
    known: dict[str, tuple[str, list[str]]] = {}
    for title, sentences in _pairs(written_object(values["context"]), "title", "sentences"):
        lines = [text_of(sentence) for sentence in sentences]
        known[title] = (draft.passage(title, "".join(lines), item.path, record.line), lines)
    facts = _pairs(written_object(values["supporting_facts"]), "title", "sent_id")
    for group, (title, at) in enumerate(facts):
        if title not in known or not 0 <= int(at) < len(known[title][1]):
            raise CellError(f"supporting_facts\x00the fact ({title!r}, {at}) points to no sentence of the context")
        document, lines = known[title]
        start = sum(map(len, lines[: int(at)]))
        raw = lines[int(at)]
        lead = len(raw) - len(raw.lstrip())
        quote = raw.strip()
        made.evidence.append(Gold(document, quote, start + lead, start + lead + len(quote), group))
    made.documents = list(dict.fromkeys(gold.document for gold in made.evidence))
    return made


def _pairs(value: Any, first: str, second: str) -> list[tuple[str, Any]]:
    """Pairs, written as a list of two or as an object of two lists."""
    if isinstance(value, dict):
        return list(zip(value[first], value[second], strict=True))
    if value and isinstance(value[0], dict):
        return [(entry[first], entry[second]) for entry in value]
    return [(entry[0], entry[1]) for entry in value]
