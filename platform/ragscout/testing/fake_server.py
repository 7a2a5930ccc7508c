"""A small OpenAI-compatible server on loopback for tests: deterministic replies, counters, faults by seed."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from ragscout.model.outcome import Message
from ragscout.testing.chat import relevance, reply_text, uniform_bits, vectors


@dataclass
class Faults:
    """Shares (0..1) of requests that go wrong, drawn from (seed, request, how often it was seen): a repeated request
    draws anew, and a whole run repeats itself. ``first_n``: only the first n times a request is seen; 0 = always."""

    error_500: float = 0.0
    limit_429: float = 0.0
    retry_after: float | str = 0.05
    """Seconds, or the text of the header."""
    hang: float = 0.0
    malformed: float = 0.0
    truncated: float = 0.0
    bad_judge: float = 0.0
    first_n: int = 0
    seed: int = 0


@dataclass
class Stats:
    """Counters since the start. ``answered``: distinct requests that got a good reply."""

    calls: Counter[str] = field(default_factory=Counter)
    status: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    answered: set[str] = field(default_factory=set)
    in_flight: int = 0
    largest: int = 0
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Requests of every kind."""
        return sum(self.calls.values())

    @property
    def distinct(self) -> int:
        """Distinct requests."""
        return len(self.seen)


Reply = tuple[int, dict[str, str], bytes, bool]
"""Status, extra headers, body, and whether the connection is cut in the middle of the body."""


