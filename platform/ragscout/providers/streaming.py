"""A streamed chat reply (server-sent events) as the body that the endpoint would have sent in one piece."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any


async def collected(lines: AsyncIterator[str], started: float) -> tuple[dict[str, Any] | None, float | None]:
    """Return the joined body, ``None`` when it is damaged or cut, and the seconds from ``started`` to the first text.

    Args:
        lines: of the response; those that start with ``data:`` hold a chunk each, ``[DONE]`` is the last.
        started: on ``time.perf_counter``.
    """
    text, finish, first, done = "", None, None, False
    body: dict[str, Any] = {}
    async for line in lines:
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or not data:
            continue
        if data == "[DONE]":
            done = True
            break
        try:
            chunk = json.loads(data)
            choice = (chunk.get("choices") or [{}])[0]
            piece = (choice.get("delta") or {}).get("content") or ""
        except (ValueError, AttributeError, IndexError, TypeError):
            return None, first
        if piece and first is None:
            first = time.perf_counter() - started
        text += piece
        finish = choice.get("finish_reason") or finish
        body |= {name: chunk[name] for name in ("model", "system_fingerprint", "usage", "error") if chunk.get(name)}
    if not done:
        return None, first
    message = {"role": "assistant", "content": text}
    return {**body, "choices": [{"index": 0, "finish_reason": finish or "stop", "message": message}]}, first
