"""ragas single-turn samples, new columns (user_input, reference) and old ones (question, ground_truth)."""

from __future__ import annotations

from ragscout.data.draft import Draft, DraftQuestion, Gold, register
from ragscout.data.formats.shared import each_question, in_column, note_roles
from ragscout.data.formats.table import no_reference_column
from ragscout.data.options import ReadOptions
from ragscout.data.read.cellvalues import CellError, text_of, texts_of
from ragscout.data.read.loaded import Loaded, Record

_OUTPUTS = ("response", "answer", "retrieved_contexts", "contexts")
_ROLES = {
    "user_input": "question",
    "question": "question",
    "reference": "reference",
    "ground_truth": "reference",
    "ground_truths": "reference",
    "reference_contexts": "quote",
    "synthesizer_name": "type",
    "evolution_type": "type",
}


@register
class RagasFormat:
    """``response``/``answer`` and retrieved contexts are a model's output: they are never taken for the reference."""

    name = "ragas"
    title = "ragas"

    def sniff(self, item: Loaded) -> float:
        """See ``Format.sniff``."""
        if item.has("user_input"):
            return 0.95
        old = item.has("question") and (item.has("ground_truth") or item.has("ground_truths"))
        return 0.85 if old and (item.has("contexts") or item.has("answer")) else 0.0

    def read(self, item: Loaded, draft: Draft, options: ReadOptions) -> None:
        """See ``Format.read``."""
        note_roles(draft, item, _ROLES)
        roles = {role: column for column, role in _ROLES.items() if item.has(column)}
        outputs = [column for column in _OUTPUTS if item.has(column)]
        if outputs:
            text = f"{', '.join(outputs)}: output of a model, not used as reference or evidence"
            draft.tell("model_output", text, item.path)
        each_question(item, draft, options, lambda record: _question(record, roles, item))
        if "reference" not in roles:
            draft.findings.append(no_reference_column(item, roles))


def _question(record: Record, roles: dict[str, str], item: Loaded) -> DraftQuestion:
    values = record.values
    asked = values[roles["question"]]
    if isinstance(asked, list):
        raise CellError(f"{roles['question']}\x00a conversation of several turns is not read; give one question a row")
    made = DraftQuestion(text_of(asked), item.path, record.line, text_of(values.get("id")))
    if "reference" in roles:
        column = roles["reference"]
        made.references = in_column(column, texts_of, values.get(column))  # type: ignore[assignment]
    quotes = texts_of(values.get("reference_contexts"))
    made.evidence = [Gold(quote=quote, group=number) for number, quote in enumerate(quotes)]
    if "type" in roles:
        made.type = text_of(values.get(roles["type"]))
    return made
