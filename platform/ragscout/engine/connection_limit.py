"""One connection to models as the calls use it: its client, its prices, and how fast and how often it may be asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ragscout.model.outcome import Usage
from ragscout.model.runtime import ChatModel, ChatRequest
from ragscout.providers.client import ChatClient
from ragscout.store.windows import RateNeed

WAIT = 300.0
"""Seconds that an endpoint may ask a request to wait where its connection does not say."""


@dataclass(frozen=True)
class ConnectionLimit:
    """One connection. ``price`` maps usage to money, ``None`` when unknown; ``most`` bounds the price of a request
    before it is sent."""

    client: ChatClient
    price: Callable[[Usage], float | None]
    most: Callable[[ChatRequest], float | None]
    requests_per_minute: float = 0.0
    tokens_per_minute: float = 0.0
    bucket: str = ""
    """Name of the endpoint's rate limits, shared by every process on the store; 0 a minute is no limit."""
    wait: float = WAIT
    """Longest pause in seconds that the endpoint may ask for; it may ask for no more in all of one request."""
    cores: int = 0
    """Cores of this machine that one request keeps busy (local models share them)."""

    def rates(self, tokens: int) -> tuple[RateNeed, ...]:
        """Return what a request of so many tokens takes of the endpoint's rate limits."""
        needs = (
            RateNeed(f"requests:{self.bucket}", self.requests_per_minute),
            RateNeed(f"tokens:{self.bucket}", self.tokens_per_minute, float(tokens)),
        )
        return tuple(need for need in needs if need.per_minute)


def estimated_tokens(request: ChatRequest) -> int:
    """Return the tokens that a request may take, for rate limits: a third of the prompt's bytes (English has about
    four bytes a token, Korean two), and the longest reply."""
    return sum(len(message.content.encode()) for message in request.messages) // 3 + request.max_tokens


def identity(model: ChatModel) -> str:
    """Return the key by which a request finds its connection: what identifies the model, not what it is called."""
    return "|".join((model.provider, model.model, model.revision, model.endpoint))
