"""FlashRAG: ``id``, ``question``, ``golden_answers``, ``metadata``; corpus lines with ``id`` and ``contents``."""

from __future__ import annotations

from ragscout.data.draft import Draft, DraftDocument, DraftQuestion, register
from ragscout.data.formats.shared import each_question, in_column, note_roles
from ragscout.data.options import ReadOptions
from ragscout.data.read.cellvalues import flag_of, ids_of, text_of, texts_of
from ragscout.data.read.loaded import Loaded, Record
from ragscout.model.text import normalise


@register
class FlashRag:
    """The first line of a corpus entry is its title, in quotation marks."""

    name = "flashrag"
    title = "FlashRAG"

    def sniff(self, item: Loaded) -> float:
        """See ``Format.sniff``."""
        if item.has("question", "golden_answers"):
            return 0.9
        return 0.85 if item.has("id", "contents") and not item.has("question") else 0.0

    def read(self, item: Loaded, draft: Draft, options: ReadOptions) -> None:
        """See ``Format.read``."""
        if item.has("question"):
            roles = {"id": "id", "question": "question", "golden_answers": "reference"}
            note_roles(draft, item, roles)
            each_question(item, draft, options, lambda record: _question(record, item))
            return
        note_roles(draft, item, {"id": "document id", "contents": "document text"})
        draft.kinds[item.path] = "documents"
        each_question(item, draft, options, lambda record: _document(record, item, draft))


def _question(record: Record, item: Loaded) -> DraftQuestion:
    values = record.values
    made = DraftQuestion(text_of(values["question"]), item.path, record.line, text_of(values.get("id")))
    made.references = in_column("golden_answers", texts_of, values["golden_answers"])  # type: ignore[assignment]
    meta = values.get("metadata")
    if isinstance(meta, dict):
        made.type = text_of(meta.get("type")) if isinstance(meta.get("type"), str) else ""
        if isinstance(meta.get("difficulty_level"), str):
            made.slice = meta["difficulty_level"]
        made.answerable = flag_of(meta["answerable"]) if isinstance(meta.get("answerable"), bool) else None
        made.documents = ids_of(meta["gold_doc_ids"]) if isinstance(meta.get("gold_doc_ids"), list) else []
    return made


def _document(record: Record, item: Loaded, draft: Draft) -> None:
    contents = text_of(record.values["contents"])
    first, _, rest = contents.partition("\n")
    quoted = first.startswith('"') and first.endswith('"') and len(first) > 2 and rest.strip()
    title, text = (first[1:-1], rest) if quoted else (text_of(record.values.get("title")), contents)
    name = normalise(text_of(record.values["id"]).strip())
    draft.add_document(DraftDocument(name, normalise(text), normalise(title), item.path, record.line))
