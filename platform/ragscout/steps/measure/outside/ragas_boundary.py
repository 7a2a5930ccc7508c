"""The one place that imports ragas: its metrics over our runtime, its prompts in the question's language.

English prompts are ragas' own, byte for byte; Korean ones are files under ``prompts/ragas/ko``. The model is asked
through ``Runtime.chat`` alone and vectors come from the encoder that SemScore uses, so that cache, budget, network
policy, retries and accounting are those of every other request. ragas' telemetry is switched off before its import.
"""

from __future__ import annotations

import asyncio
import functools
import json
import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from ragscout.model.outcome import Failure, Message, Unfilled
from ragscout.model.runtime import ChatModel, ChatRequest, Runtime
from ragscout.prompts.files import PackagedFile, Tongue
from ragscout.steps.measure.encoder.sentence_encoder import embedded

FIELDS: dict[str, tuple[str, ...]] = {
    "faithfulness": ("user_input", "response", "retrieved_contexts"),
    "answer_relevancy": ("user_input", "response"),
    "context_precision": ("user_input", "reference", "retrieved_contexts"),
    "context_recall": ("user_input", "reference", "retrieved_contexts"),
    "answer_correctness": ("user_input", "response", "reference"),
    "factual_correctness": ("response", "reference"),
    "noise_sensitivity": ("user_input", "response", "reference", "retrieved_contexts"),
    "semantic_similarity": ("response", "reference"),
}
"""What each metric reads, by ragas' names."""


def korean_file(name: str) -> PackagedFile:
    """Return a file of the Korean prompts."""
    return PackagedFile("ragscout.prompts", f"ragas/ko/{name}")


FRAME = korean_file("frame.txt")
_STATEMENTS, _NLI = korean_file("statements.json"), korean_file("nli.json")
PROMPTS: dict[str, dict[str, PackagedFile]] = {
    "faithfulness": {"statement_generator_prompt": _STATEMENTS, "nli_statement_prompt": _NLI},
    "answer_relevancy": {"prompt": korean_file("question.json")},
    "context_precision": {"prompt": korean_file("precision.json")},
    "context_recall": {"prompt": korean_file("recall.json")},
    "answer_correctness": {
        "statement_generator_prompt": _STATEMENTS,
        "correctness_classifier_prompt": korean_file("classification.json"),
    },
    "factual_correctness": {"prompt": korean_file("claims.json"), "nli_prompt": _NLI},
    "noise_sensitivity": {"statement_prompt": _STATEMENTS, "faithfulness_prompt": _NLI},
    "semantic_similarity": {},
}
"""Attribute of ragas' metric that holds a prompt, to our Korean file."""

_CLASSES = {
    "faithfulness": "Faithfulness",
    "answer_relevancy": "AnswerRelevancy",
    "context_precision": "ContextPrecisionWithReference",
    "context_recall": "ContextRecall",
    "answer_correctness": "AnswerCorrectness",
    "factual_correctness": "FactualCorrectness",
    "noise_sensitivity": "NoiseSensitivity",
    "semantic_similarity": "SemanticSimilarity",
}
_SHOWN = 80


class RagasStopped(Exception):
    """A computation that ends without a number; ``outcome`` says why."""

    def __init__(self, outcome: Failure | Unfilled) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


@dataclass(frozen=True)
class RagasJudge:
    """Who is asked and how; ``max_tokens`` bounds one reply."""

    model: ChatModel | None
    temperature: float
    max_tokens: int