class FakeServer:
    """``with FakeServer() as server: ...`` serves ``server.base_url`` from a thread of its own.

    Set ``faults``, ``latency`` (seconds), ``context`` (words a prompt may have), ``key`` (refuses others) or ``script``
    (the reply to a chat request's body, ``None`` for the usual one) or ``streams`` at any time; ``instead`` makes the
    whole reply to a kind of request and its body, ``None`` for the usual one; ``system`` is what a whole system at
    ``server.system_url`` replies to a question. A prompt that contains ``[filtered]`` is refused by the
    content filter.
    """

    def __init__(
        self, faults: Faults | None = None, latency: float = 0.0, context: int = 0, key: str = "", demand: str = ""
    ) -> None:
        """Args: context = words a prompt may have, 0 for any; key = the only key accepted; demand = name of the token
        limit that the endpoint insists on, as newer models do with ``max_completion_tokens``."""
        self.faults = faults or Faults()
        self.latency, self.context, self.key, self.demand = latency, context, key, demand
        self.streams = True
        self.script: Callable[[Mapping[str, Any]], str | None] = lambda _: None
        self.instead: Callable[[str, Mapping[str, Any]], Reply | None] = lambda kind, body: None
        self.system: Callable[[str], Mapping[str, Any]] = lambda question: {"answer": f"답: {question}"}
        self.stats = Stats()
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True, name="fake-server")

    @property
    def base_url(self) -> str:
        """Address for a connection's ``base_url``."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def system_url(self) -> str:
        """Address of a whole system that takes ``{"question": ...}``."""
        return f"http://127.0.0.1:{self.port}/answer"

    def __enter__(self) -> FakeServer:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the fake server did not start within 10 seconds")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._main())
        self._loop.close()

    async def _main(self) -> None:
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, or the server is being closed
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; whether the connection stays open."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        path = head[0].split(" ")[1].split("?")[0]
        status, extra, body, cut = await self._handle(path, headers, raw)
        self.stats.status[status] += 1
        sent = {"Content-Type": "application/json", "Content-Length": str(len(body)), **extra}
        lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in sent.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode() + (body[: len(body) // 2] if cut else body))
        await writer.drain()
        return not cut

    async def _handle(self, path: str, headers: Mapping[str, str], raw: bytes) -> Reply:
        kind = "unknown"
        if path in ("/v1/chat/completions", "/v1/embeddings") or "/openai/deployments/" in path:
            kind = "embeddings" if path.endswith("/embeddings") else "chat"
        elif path == "/answer":
            kind = "system"
        elif path == "/v1/rerank":
            kind = "rerank"
        stats = self.stats
        stats.calls[kind] += 1
        stats.headers.append(dict(headers))
        given = headers.get("api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        if self.key and given != self.key:
            return _refused(401, f"Incorrect API key provided: {given}", "invalid_api_key")
        if kind == "unknown":
            return _refused(404, f"no such route: {path}", "not_found")
        try:
            body = json.loads(raw)
        except ValueError:
            return _refused(400, "the body is not JSON", "invalid_json")
        stats.bodies.append(body)
        stats.in_flight += 1
        stats.largest = max(stats.largest, stats.in_flight)
        try:
            return await self._model(kind, body)
        finally:
            stats.in_flight -= 1

    async def _model(self, kind: str, body: dict[str, Any]) -> Reply:
        key = f"{kind} {json.dumps(body, sort_keys=True, ensure_ascii=False)}"
        nth = self.stats.seen[key]
        self.stats.seen[key] += 1
        fault = self._fault(key, nth)
        if fault:
            self.stats.faults[fault] += 1
        await asyncio.sleep(3600 if fault == "hang" else self.latency)
        if fault == "error_500":
            return _refused(500, "injected failure", "server_error")
        if fault == "limit_429":
            status, _, said, cut = _refused(429, "rate limit reached", "rate_limit_exceeded")
            return status, {"Retry-After": str(self.faults.retry_after)}, said, cut
        instead = self.instead(kind, body)
        if instead is not None:
            made = instead
        elif kind == "system":
            made = _ok(dict(self.system(body["question"])))
        elif kind == "rerank":
            made = _reranked(body)
        else:
            made = self._embeddings(body) if kind == "embeddings" else self._chat(body, fault == "bad_judge")
        if made[0] != 200:
            return made
        payload = made[2][: len(made[2]) // 2] + b'"<<' if fault == "malformed" else made[2]
        if fault not in ("malformed", "truncated"):
            self.stats.answered.add(key)
        return 200, made[1], payload, fault == "truncated"

    def _fault(self, key: str, nth: int) -> str:
        faults = self.faults
        if faults.first_n and nth >= faults.first_n:
            return ""
        draw = uniform_bits("fault", str(faults.seed), key, str(nth)) / 2**64
        for name in ("error_500", "limit_429", "hang", "malformed", "truncated", "bad_judge"):
            draw -= getattr(faults, name)
            if draw < 0:
                return name
        return ""

    def _chat(self, body: dict[str, Any], bad: bool) -> Reply:
        if self.demand and self.demand not in body:
            return _refused(
                400,
                f"Unsupported parameter: 'max_tokens' is not supported with this model. Use '{self.demand}' instead.",
                "unsupported_parameter",
            )
        messages = [Message(item["role"], item["content"]) for item in body["messages"]]
        asked = sum(len(message.content.split()) for message in messages)
        if self.context and asked > self.context:
            return _refused(400, "This model's maximum context length is smaller.", "context_length_exceeded")
        if any("[filtered]" in message.content for message in messages):
            return _refused(400, "The prompt was filtered.", "content_filter")
        form = body.get("response_format") or {}
        schema = json.dumps(form["json_schema"]["schema"]) if form.get("type") == "json_schema" else ""
        scripted = self.script(body)
        made = reply_text(body["model"], messages, schema) if scripted is None else scripted
        text = "Sure! I would say {score: high" if bad and schema else made
        limit = body.get("max_tokens") or body.get("max_completion_tokens") or 10**6
        pieces = text.split(" ")
        choice = {
            "index": 0,
            "finish_reason": "length" if len(pieces) > limit else "stop",
            "message": {"role": "assistant", "content": " ".join(pieces[:limit])},
        }
        usage = {"prompt_tokens": asked, "completion_tokens": min(len(pieces), limit)}
        usage["total_tokens"] = usage["prompt_tokens"] + usage["completion_tokens"]
        if body.get("stream") and self.streams:
            return _streamed(body["model"], pieces[:limit], str(choice["finish_reason"]), usage)
        return _ok({"object": "chat.completion", "model": body["model"], "choices": [choice], "usage": usage})

    def _embeddings(self, body: dict[str, Any]) -> Reply:
        rows = vectors(body["input"], int(body.get("dimensions") or 64)).tolist()
        data = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(rows)]
        tokens = sum(len(text.split()) for text in body["input"])
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return _ok({"object": "list", "model": body["model"], "data": data, "usage": usage})


def _reranked(body: dict[str, Any]) -> Reply:
    """Texts with the share of the query's words that each holds, best first."""
    scores = relevance(body["query"], body["documents"])
    order = sorted(range(len(scores)), key=lambda row: (-scores[row], row))
    results = [{"index": row, "relevance_score": scores[row]} for row in order]
    return _ok({"model": body["model"], "results": results})


def _streamed(model: str, pieces: list[str], finish: str, usage: dict[str, int]) -> Reply:
    """Return a reply as server-sent events, one word each."""
    chunks: list[dict[str, Any]] = [
        {"model": model, "choices": [{"index": 0, "delta": {"content": piece if n == 0 else f" {piece}"}}]}
        for n, piece in enumerate(pieces)
    ]
    chunks.append({"model": model, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    chunks.append({"model": model, "choices": [], "usage": usage})
    lines = [f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n" for chunk in chunks]
    return 200, {"Content-Type": "text/event-stream"}, "".join([*lines, "data: [DONE]\n\n"]).encode(), False


def _ok(data: dict[str, Any]) -> Reply:
    return 200, {}, json.dumps(data, ensure_ascii=False).encode(), False


def _refused(status: int, message: str, code: str) -> Reply:
    return status, {}, json.dumps({"error": {"message": message, "type": "error", "code": code}}).encode(), False
