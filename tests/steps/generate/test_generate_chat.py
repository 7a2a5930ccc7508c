"""The chat step."""

from __future__ import annotations

import asyncio

import pytest

from ragscout.model.errors import ParameterError
from ragscout.model.outcome import Message, Prompt
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest
from ragscout.model.step import make
from ragscout.testing.generation import QUESTIONS, ChatKit
from ragscout.testing.steps import FakeRuntime, run

MODEL = {"provider": "openai", "model": "strong", "label": "gpt"}


class TestConformance(ChatKit):
    cases = (
        ("chat", {"model": MODEL}),
        ("chat", {"model": {"provider": "local", "model": "smollm2-135m", "revision": "abc"}, "max_tokens": 8}),
        ("chat", {"model": MODEL, "temperature": 0.7, "replicate": 2, "seed": 5, "stop": ("\n",), "top_p": 0.9}),
    )


def test_temperature_needs_a_replicate() -> None:
    with pytest.raises(ParameterError, match=r"got temperature 0\.7 and replicate 0\. Add replicate: \[1, 2, 3\]"):
        make("generate", "chat", {"model": MODEL, "temperature": 0.7})
    with pytest.raises(ParameterError, match="empty text would end every answer"):
        make("generate", "chat", {"model": MODEL, "stop": [""]})


def test_every_decoding_parameter_reaches_the_request() -> None:
    step = make(
        "generate",
        "chat",
        {"model": MODEL, "temperature": 0.5, "replicate": 3, "seed": 10, "top_p": 0.8, "max_tokens": 7, "stop": ["Q:"]},
    )
    runtime = FakeRuntime(lambda request: "an answer")
    prompt = Prompt((Message("system", "s"), Message("user", "u")), (1, 2), "en")
    (answer,) = run(step, runtime, QUESTIONS[:1], prompt=[prompt])
    assert (answer.text, answer.passages) == ("an answer", (1, 2))
    ((request, _),) = runtime.requests
    assert request == ChatRequest(
        ChatModel("openai", "strong"), prompt.messages, 7, 0.5, 0.8, ("Q:",), seed=12, replicate=3
    )


def test_the_connections_name_is_no_part_of_the_key() -> None:
    other = make("generate", "chat", {"model": {**MODEL, "label": "renamed"}})
    assert other.key({}) == make("generate", "chat", {"model": MODEL}).key({})
    assert other.label() == "chat(model=renamed)"


def test_questions_are_asked_at_once() -> None:
    flying, largest = 0, 0

    class Slow(FakeRuntime):
        async def chat(self, request: ChatRequest, purpose: object) -> ChatReply:  # type: ignore[override]
            nonlocal flying, largest
            flying += 1
            largest = max(largest, flying)
            await asyncio.sleep(0.01)
            flying -= 1
            return ChatReply(request.messages[-1].content, "length")

    found = [Prompt((Message("user", f"u{number}"),), (), "en") for number in range(len(QUESTIONS))]
    answers = run(make("generate", "chat", {"model": MODEL}), Slow(), QUESTIONS, prompt=found)
    assert [answer.text for answer in answers] == [f"u{number}" for number in range(len(QUESTIONS))]
    assert {answer.finish for answer in answers} == {"length"}
    assert largest == len(QUESTIONS)


def test_a_reply_that_ends_before_its_answer_was_cut() -> None:
    class Cut(FakeRuntime):
        async def chat(self, request: ChatRequest, purpose: object) -> ChatReply:  # type: ignore[override]
            return ChatReply("", finish)

    step, prompt = (
        make("generate", "chat", {"model": MODEL, "max_tokens": 9}),
        Prompt((Message("user", "u"),), (), "en"),
    )
    finish = "length"
    (failure,) = run(step, Cut(), QUESTIONS[:1], prompt=[prompt])
    assert (failure.whose, failure.kind) == ("candidate", "cut") and "max_tokens: 9" in failure.detail
    finish = "stop"
    (failure,) = run(step, Cut(), QUESTIONS[:1], prompt=[prompt])
    assert failure.kind == "empty"
