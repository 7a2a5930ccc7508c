"""Whatever an endpoint sends: a reply is read or it is none, with the endpoint's own words, and it is counted."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from test_openai_compatible import Connection, ask, request

from ragscout.model.errors import ModelCallError
from ragscout.model.outcome import Failure, Usage
from ragscout.model.runtime import ChatModel, ChatReply
from ragscout.providers import body
from ragscout.providers.client import TransientError
from ragscout.providers.network import NetworkPolicy
from ragscout.providers.openai_compatible import OpenAIClient
from ragscout.providers.reply import MOST_TOKENS, sound
from ragscout.providers.streaming import collected, lines
from ragscout.testing.fake_server import FakeServer

MESSAGE = {"role": "assistant", "content": "15일"}
PROMPT = "word " * 10


def choice(message: Any = MESSAGE, finish: Any = "stop", **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "finish_reason": finish, "message": message}], **more}


def replied(data: Any, status: int = 200, raw: bytes | None = None, kind: str = "application/json") -> Any:
    """What the client makes of one body."""
    sent = json.dumps(data).encode() if raw is None else raw
    with FakeServer() as server:
        server.instead = lambda *_: (status, {"Content-Type": kind}, sent, False)
        return ask(Connection(base_url=server.base_url), lambda client: client.complete(request(PROMPT)))


@pytest.mark.parametrize(
    "usage",
    [
        None,
        "many",
        ["prompt_tokens", 3],
        {"prompt_tokens": -5, "completion_tokens": -1},
        {"prompt_tokens": 10**30, "completion_tokens": 2**63 - 1},
        {"prompt_tokens": True, "completion_tokens": False},
        {"prompt_tokens": 1.5, "completion_tokens": "2"},
        {"prompt_tokens": float("inf"), "completion_tokens": float("nan"), "total_tokens": 10**400},
        {"prompt_tokens": {}, "completion_tokens": [], "completion_tokens_details": 3},
    ],
    ids=str,
)
def test_a_count_that_is_none_is_estimated(usage: Any) -> None:
    reply = replied(choice(usage=usage))
    assert isinstance(reply, ChatReply) and reply.text == "15일"
    tokens = (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.money)
    assert tokens == (26, 3, None), "50 and 5 bytes"


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        ({"prompt_tokens": 12.0, "completion_tokens": 3}, (12, 3)),
        ({"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 400}, (12, 388)),
        (
            {"prompt_tokens": 12, "completion_tokens": 3, "completion_tokens_details": {"reasoning_tokens": 90}},
            (12, 93),
        ),
        (
            {"prompt_tokens": 12, "completion_tokens": 93, "completion_tokens_details": {"reasoning_tokens": 90}},
            (12, 93),
        ),
    ],
)
def test_what_a_model_thought_is_counted_with_its_reply(usage: Any, counted: tuple[int, int]) -> None:
    reply = replied(choice(usage=usage))
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == counted


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, ""),
        (7, ""),
        ([{"type": "text", "text": "15"}, {"type": "text", "text": "일"}], "15일"),
        (
            [{"type": "thinking", "text": "hm"}, {"type": ["x"], "text": "y"}, "z", {"text": "15일"}, {"text": None}],
            "15일",
        ),
        ("15\ud800일\0", "15\ufffd일\ufffd"),
        ("\ud83d\ude00", "\U0001f600"),
    ],
)
def test_the_text_of_a_reply_is_text(content: Any, text: str) -> None:
    reply = replied(choice({"role": "assistant", "content": content}))
    assert isinstance(reply, ChatReply) and reply.text == text
    reply.text.encode()


def test_names_of_models_are_short_texts() -> None:
    reply = replied(choice(model="m\ud800" * 500, system_fingerprint={"deep": [1]}))
    assert len(reply.fingerprint) == 100 and reply.fingerprint.startswith("m\ufffd")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b'"text"',
        b"[]",
        b"<html>down</html>",
        b'{"choices": ' + b"[" * 200_000,
        b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
        b"9" * 10_000,
        b'{"choices": null}',
        b'{"choices": []}',
        b'{"choices": {"0": 1}}',
        b'{"choices": ["text"]}',
        b'{"choices": [{"message": "text"}]}',
        b'{"choices": [{"finish_reason": "stop"}]}',
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_a_body_that_is_no_reply_may_pass_and_was_paid(raw: bytes) -> None:
    with pytest.raises(TransientError, match=r"^models\.gpt: the reply ") as error:
        replied(None, raw=raw)
    assert error.value.status == 200


def test_a_paid_body_without_a_reply_says_what_it_took() -> None:
    with pytest.raises(TransientError) as error:
        replied({"choices": [], "usage": {"prompt_tokens": 40, "completion_tokens": 2}})
    assert error.value.usage is not None and error.value.usage.input_tokens == 40


def test_bytes_that_are_no_text_take_nothing_else_away() -> None:
    raw = json.dumps(choice(), ensure_ascii=False).encode().replace("일".encode(), b"\xec\x9d")
    assert replied(None, raw=b"\xef\xbb\xbf" + raw).text == "15\ufffd"


def test_a_body_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * (1 << 20)

    async def read() -> int:
        return len([piece async for piece in body.bounded(endless(), "models.m", 3 << 20)])

    with pytest.raises(TransientError, match=r"^models\.m: the reply is larger than 3 MB"):
        asyncio.run(read())
    monkeypatch.setattr(body.bounded, "__defaults__", (1000,))
    with pytest.raises(TransientError, match="larger than"):
        replied(choice({"content": "x" * 5000}))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            {"error": {"message": "Rate limit exceeded", "code": 429, "metadata": {"provider_name": "Nimbus"}}},
            "429.*Nimbus",
        ),
        ({"error": "overloaded"}, "overloaded"),
        ([{"error": {"message": "The model is busy", "status": 503}}], "503.*The model is busy"),
        (choice({"content": "half an ans"}, "error"), "broke its reply off"),
        (
            {"choices": [{"finish_reason": "error", "message": {"content": ""}, "error": {"message": "upstream"}}]},
            "upstream",
        ),
        ({"error": {"message": [{"msg": "first"}, "second"]}}, "first second"),
        ({"error": {"code": 10**30, "message": {"a": 1}, "type": "odd_error"}}, "odd_error"),
        ({"object": "error", "message": "CUDA\x1b[31m out\nof memory"}, r"CUDA \[31m out of memory"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_error_in_a_body_of_status_200_may_pass(data: Any, words: str) -> None:
    with pytest.raises(TransientError, match=words):
        replied(data)


def test_an_error_in_a_body_that_waiting_does_not_mend() -> None:
    with pytest.raises(ModelCallError, match="no such model"):
        replied({"error": {"code": 404, "message": "no such model"}})
    overflow = {"error": {"code": "context_length_exceeded", "message": "too long"}}
    assert replied(overflow).kind == "context_overflow"


@pytest.mark.parametrize(
    ("data", "raw", "words"),
    [
        ({"detail": [{"loc": ["body", "top_p"], "msg": "unexpected value"}]}, None, "body.top_p: unexpected value"),
        ({"error": ["one", "two"]}, None, "one two"),
        ({"message": "wrong parameter"}, None, "wrong parameter"),
        (None, b"<html><title>x</title><h1>Bad</h1> gateway</html>", "Bad gateway"),
        (None, b"[" * 100_000, r"\[\["),
    ],
)
@pytest.mark.parametrize("status", [400, 503])
def test_a_refusal_is_said_in_the_endpoint_s_words(data: Any, raw: bytes | None, words: str, status: int) -> None:
    with pytest.raises((TransientError, ModelCallError), match=words) as error:
        replied(data, status, raw)
    assert isinstance(error.value, TransientError) == (status == 503)
    assert len(str(error.value)) < 500


def test_a_server_that_is_down_for_this_prompt_alone_is_the_candidate_s_failure() -> None:
    said = {"error": {"code": 500, "message": "Input is too large to process. Increase the context length."}}
    assert isinstance(reply := replied(said, 500), Failure) and reply.kind == "context_overflow"


def test_a_key_that_an_endpoint_quotes_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_KEY", "hush-4711")
    with FakeServer() as server:
        server.instead = lambda *_: (400, {}, b'{"error": "you sent (hush-4711)"}', False)
        connection = Connection(base_url=server.base_url, key_env="TEST_KEY")
        with pytest.raises(ModelCallError, match=r"you sent \(\(key\)\)"):
            ask(connection, lambda client: client.complete(request()))


def test_a_reply_that_cannot_be_unpacked_may_pass() -> None:
    with FakeServer() as server:
        server.instead = lambda *_: (200, {"Content-Encoding": "gzip"}, b"no gzip", False)
        with pytest.raises(TransientError, match="cannot be unpacked"):
            ask(Connection(base_url=server.base_url), lambda client: client.complete(request()))


# -- streams -----------------------------------------------------------------------------------------------------------


async def given(*chunks: Any) -> AsyncIterator[str]:
    for chunk in chunks:
        yield chunk if isinstance(chunk, str) else f"data: {json.dumps(chunk)}"


def joined(*chunks: Any) -> Mapping[str, Any] | None:
    return asyncio.run(collected(given(*chunks), time.perf_counter()))[0]


def delta(content: Any, finish: Any = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish}]}


def test_odd_chunks_are_passed_over() -> None:
    odd = [
        {"choices": None, "prompt_filter_results": []},
        {"choices": []},
        {"choices": [{"index": 0, "delta": None}]},
        {"choices": ["x"]},
        "data: null",
        "data: 7",
        "event: ping",
        ": keep-alive",
        delta(None),
        delta(7),
        delta([{"type": "text", "text": "15"}]),
    ]
    found = joined(*odd, delta("일"), delta("", "length"))
    assert found is not None
    assert found["choices"][0]["message"]["content"] == "15일" and found["choices"][0]["finish_reason"] == "length"


def test_halves_of_a_character_in_two_chunks_are_one() -> None:
    found = joined(delta("\ud83d"), delta("\ude00", "stop"))
    reply = replied(found)
    assert reply.text == "\U0001f600"


@pytest.mark.parametrize(
    "error", [{"error": {"message": "overloaded"}}, {"choices": [{"error": {"message": "overloaded"}}]}]
)
def test_an_error_chunk_is_no_answer(error: Any) -> None:
    with FakeServer() as server:
        events = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in (delta("Fif"), error)) + "data: [DONE]\n\n"
        server.instead = lambda *_: (200, {"Content-Type": "text/event-stream"}, events.encode(), False)

        async def stream(client: Any) -> Any:
            assert isinstance(client, OpenAIClient)
            return await client.stream(request())

        with pytest.raises(TransientError, match="overloaded"):
            ask(Connection(base_url=server.base_url), stream)


def test_a_streamed_refusal_is_a_refusal() -> None:
    failure = replied(
        joined(
            {"choices": [{"delta": {"refusal": "I will "}}]},
            {"choices": [{"delta": {"refusal": "not."}, "finish_reason": "stop"}]},
        )
    )
    assert failure.kind == "refused"


def test_lines_of_a_stream_end_with_a_line_feed_alone() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in ("a\u2028b\r", "\nc", "\x0bd\n", "\x85e"):
            yield piece.encode()

    async def read() -> list[str]:
        return [line async for line in lines(pieces())]

    assert asyncio.run(read()) == ["a\u2028b", "c\x0bd", "\x85e"]


# -- vectors and scores ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        {"error": {"message": "busy"}},
        {"data": "x"},
        {"data": [{"index": 0, "embedding": [10**400]}]},
        {"data": [{"index": 0, "embedding": [1e38] * 64}]},
        {"data": [{"index": 3, "embedding": [1.0]}]},
        {"data": [{"index": 0, "embedding": ["x"]}]},
        {"data": [{"index": 0, "embedding": [float("nan")]}]},
        {"data": [{"index": 0, "embedding": [0.0]}]},
        {"data": [{"index": 0, "embedding": [1.0]}, {"index": "1", "embedding": [1.0]}]},
    ],
    ids=lambda data: str(data)[:50],
)
def test_vectors_that_are_none_may_pass(data: Any) -> None:
    with FakeServer() as server:
        server.instead = lambda *_: (200, {}, json.dumps(data).encode(), False)
        with pytest.raises(TransientError, match=r"^models\.gpt: "):
            ask(Connection(base_url=server.base_url), lambda client: client.embed(ChatModel("openai", "e"), ["a"]))


@pytest.mark.parametrize("index", [float("inf"), float("nan"), {}, None, 10**400])
def test_scores_that_are_none_may_pass(index: Any) -> None:
    with FakeServer() as server:
        results = {"results": [{"index": index, "relevance_score": 10**400}]}
        server.instead = lambda *_: (200, {}, json.dumps(results).encode(), False)
        with pytest.raises(TransientError, match="relevance scores"):
            ask(
                Connection(base_url=server.base_url), lambda client: client.rerank(ChatModel("openai", "r"), "q", ["a"])
            )


def test_a_client_of_any_kind_gives_texts_and_counts_that_stores_take() -> None:
    made = sound(ChatReply("a\ud800", usage=Usage(10**30, -4), fingerprint="\0"))
    assert made == ChatReply("a\ufffd", usage=Usage(MOST_TOKENS, 0), fingerprint="\ufffd")
    assert sound(Failure("candidate", "refused", "\udfff")) == Failure("candidate", "refused", "\ufffd")


def test_a_reply_that_drips_is_given_up_when_its_time_is_over() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
        try:
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            writer.close()

    async def main() -> None:
        async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
            client = OpenAIClient(Connection(base_url=url), NetworkPolicy.offline(), longest=0.3)
            for asked in (client.complete, client.stream):
                with pytest.raises(TransientError, match=r"no whole reply in 0.3 s from 127\.0\.0\.1") as error:
                    await asked(request(PROMPT))
                assert error.value.silent
            await client.close()

    asyncio.run(main())
