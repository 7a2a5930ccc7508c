"""deepeval goldens and test cases: ``input``, ``expected_output``, ``context`` (the gold passages)."""

from __future__ import annotations

from typing import Any

from ragscout.data.draft import Draft, DraftQuestion, Gold, register
from ragscout.data.formats.shared import each_question, note_roles
from ragscout.data.options import ReadOptions
from ragscout.data.read.cellvalues import text_of, texts_of, written_object
from ragscout.data.read.loaded import Loaded, Record

_OUTPUTS = ("actual_output", "actualOutput", "retrieval_context", "retrievalContext")


@register
class DeepEval:
    """``actual_output`` and ``retrieval_context`` are a model's output and left alone."""

    name = "deepeval"
    title = "deepeval goldens"

    def sniff(self, item: Loaded) -> float:
        """See ``Format.sniff``."""
        expected = item.has("expected_output") or item.has("expectedOutput")
        return 0.9 if item.has("input") and expected else 0.0

    def read(self, item: Loaded, draft: Draft, options: ReadOptions) -> None:
        """See ``Format.read``."""
        roles = {"input": "question", "expected_output": "reference", "expectedOutput": "reference"}
        note_roles(draft, item, roles | {"context": "quote", "source_file": "document", "name": "id"})
        outputs = [column for column in _OUTPUTS if item.has(column)]
        if outputs:
            draft.tell("model_output", f"{', '.join(outputs)}: output of a model, not used", item.path)
        each_question(item, draft, options, lambda record: _question(record, item))


def _question(record: Record, item: Loaded) -> DraftQuestion:
    values = record.values
    made = DraftQuestion(text_of(values["input"]), item.path, record.line, text_of(values.get("name")))
    expected = values.get("expected_output")
    made.references = texts_of(values.get("expectedOutput") if expected is None else expected)
    source = text_of(values.get("source_file") or values.get("sourceFile"))
    made.documents = [source] if source.strip() else []
    passages: Any = written_object(values.get("context"))
    quotes = texts_of(passages.split("|") if isinstance(passages, str) and "|" in passages else passages)
    made.evidence = [Gold(source, quote, group=number) for number, quote in enumerate(quotes)]
    return made