async def score(
    runtime: Runtime,
    metric: str,
    values: Mapping[str, Any],
    *,
    judge: RagasJudge,
    encoder: tuple[str, str],
    lang: Tongue,
    options: Mapping[str, Any],
) -> float:
    """Return the number that ragas computes.

    Args:
        runtime: gives chat and memo.
        metric: a key of ``FIELDS``.
        values: what that metric reads, by ragas' names.
        judge: the model that is asked.
        encoder: name and revision of the sentence encoder.
        lang: language of the prompts.
        options: ragas' own parameters of the metric (``mode``, ``strictness``).

    Raises:
        RagasStopped: no number came of it; holds the ``Failure`` or ``Unfilled``.
    """
    collections = await asyncio.to_thread(_load)
    given = dict(options)
    if PROMPTS[metric]:
        given["llm"] = _chat_adapter()(runtime, judge)
    if metric in ("answer_relevancy", "answer_correctness", "semantic_similarity"):
        texts = [values[name] for name in ("response", "reference") if name in values]
        # SemanticSimilarity asks for its vectors without awaiting, so they must be there before
        known = await embedded(runtime, *encoder, texts) if metric == "semantic_similarity" else {}
        given["embeddings"] = _embedding_adapter()(runtime, encoder, known)
    made = getattr(collections, _CLASSES[metric])(**given)
    if lang == "ko":
        for attribute, file in PROMPTS[metric].items():
            setattr(made, attribute, KoreanPrompt(file, getattr(made, attribute).output_model))
    try:
        value = float((await made.ascore(**values)).value)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        why = f"ragas could not compute {metric}: {type(error).__name__}: {_short(str(error), 200)}"
        raise RagasStopped(Failure("measurement", "metric_failed", why)) from error
    if not math.isfinite(value):
        raise RagasStopped(Failure("measurement", "metric_failed", f"ragas gave no number for {metric}; got {value}."))
    return value


class KoreanPrompt:
    """A prompt of ragas in Korean: instruction and examples from our file, the input as ragas gives it."""

    def __init__(self, file: PackagedFile, output_model: Any, text: str = "answer") -> None:
        """Args: file = instruction and examples; output_model = ragas' model of the reply; text = what the file calls
        ``text``."""
        self._file, self._schema, self._text = file, reply_schema(output_model), text

    def to_string(self, data: Any) -> str:
        """Return the whole prompt; the input is the last JSON object in it."""
        found = korean(self._file)
        fields = {self._text if key == "text" else key: value for key, value in data.model_dump().items()}
        shown: str = _frame().render(
            instruction=found["instruction"],
            schema=json.dumps(self._schema, ensure_ascii=False),
            examples=[{side: _pretty(item[side]) for side in ("input", "output")} for item in found["examples"]],
            input=_pretty(fields),
        )
        return shown


@functools.cache
def korean(file: PackagedFile) -> dict[str, Any]:
    """Instruction and examples of one Korean prompt file."""
    found: dict[str, Any] = json.loads(file.text)
    return found


def reply_schema(model: Any) -> dict[str, Any]:
    """JSON Schema of a reply without references, closed, whose verdicts are 0 or 1."""
    whole = model.model_json_schema()
    named: Mapping[str, Any] = whole.get("$defs", {})

    def plain(part: Mapping[str, Any]) -> dict[str, Any]:
        if "$ref" in part:
            return plain(named[part["$ref"].rpartition("/")[2]])
        if part["type"] == "object":
            fields = {name: plain(value) for name, value in part["properties"].items()}
            return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
        if part["type"] == "array":
            return {"type": "array", "items": plain(part["items"])}
        return {"type": "integer", "enum": [0, 1]} if part["type"] == "integer" else {"type": part["type"]}

    return plain(whole)


def parsed(text: str, model: Any) -> Any:
    """Return a reply as ragas' model: the first JSON object in it.

    Raises:
        RagasStopped: there is none, a field is missing or of the wrong type, a verdict is neither 0 nor 1, or nothing
            was found to judge (ragas makes of that NaN, 0 or 1, by metric).
    """
    try:
        reply = first_object(text, model)
    except ValueError as error:
        raise _unusable(str(error), text) from error
    plain = reply.model_dump()
    strange = [number for number in _numbers(plain) if number not in (0, 1)]
    if strange:
        raise _unusable(f"a verdict must be 0 or 1 and is {strange[0]}", text)
    lists = [value for value in plain.values() if isinstance(value, list)]
    if lists and not any(lists):
        raise _unusable("it finds nothing to judge", text)
    return reply


def first_object(text: str, model: Any) -> Any:
    """Return the first JSON object of a reply as ragas' model.

    Raises:
        ValueError: there is none, or it is not of that form; says which.
    """
    start = text.find("{")
    if start < 0:
        raise ValueError("it holds no JSON object")
    try:
        found, _ = json.JSONDecoder().raw_decode(text, start)
        return model.model_validate(found)
    except json.JSONDecodeError:
        raise ValueError("its JSON is broken or cut off") from None
    except (ValueError, RecursionError):
        raise ValueError("it is not in the form that was asked for") from None


