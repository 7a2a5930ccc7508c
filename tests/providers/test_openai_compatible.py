"""The OpenAI-compatible client against the shipped fake server and, where present, an independent one."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from ragscout.model.errors import ModelCallError, SpecError, UnknownNameError
from ragscout.model.outcome import Failure, Message
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest
from ragscout.providers.client import ChatClient, TransientError
from ragscout.providers.clients import make_client, providers
from ragscout.providers.network import NetworkPolicy
from ragscout.providers.openai_compatible import OpenAIClient, retry_after
from ragscout.testing.fake_server import FakeServer, Faults

T = TypeVar("T")
SECRET = "sk-very-secret-0123456789"
SCORE = json.dumps(
    {
        "type": "object",
        "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 5}},
        "required": ["score"],
        "additionalProperties": False,
    }
)


@dataclass(frozen=True)
class Connection:
    name: str = "gpt"
    provider: str = "openai"
    base_url: str = ""
    api_version: str = ""
    model: str = "strong"
    alias: str = ""
    key_env: str = ""
    context: int | None = None
    limits: Mapping[str, float] | None = None
    threads: int | None = None


def request(
    text: str = "Leave is granted after a year.\nQuestion: When is leave granted?", **more: object
) -> ChatRequest:
    values: dict[str, object] = {"model": ChatModel("openai", "strong"), "max_tokens": 64, **more}
    return ChatRequest(messages=(Message("user", text),), **values)  # type: ignore[arg-type]


def ask(connection: Connection, do: Callable[[ChatClient], Awaitable[T]], timeout: float = 5.0) -> T:
    async def inner() -> T:
        client = OpenAIClient(connection, NetworkPolicy.offline(), timeout=timeout)
        try:
            return await do(client)
        finally:
            await client.close()

    return asyncio.run(inner())


def complete(server: FakeServer, item: ChatRequest | None = None, timeout: float = 5.0, **more: str) -> object:
    connection = Connection(base_url=server.base_url, **more)  # type: ignore[arg-type]
    return ask(connection, lambda client: client.complete(item or request()), timeout)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as made:
        yield made


def test_a_reply_with_usage_and_fingerprint(server: FakeServer) -> None:
    reply = complete(server, request(top_p=0.5, stop=("END",), seed=7))
    assert isinstance(reply, ChatReply)
    assert reply.text == "Leave is granted after a year."
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.calls) == (11, 6, 1)
    assert reply.usage.money is None, "the price is not the client's to say"
    assert reply.usage.seconds > 0
    assert reply.fingerprint == "strong"
    sent = server.stats.bodies[0]
    assert (sent["top_p"], sent["stop"], sent["seed"], sent["temperature"]) == (0.5, ["END"], 7, 0.0)
    assert "authorization" not in server.stats.headers[0]


def test_korean_survives_the_wire(server: FakeServer) -> None:
    reply = complete(server, request("연차는 입사 1년 후에 15일이 생깁니다.\n질문: 연차는 언제 생기나요?"))
    assert isinstance(reply, ChatReply)
    assert reply.text == "연차는 입사 1년 후에 15일이 생깁니다."


def test_a_cut_reply_says_so(server: FakeServer) -> None:
    reply = complete(server, request(max_tokens=2))
    assert isinstance(reply, ChatReply)
    assert (reply.text, reply.finish) == ("Leave is", "length")


def test_a_schema_is_sent_as_one(server: FakeServer) -> None:
    reply = complete(server, request("Reference: 15 days\nAnswer: 15 days", schema=SCORE))
    assert isinstance(reply, ChatReply)
    assert json.loads(reply.text) == {"score": 5}
    form = server.stats.bodies[0]["response_format"]
    assert form["type"] == "json_schema"
    assert form["json_schema"]["strict"] is True


def test_the_limit_is_renamed_once_for_models_that_want_it() -> None:
    with FakeServer(demand="max_completion_tokens") as server:

        async def twice(client: ChatClient) -> tuple[object, object]:
            return await client.complete(request()), await client.complete(request("a\nQuestion: b c?"))

        first, second = ask(Connection(base_url=server.base_url), twice)
        assert isinstance(first, ChatReply)
        assert isinstance(second, ChatReply)
        assert server.stats.total == 3, "the second request already knows"


@pytest.mark.parametrize(
    ("faults", "status", "after"),
    [
        (Faults(error_500=1.0), 500, None),
        (Faults(limit_429=1.0, retry_after=7.5), 429, 7.5),
        (Faults(limit_429=1.0, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"), 429, 0.0),
        (Faults(malformed=1.0), 200, None),
        (Faults(truncated=1.0), 0, None),
        (Faults(hang=1.0), 0, None),
    ],
    ids=["500", "429 seconds", "429 date", "malformed", "truncated", "hang"],
)
def test_what_may_pass_is_transient(server: FakeServer, faults: Faults, status: int, after: float | None) -> None:
    server.faults = faults
    with pytest.raises(TransientError) as error:
        complete(server, timeout=0.5)
    assert error.value.status == status
    assert error.value.retry_after == after
    assert str(error.value).startswith("models.gpt: ")
    faults.first_n = 1
    assert isinstance(complete(server), ChatReply), "the same request succeeds later"


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(TransientError, match=r"models\.gpt: 127\.0\.0\.1 cannot be reached"):
        ask(Connection(base_url=f"http://127.0.0.1:{port}/v1"), lambda client: client.complete(request()))


def test_the_candidates_failures(server: FakeServer) -> None:
    server.context = 50
    assert complete(server, request("word " * 60)) == Failure(
        "candidate", "context_overflow", "The prompt is longer than the model's context window."
    )
    filtered = complete(server, request("[filtered] text\nQuestion: what?"))
    assert isinstance(filtered, Failure)
    assert (filtered.whose, filtered.kind) == ("candidate", "filtered")


def test_a_wrong_key_is_final_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", SECRET)
    with FakeServer(key="another") as server:
        connection = Connection(base_url=server.base_url, key_env="TEST_KEY")
        with pytest.raises(ModelCallError) as error:
            ask(connection, lambda client: client.complete(request()))
        assert "refuses the key (status 401)" in str(error.value)
        assert SECRET not in str(error.value)
        assert error.value.__cause__ is None
        assert SECRET not in repr(OpenAIClient(connection, NetworkPolicy.offline()))


def test_the_right_key_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", SECRET)
    with FakeServer(key=SECRET) as server:
        assert isinstance(complete(server, key_env="TEST_KEY"), ChatReply)
        assert isinstance(complete(server, key_env="TEST_KEY", provider="azure", api_version="2025-01-01"), ChatReply)
        assert server.stats.headers[-1]["api-key"] == SECRET


def test_an_unset_key_is_named_before_anything_is_sent(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_KEY", raising=False)
    with pytest.raises(SpecError, match=r"models\.gpt\.key_env: .*TEST_KEY is not set\. Run: export TEST_KEY="):
        complete(server, key_env="TEST_KEY")
    assert server.stats.total == 0


def test_an_unknown_address_is_final(server: FakeServer) -> None:
    with pytest.raises(ModelCallError, match=r"status 404.*Check model: and base_url"):
        ask(Connection(base_url=f"{server.base_url}/v2"), lambda client: client.complete(request()))


def test_a_host_that_is_not_listed_is_refused_before_a_connection() -> None:
    with pytest.raises(SpecError, match=r"network: \[example\.invalid\]"):
        make_client(Connection(base_url="https://example.invalid/v1"), NetworkPolicy.offline())


def test_connections_are_checked_before_they_are_used() -> None:
    policy = NetworkPolicy.offline()
    with pytest.raises(UnknownNameError, match="Did you mean 'openai'"):
        make_client(Connection(provider="opnai"), policy)
    with pytest.raises(SpecError, match="base_url"):
        make_client(Connection(provider="azure"), policy)
    with pytest.raises(SpecError, match="name is missing"):
        make_client(Connection(model="", base_url="http://localhost/v1"), policy)
    with pytest.raises(SpecError, match="needs an alias"):
        make_client(Connection(provider="local", model=""), policy)
    limited = make_client(Connection(base_url="http://localhost/v1", limits={"rpm": 60, "concurrency": 3}), policy)
    assert limited.concurrency == 3
    assert providers() == ("azure", "http", "local", "openai")


def test_vectors_are_unit_length_and_in_order(server: FakeServer) -> None:
    texts = [f"text number {number}" for number in range(200)] + ["", "연차는 언제 생기나요?"]

    async def embed(client: ChatClient) -> np.ndarray:
        return await client.embed(ChatModel("openai", "embedder"), texts)

    matrix = ask(Connection(base_url=server.base_url), embed)
    assert matrix.shape == (202, 64)
    assert matrix.dtype == np.float32
    assert np.allclose(np.linalg.norm(matrix, axis=1), 1.0, atol=1e-6)
    assert server.stats.calls["embeddings"] == 3
    again = ask(Connection(base_url=server.base_url), lambda c: c.embed(ChatModel("openai", "embedder"), texts[-1:]))
    assert np.array_equal(again[0], matrix[-1])


def test_rerank_scores_stand_in_the_order_of_the_texts(server: FakeServer) -> None:
    """The endpoint gives the best first; an empty text is sent as a space, no text is not sent at all."""
    model = ChatModel("openai", "ranker")
    texts = ["nothing of it", "leave days", "days", ""]
    scores = ask(Connection(base_url=server.base_url), lambda client: client.rerank(model, "leave days", texts))
    assert scores == (0.0, 1.0, 0.5, 0.0)
    assert server.stats.bodies[-1] == {
        "model": "ranker",
        "query": "leave days",
        "documents": [*texts[:3], " "],
        "top_n": 4,
    }
    assert ask(Connection(base_url=server.base_url), lambda client: client.rerank(model, "q", [])) == ()
    assert server.stats.calls["rerank"] == 1


@pytest.mark.parametrize(
    "results",
    [
        [{"index": 0, "relevance_score": 1}],
        [{"index": 0}],
        "none",
        [{"index": row, "relevance_score": "nan"} for row in (0, 1)],
    ],
)
def test_a_rerank_reply_that_cannot_be_read_may_pass(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch, results: object
) -> None:
    from ragscout.testing import fake_server

    monkeypatch.setattr(fake_server, "_reranked", lambda body: fake_server._ok({"results": results}))
    model = ChatModel("openai", "ranker")
    with pytest.raises(TransientError, match="relevance scores"):
        ask(Connection(base_url=server.base_url), lambda client: client.rerank(model, "q", ["a", "b"]))


def test_an_endpoint_without_rerankers_says_so(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from ragscout.testing import fake_server

    monkeypatch.setattr(fake_server, "_reranked", lambda body: fake_server._refused(404, "no such model", "not_found"))
    with pytest.raises(ModelCallError, match="does not know this model or address"):
        ask(Connection(base_url=server.base_url), lambda c: c.rerank(ChatModel("openai", "x"), "q", ["a"]))


def test_many_requests_at_once_and_back(server: FakeServer) -> None:
    server.latency = 0.05

    async def many(client: ChatClient) -> list[object]:
        return list(await asyncio.gather(*(client.complete(request(f"a{n} b.\nQuestion: a{n}?")) for n in range(30))))

    started = time.perf_counter()
    replies = ask(Connection(base_url=server.base_url), many)
    assert time.perf_counter() - started < 30 * 0.05
    assert all(isinstance(reply, ChatReply) for reply in replies)
    assert server.stats.largest > 1
    assert server.stats.distinct == 30


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        ("0.25", 0.25),
        ("-4", 0.0),
        (None, None),
        ("soon", None),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
    ],
)
def test_retry_after_in_both_forms(value: str | None, seconds: float | None) -> None:
    now = datetime.datetime(2026, 11, 22, 12, 0, 0, tzinfo=datetime.UTC)
    assert retry_after(value, now) == seconds


def _foreign_server() -> Path | None:
    root = Path(os.environ.get("RAGSCOUT_SHARED", Path(__file__).parents[2] / ".." / "shared"))
    found = root / "bench" / "fake_llm_server.py"
    return found.resolve() if found.is_file() else None


@contextlib.contextmanager
def _running(script: Path, *options: str) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(script), "--port", str(port), "--latency-ms", "1", *options])
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(10)


def test_an_independent_server_is_understood_too() -> None:
    script = _foreign_server()
    if script is None:
        pytest.skip("the benchmark's server is not on this machine")
    with _running(script, "--p-truncated", "1", "--faults-first-n", "1") as address:
        connection = Connection(base_url=address)

        async def twice(client: ChatClient) -> object:
            with pytest.raises(TransientError):
                await client.complete(request())
            return await client.complete(request())

        reply = ask(connection, twice)
        assert isinstance(reply, ChatReply)
        assert reply.text
        scored = ask(connection, lambda c: _second(c, request("Rate it.", schema=SCORE)))
        assert isinstance(scored, ChatReply)
        assert 1 <= json.loads(scored.text)["score"] <= 5


async def _second(client: ChatClient, item: ChatRequest) -> object:
    with contextlib.suppress(TransientError):
        return await client.complete(item)
    return await client.complete(item)


async def _lines(*chunks: str):
    for chunk in chunks:
        yield chunk


def test_a_streamed_reply_equals_the_one_in_one_piece() -> None:
    import time

    from ragscout.providers.streaming import collected

    chunks = [
        'data: {"model": "m", "choices": [{"delta": {"role": "assistant"}}]}',
        "",
        'data: {"choices": [{"delta": {"content": "연차는 "}}]}',
        ": keep-alive",
        'data: {"choices": [{"delta": {"content": "15일"}, "finish_reason": "stop"}]}',
        'data: {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}',
    ]
    body, first = asyncio.run(collected(_lines(*chunks, "data: [DONE]"), time.perf_counter()))
    assert body is not None and first is not None and first >= 0
    assert body["choices"][0]["message"]["content"] == "연차는 15일"
    assert body["choices"][0]["finish_reason"] == "stop" and body["usage"]["prompt_tokens"] == 3
    assert asyncio.run(collected(_lines(*chunks), 0.0))[0] == body, "it said why it ended"
    assert asyncio.run(collected(_lines(*chunks[:4]), 0.0))[0] is None, "a stream that broke off is no reply"
    assert asyncio.run(collected(_lines("data: {"), 0.0))[0] is None


def test_an_endpoint_that_does_not_stream_is_asked_once() -> None:
    """Its reply in one piece is the reply: a second request would be paid and would count in the latency."""
    with FakeServer() as server:
        server.streams = False

        async def probed(client: ChatClient) -> object:
            assert isinstance(client, OpenAIClient)
            return await client.stream(request())

        reply, first = ask(Connection(base_url=server.base_url), probed)  # type: ignore[misc]
        assert isinstance(reply, ChatReply) and reply.text and first is None
        assert server.stats.total == 1
