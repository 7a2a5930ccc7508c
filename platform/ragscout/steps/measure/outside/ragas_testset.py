"""ragas' test-set generation over our runtime: its entity extractor, its synthesizers and its prompts.

ragas' own driver (``TestsetGenerator``) asks about every chunk of the corpus before it writes the first question, runs
an event loop of its own and draws personas, styles and lengths from the global random state, so that a second run asks
other questions and nothing can be priced or resumed. Here the spans and personas are ours, style and length follow
from a digest, and every request goes through ``Runtime.chat``: memo, budget, rate limit, retries and network policy are
those of every other request. English prompts are ragas' own, Korean ones are files under ``prompts/ragas/ko``.
"""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import json
from collections.abc import Sequence
from typing import Any

from ragscout.model.errors import MissingExtraError
from ragscout.model.key import digest
from ragscout.model.outcome import Failure, Message, Unfilled
from ragscout.model.runtime import ChatModel, ChatRequest, Runtime
from ragscout.prompts.files import PackagedFile, Tongue
from ragscout.steps.measure.outside.ragas_boundary import (
    KoreanPrompt,
    RagasStopped,
    first_object,
    korean_file,
    reply_schema,
    testset,
)

ENTITIES = 10
"""Entities asked for per span: ragas' default."""
_TOKENS = {"entities": 300, "question": 600}
_LONGEST_TERM = 60  # characters of an entity when a request is priced before the entity is known


async def drafted(
    runtime: Runtime, model: ChatModel, contexts: Sequence[str], *, persona: str, lang: Tongue
) -> tuple[str, str]:
    """Question and answer that ragas' synthesizer writes from one span, or from two that both are needed.

    Args:
        runtime: gives chat.
        model: who is asked; the temperature is 0.
        contexts: the spans.
        persona: who asks, in words.
        lang: language of the prompts.

    Raises:
        MissingExtraError: ragas is not installed.
        RagasStopped: no question came of it; holds the ``Failure`` or ``Unfilled``.
    """
    parts = await asyncio.to_thread(load)
    llm = _adapter()(runtime, model)
    prompt = _prompts(lang)["entities"]
    found = []
    for context in contexts:
        reply = await prompt.generate(
            llm=llm, data=parts.extractors.TextWithExtractionLimit(text=context, max_num=ENTITIES)
        )
        found.append([name.strip() for name in reply.entities if name.strip()])
    if not all(found):
        raise RagasStopped(
            Failure("measurement", "unsuitable", "ragas found no entity in a span, and so asks nothing.")
        )
    made, scenario = _scenario(contexts, found, persona, lang, llm)
    sample = await made.generate_sample(scenario)
    return str(sample.user_input), str(sample.reference)


def requests(model: ChatModel, contexts: Sequence[str], *, persona: str, lang: Tongue) -> list[ChatRequest]:
    """Return the requests of ``drafted``, with entities of the greatest usual length, for pricing.

    Raises:
        MissingExtraError: ragas is not installed.
    """
    parts = load()
    sent: list[ChatRequest] = []
    entities = _prompts(lang)["entities"]
    for context in contexts:
        text = entities.to_string(parts.extractors.TextWithExtractionLimit(text=context, max_num=ENTITIES))
        sent.append(_request(model, text, entities.output_model))
    terms = [["가" * _LONGEST_TERM] for _ in contexts]
    made, scenario = _scenario(contexts, terms, persona, lang, None)
    asked = made.generate_query_reference_prompt
    text = asked.to_string(_condition(made, scenario))
    return [*sent, _request(model, text, asked.output_model)]


def load() -> Any:
    """ragas' classes, by name.

    Raises:
        MissingExtraError: ragas is not installed.
    """
    if importlib.util.find_spec("ragas") is None:
        raise MissingExtraError("ragas test-set generation", "ragas")
    return testset()


