"""A streamed chat reply (server-sent events) as the body that the endpoint would have sent in one piece."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

from ragscout.providers.reply import text_of
from ragscout.providers.said import error_of


async def lines(pieces: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Give the lines of a stream. They end with a line feed alone: a text may hold other separators of lines."""
    rest: list[bytes] = []
    async for piece in pieces:
        *whole, last = piece.split(b"\n")
        for part in whole:
            yield b"".join([*rest, part]).rstrip(b"\r").decode("utf-8", "replace")
            rest = []
        rest.append(last)
    yield b"".join(rest).rstrip(b"\r").decode("utf-8", "replace")


async def collected(given: AsyncIterator[str], started: float) -> tuple[dict[str, Any] | None, float | None]:
    """Return the joined body, ``None`` when it is damaged or cut, and the seconds from ``started`` to the first text.

    A stream is whole when it says ``[DONE]`` or why it ended. Chunks without a choice are passed over; one that tells
    of an error ends the stream, and the body holds that error.

    Args:
        given: lines of the response; those that start with ``data:`` hold a chunk each, ``[DONE]`` is the last.
        started: on ``time.perf_counter``.
    """
    texts: list[str] = []
    refusals: list[str] = []
    finish, first, done = "", None, False
    body: dict[str, Any] = {}
    async for line in given:
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or not data:
            continue
        if data == "[DONE]":
            done = True
            break
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError):
            return None, first
        if not isinstance(chunk, dict):
            continue
        body |= {name: chunk[name] for name in ("model", "system_fingerprint", "usage") if chunk.get(name)}
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
        error = error_of(chunk) or error_of(choice)
        if error:
            return {**body, "error": dict(error)}, first
        delta = choice.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        content = delta.get("content")
        refusals.append(text_of(delta.get("refusal")))
        piece = content if isinstance(content, str) else text_of(content)
        if piece and first is None:
            first = time.perf_counter() - started
        texts.append(piece)
        reason = choice.get("finish_reason")
        finish = reason if isinstance(reason, str) and reason else finish
    if not (done or finish):
        return None, first
    message = {"role": "assistant", "content": "".join(texts)}
    message["refusal"] = "".join(refusals)
    return {**body, "choices": [{"index": 0, "finish_reason": finish or "stop", "message": message}]}, first
