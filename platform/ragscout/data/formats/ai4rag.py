"""ai4rag benchmark data: ``question``, ``correct_answers``, ``correct_answer_document_ids``."""

from __future__ import annotations

from ragscout.data.draft import Draft, DraftQuestion, register
from ragscout.data.formats.shared import each_question, in_column, note_roles
from ragscout.data.options import ReadOptions
from ragscout.data.read.cellvalues import ids_of, text_of, texts_of
from ragscout.data.read.loaded import Loaded, Record

_DOCUMENTS = ("correct_answer_document_ids", "correct_answer_document_id", "correct_document_ids")


@register
class Ai4Rag:
    """Answers are alternatives; document ids are file names."""

    name = "ai4rag"
    title = "ai4rag benchmark data"

    def sniff(self, item: Loaded) -> float:
        """See ``Format.sniff``."""
        if not item.has("question"):
            return 0.0
        return 0.92 if item.has("correct_answers") or any(item.has(name) for name in _DOCUMENTS) else 0.0

    def read(self, item: Loaded, draft: Draft, options: ReadOptions) -> None:
        """See ``Format.read``."""
        roles = {"question": "question", "correct_answers": "reference", "correct_answer": "reference"}
        note_roles(draft, item, roles | dict.fromkeys(_DOCUMENTS, "document") | {"question_id": "id", "id": "id"})
        each_question(item, draft, options, lambda record: _question(record, item))


def _question(record: Record, item: Loaded) -> DraftQuestion:
    values = record.values
    name = text_of(values.get("question_id") or values.get("id"))
    made = DraftQuestion(text_of(values["question"]), item.path, record.line, name)
    column = "correct_answers" if "correct_answers" in values else "correct_answer"
    made.references = in_column(column, texts_of, values.get(column))  # type: ignore[assignment]
    column = next((name for name in _DOCUMENTS if name in values), _DOCUMENTS[0])
    made.documents = in_column(column, ids_of, values.get(column))  # type: ignore[assignment]
    return made