def _numbers(value: Any) -> Iterator[int]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _numbers(item)
    elif isinstance(value, list):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, int):
        yield value


def _unusable(why: str, text: str) -> RagasStopped:
    detail = f"The judge's reply cannot be used: {why}; got {_short(text, _SHOWN)!r}."
    return RagasStopped(Failure("measurement", "judge_failed", detail))


def _short(text: str, most: int) -> str:
    shown = " ".join(text.split())
    return shown if len(shown) <= most else shown[:most] + "…"


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=4)


@functools.cache
def _frame() -> Any:
    from jinja2 import Environment, StrictUndefined

    return Environment(undefined=StrictUndefined, autoescape=False).from_string(FRAME.text)


@functools.cache
def _load() -> Any:
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"
    from ragas.metrics import collections

    return collections


@functools.cache
def testset() -> Any:
    """The modules of ragas that ``ragas_testset`` uses."""
    os.environ["RAGAS_DO_NOT_TRACK"] = "true"
    from ragas.llms import base as llms
    from ragas.testset import graph, persona
    from ragas.testset.synthesizers import base
    from ragas.testset.synthesizers.multi_hop import specific as multi_hop
    from ragas.testset.synthesizers.single_hop import base as single_hop
    from ragas.testset.synthesizers.single_hop.specific import SingleHopSpecificQuerySynthesizer as SingleHop
    from ragas.testset.transforms.extractors import llm_based

    return SimpleNamespace(
        llms=llms,
        graph=graph,
        persona=persona,
        base=base,
        multi_hop=multi_hop,
        single_hop=single_hop,
        SingleHop=SingleHop,
        extractors=llm_based,
    )


@functools.cache
def _chat_adapter() -> Any:
    from ragas.llms.base import InstructorBaseRagasLLM

    class RagasChat(InstructorBaseRagasLLM):
        """A model of ragas that asks ``Runtime.chat``. Equal prompts of one computation are replicates when the
        temperature lets them differ, else one request."""

        def __init__(self, runtime: Runtime, judge: RagasJudge) -> None:
            self._runtime, self._judge = runtime, judge
            self._asked: Counter[str] = Counter()

        def generate(self, prompt: str, response_model: Any) -> Any:
            raise NotImplementedError("the runtime is awaited")

        async def agenerate(self, prompt: str, response_model: Any) -> Any:
            assert self._judge.model is not None
            self._asked[prompt] += 1
            request = ChatRequest(
                model=self._judge.model,
                messages=(Message("user", prompt),),
                max_tokens=self._judge.max_tokens,
                temperature=self._judge.temperature,
                schema=json.dumps(reply_schema(response_model), separators=(",", ":")),
                replicate=self._asked[prompt] if self._judge.temperature else 0,
            )
            reply = await self._runtime.chat(request, "judge")
            if isinstance(reply, Unfilled):
                raise RagasStopped(reply)
            if isinstance(reply, Failure):
                why = f"The judge gave no reply: {reply.detail or reply.kind}"
                raise RagasStopped(Failure("measurement", "judge_failed", why))
            if reply.finish == "length":
                why = f"it was cut off after {request.max_tokens} tokens, raise max_tokens"
                raise _unusable(why, reply.text)
            return parsed(reply.text, response_model)

    return RagasChat


@functools.cache
def _embedding_adapter() -> Any:
    from ragas.embeddings.base import BaseRagasEmbedding

    class Vectors(BaseRagasEmbedding):
        """An embedding of ragas that asks the sentence encoder through the memo."""

        def __init__(self, runtime: Runtime, encoder: tuple[str, str], known: Mapping[str, Any]) -> None:
            super().__init__()
            self._runtime, self._encoder, self._known = runtime, encoder, known

        def embed_text(self, text: str, **_: Any) -> Any:
            return self._known[text]

        async def aembed_text(self, text: str, **_: Any) -> Any:
            return (await embedded(self._runtime, *self._encoder, [text]))[text]

        async def aembed_texts(self, texts: Sequence[str], **_: Any) -> Any:
            found = await embedded(self._runtime, *self._encoder, texts)
            return [found[text] for text in texts]

    return Vectors
