"""MLflow GenAI evaluation datasets: ``inputs`` and ``expectations`` (or the older ``request``/``ground_truth``)."""

from __future__ import annotations

from typing import Any

from ragscout.data.draft import Draft, DraftQuestion, Gold, register
from ragscout.data.formats.shared import each_question, note_roles
from ragscout.data.options import ReadOptions
from ragscout.data.read.cellvalues import CellError, flag_of, text_of, texts_of, written_object
from ragscout.data.read.loaded import Loaded, Record
from ragscout.data.roles import question_roles


@register
class MlflowGenai:
    """``outputs`` are a model's; ``expected_facts`` are references when there is no expected response."""

    name = "mlflow"
    title = "MLflow GenAI evaluation dataset"

    def sniff(self, item: Loaded) -> float:
        """See ``Format.sniff``."""
        return 0.95 if item.has("inputs") and (item.has("expectations") or item.has("ground_truth")) else 0.0

    def read(self, item: Loaded, draft: Draft, options: ReadOptions) -> None:
        """See ``Format.read``."""
        roles = {"inputs": "question", "expectations": "reference", "ground_truth": "reference"}
        note_roles(draft, item, roles | {"dataset_record_id": "id"})
        each_question(item, draft, options, lambda record: _question(record, item))


def _question(record: Record, item: Loaded) -> DraftQuestion:
    values = record.values
    inputs = written_object(values["inputs"])
    tags = written_object(values.get("tags"))
    tags = tags if isinstance(tags, dict) else {}
    name = text_of(values.get("dataset_record_id") or values.get("id") or tags.get("id"))
    made = DraftQuestion(_asked(inputs), item.path, record.line, name)
    made.type, made.slice = text_of(tags.get("type")), text_of(tags.get("slice"))
    expected = written_object(values.get("expectations"))
    if not isinstance(expected, dict):
        made.references = texts_of(values.get("ground_truth") if expected is None else expected)
        return made
    for key in ("expected_response", "expected_answer", "ground_truth", "reference", "answer"):
        if expected.get(key):
            made.references = texts_of(expected[key])
            break
    made.references += texts_of(expected.get("further_references"))
    made.answerable = flag_of(expected.get("answerable"))
    if not made.references and expected.get("expected_facts"):
        made.references = [" ".join(texts_of(expected["expected_facts"]))]
    for group, context in enumerate(expected.get("expected_retrieved_context") or []):
        document, quote = text_of(context.get("doc_uri")), text_of(context.get("content"))
        if quote.strip():
            made.evidence.append(Gold(document, quote, group=group))
        if document and document not in made.documents:
            made.documents.append(document)
    return made


def _asked(inputs: Any) -> str:
    if isinstance(inputs, str):
        return inputs
    if isinstance(inputs, dict):
        roles, _ = question_roles(inputs)
        if "question" in roles:
            return text_of(inputs[roles["question"]])
        messages = inputs.get("messages")
        if isinstance(messages, list) and messages and isinstance(messages[-1], dict):
            return text_of(messages[-1].get("content"))
        if len(inputs) == 1:
            return text_of(next(iter(inputs.values())))
    raise CellError("inputs\x00no question was found in it; name it 'question'")
