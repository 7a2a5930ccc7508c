"""The cancel token, and an engine that looks at it."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from ragscout.engine.cancel import CancelToken, InterruptedClient, Stopped
from ragscout.model.errors import ModelCallError
from ragscout.model.outcome import Message
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest

REQUEST = ChatRequest(ChatModel("openai", "m"), (Message("user", "hello"),), max_tokens=4)


def test_it_lets_pass_until_it_is_told_otherwise() -> None:
    async def tried() -> None:
        token = CancelToken()
        await asyncio.wait_for(token.passed(), 60)
        token.stop()
        with pytest.raises(Stopped):
            await token.passed()
        token.go_on()
        assert token.wish == "stop", "a stop is for good"

    asyncio.run(tried())


def test_a_hold_waits_for_its_end_from_another_thread() -> None:
    async def tried() -> None:
        token, over = CancelToken(), []
        token.after_hold = lambda: over.append(token.wish)
        token.hold()
        threading.Timer(0.05, token.go_on).start()
        await asyncio.wait_for(token.passed(), 60)
        assert over == ["run"] and token.held_seconds >= 0.04
        held = token.held_seconds
        await asyncio.sleep(0.02)
        assert token.held_seconds == held, "only holds are counted"

    asyncio.run(tried())


def test_a_hold_that_is_over_before_anybody_waits_is_passed_on_once() -> None:
    async def tried() -> None:
        token, over = CancelToken(), []
        token.after_hold = lambda: over.append(token.held_seconds)
        await token.passed()
        token.hold()
        time.sleep(0.01)
        token.go_on()
        for _ in range(2):
            await token.passed()
        assert over == [token.held_seconds] and over[0] >= 0.01

    asyncio.run(tried())


def test_a_hold_may_end_in_a_stop() -> None:
    async def tried() -> None:
        token = CancelToken()
        token.hold()
        threading.Timer(0.02, token.stop).start()
        with pytest.raises(Stopped):
            await asyncio.wait_for(token.passed(), 60)

    asyncio.run(tried())


def test_an_interruption_is_heard_and_a_short_hold_is_none() -> None:
    async def tried() -> None:
        token = CancelToken()
        waiting = asyncio.create_task(token.interruption())
        await asyncio.sleep(0)
        token.hold()
        token.go_on()
        await asyncio.sleep(0.02)
        assert not waiting.done()
        threading.Timer(0.02, token.hold).start()
        await asyncio.wait_for(waiting, 60)

    asyncio.run(tried())


def test_one_token_serves_one_event_loop_after_another() -> None:
    token = CancelToken()

    async def held() -> None:
        token.hold()
        threading.Timer(0.02, token.go_on).start()
        await asyncio.wait_for(token.passed(), 60)

    for _ in range(2):
        asyncio.run(held())
    token.stop()


def test_a_minute_of_a_hold_is_none_of_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    token = CancelToken()
    token.hold()
    now += 60
    assert token.held_seconds == 60
    token.go_on()
    now += 60
    assert token.held_seconds == 60


class Client:
    """A client that counts what it sends."""

    concurrency = 3

    def __init__(self) -> None:
        self.sent, self.closed = 0, False

    async def complete(self, request: ChatRequest) -> ChatReply:
        self.sent += 1
        return ChatReply("yes")

    async def embed(self, model: ChatModel, texts: list[str]) -> list[str]:
        self.sent += 1
        return texts

    async def close(self) -> None:
        self.closed = True


def test_nothing_is_sent_while_the_sweep_is_held() -> None:
    async def tried() -> None:
        token, inner = CancelToken(), Client()
        client = InterruptedClient(inner, token)  # type: ignore[arg-type]
        assert client.concurrency == 3
        assert (await client.complete(REQUEST)) == ChatReply("yes")
        token.hold()
        for sending in (client.complete(REQUEST), client.embed(REQUEST.model, ["a"])):
            with pytest.raises(ModelCallError, match="nothing is sent"):
                await sending
        token.go_on()
        await client.embed(REQUEST.model, ["a"])
        assert inner.sent == 2
        await client.close()
        assert inner.closed

    asyncio.run(tried())
