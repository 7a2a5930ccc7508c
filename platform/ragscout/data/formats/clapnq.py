"""CLAP NQ: ``input``, ``passages`` with sentences, ``output`` with answers and selected sentences."""

from __future__ import annotations

from ragscout.data.draft import Draft, DraftQuestion, Gold, register
from ragscout.data.formats.shared import each_question, note_roles
from ragscout.data.options import ReadOptions
from ragscout.data.read.cellvalues import text_of, written_object
from ragscout.data.read.loaded import Loaded, Record


@register
class ClapNq:
    """The passage becomes a document; an empty answer means that the passage does not answer the question."""

    name = "clapnq"
    title = "CLAP NQ"

    def sniff(self, item: Loaded) -> float:
        """See ``Format.sniff``."""
        return 0.95 if item.has("input", "passages", "output") else 0.0

    def read(self, item: Loaded, draft: Draft, options: ReadOptions) -> None:
        """See ``Format.read``."""
        note_roles(draft, item, {"id": "id", "input": "question", "passages": "document text", "output": "reference"})
        each_question(item, draft, options, lambda record: _question(record, item, draft))


def _question(record: Record, item: Loaded, draft: Draft) -> DraftQuestion:
    values = record.values
    made = DraftQuestion(text_of(values["input"]), item.path, record.line, text_of(values.get("id")))
    documents = []
    for passage in written_object(values["passages"]):
        documents.append(draft.passage(text_of(passage.get("title")), text_of(passage["text"]), item.path, record.line))
    quotes: dict[str, None] = {}
    for output in written_object(values["output"]):
        answer = text_of(output.get("answer")).strip()
        if answer and answer not in made.references:
            made.references.append(answer)
        if answer:
            quotes.update(dict.fromkeys(text_of(sentence) for sentence in output.get("selected_sentences") or []))
    made.answerable = bool(made.references)
    if made.references:
        made.documents = documents
        single = documents[0] if len(documents) == 1 else ""
        made.evidence = [Gold(single, quote, group=group) for group, quote in enumerate(quotes) if quote.strip()]
    return made
