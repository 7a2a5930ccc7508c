"""How fast chat models work, for estimates before anything runs.

Packaged models: measured wall clock on two idle cores (AVX2), llama.cpp through xllamacpp 2026.10, 700-token prompts
with 64 tokens generated. Busy or slower cores take longer (the estimates' high end takes three times as long).
Endpoints: an assumption, said as one.
"""

from __future__ import annotations

from dataclasses import dataclass

from ragscout.spec import Connection


@dataclass(frozen=True)
class ChatRate:
    """Tokens per second: of the prompt, of the reply."""

    prompt: float
    reply: float
    source: str


MEASURED = "measured on two idle cores"
CHAT = {
    "smollm2-135m": ChatRate(274, 88, MEASURED),
    "qwen2.5-coder-0.5b": ChatRate(135, 22, MEASURED),
    "qwen2.5-coder-1.5b": ChatRate(65, 15, MEASURED),
}
UNKNOWN_LOCAL = ChatRate(65, 15, "assumed: as slow as the largest packaged model")
ENDPOINT_SECONDS, ENDPOINT_WIDTH = 2.0, 8
"""Assumed seconds per request to an endpoint, and requests in flight where the connection names no number."""


def chat_rate(connection: Connection) -> ChatRate | None:
    """Rate of a local model; ``None`` for endpoints."""
    if connection.provider != "local":
        return None
    return CHAT.get(connection.alias, UNKNOWN_LOCAL)