def _scenario(
    contexts: Sequence[str], entities: Sequence[Sequence[str]], persona: str, lang: Tongue, llm: Any
) -> tuple[Any, Any]:
    """Return a synthesizer and what it is asked to write: style and length follow from the span and who asks. Two spans
    meet in the entities they share (ragas' overlap), else in the first of each (its combination of concepts)."""
    parts = load()
    nodes = [parts.graph.Node(type=parts.graph.NodeType.CHUNK, properties={"page_content": text}) for text in contexts]
    drawn = int(digest("ragas-scenario", list(contexts), persona)[:8], 16)
    styles, lengths = tuple(parts.base.QueryStyle), tuple(parts.base.QueryLength)
    given = {
        "nodes": nodes,
        "persona": parts.persona.Persona(name=persona, role_description=persona),
        "style": styles[drawn % len(styles)],
        "length": lengths[drawn // len(styles) % len(lengths)],
    }
    multi = len(contexts) > 1
    made = (parts.multi_hop.MultiHopSpecificQuerySynthesizer if multi else parts.SingleHop)(llm=llm)
    if lang == "ko":
        made.generate_query_reference_prompt = _prompts(lang)["multi-hop" if multi else "single-hop"]
    if not multi:
        return made, parts.single_hop.SingleHopScenario(term=entities[0][drawn % len(entities[0])], **given)
    first, *others = ({name.casefold(): name for name in names} for names in entities)
    shared = [name for low, name in first.items() if all(low in other for other in others)]
    return made, parts.multi_hop.MultiHopScenario(combinations=shared or [names[0] for names in entities], **given)


def _condition(made: Any, scenario: Any) -> Any:
    """Return the input of a synthesizer's prompt, as it makes it itself."""
    asked = {"persona": scenario.persona, "query_length": scenario.length.value, "query_style": scenario.style.value}
    if hasattr(scenario, "term"):
        held = {"term": scenario.term, "context": scenario.nodes[0].properties["page_content"]}
    else:
        held = {"themes": list(scenario.combinations), "context": made.make_contexts(scenario)}
    return type(made)(llm=None).generate_query_reference_prompt.input_model(**asked, **held)


@functools.cache
def _prompts(lang: Tongue) -> dict[str, Any]:
    """Name to prompt: ragas' own in English, ours in Korean."""
    parts = load()
    own = {
        "entities": parts.extractors.NERPrompt(),
        "single-hop": parts.SingleHop(llm=None).generate_query_reference_prompt,
        "multi-hop": parts.multi_hop.MultiHopSpecificQuerySynthesizer(llm=None).generate_query_reference_prompt,
    }
    if lang != "ko":
        return own
    return {name: _Korean(korean_file(f"testset-{name}.json"), prompt.output_model) for name, prompt in own.items()}


class _Korean(KoreanPrompt):
    """A Korean prompt with the one method by which ragas' test-set code asks."""

    def __init__(self, file: PackagedFile, output_model: Any) -> None:
        super().__init__(file, output_model, "text")
        self.output_model = output_model

    async def generate(self, llm: Any, data: Any, callbacks: Any = None) -> Any:
        """Return the model's reply as ``output_model``."""
        return await llm.agenerate(self.to_string(data), self.output_model)


def _request(model: ChatModel, prompt: str, response_model: Any) -> ChatRequest:
    kind = "entities" if "entities" in response_model.model_fields else "question"
    schema = json.dumps(reply_schema(response_model), separators=(",", ":"))
    return ChatRequest(model, (Message("user", prompt),), _TOKENS[kind], schema=schema)


@functools.cache
def _adapter() -> Any:
    class TestsetChat(load().llms.InstructorBaseRagasLLM):  # type: ignore[misc]
        """A model of ragas that asks ``Runtime.chat``."""

        is_async = True

        def __init__(self, runtime: Runtime, model: ChatModel) -> None:
            self._runtime, self._model = runtime, model

        def generate(self, prompt: str, response_model: Any) -> Any:
            raise NotImplementedError("the runtime is awaited")

        async def agenerate(self, prompt: str, response_model: Any) -> Any:
            reply = await self._runtime.chat(_request(self._model, prompt, response_model), "data")
            if isinstance(reply, (Failure, Unfilled)):
                raise RagasStopped(reply)
            try:
                return first_object(reply.text, response_model)
            except ValueError as error:
                why = f"the model's reply cannot be used: {error}; got {reply.text[:80]!r}"
                raise RagasStopped(Failure("measurement", "unsuitable", why)) from error

    return TestsetChat
