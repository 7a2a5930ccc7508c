"""The protocol of a model client, its errors, and what it needs to know of a connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from ragscout.model.outcome import Failure, Usage
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest
from ragscout.secret import redact

if TYPE_CHECKING:
    import numpy as np

DEFAULT_BASE_URL = {"openai": "https://api.openai.com/v1"}


class TransientError(Exception):
    """A request failed in a way that may pass: 429, 5xx, a time-out, a dropped connection, a damaged body.

    ``retry_after``: seconds the endpoint asked to wait, ``None`` when it said nothing. ``status``: the HTTP status, 0
    when there was none; with 200 the endpoint did the work, and what came cannot be used. ``usage``: what it says that
    this took, ``None`` when it says nothing. ``silent``: the time was over before a whole reply was there.
    """

    def __init__(
        self,
        detail: str,
        retry_after: float | None = None,
        status: int = 0,
        usage: Usage | None = None,
        *,
        silent: bool = False,
    ) -> None:
        """Args: detail = one sentence for people, free of secrets."""
        self.detail = redact(detail)
        super().__init__(self.detail)
        self.retry_after = retry_after
        self.status = status
        self.usage = usage
        self.silent = silent


class ChatClient(Protocol):
    """One connection's client. It sends each request once: retries, memo, budget and rates are the engine's."""

    concurrency: int
    """Requests that may be in flight at once."""

    async def complete(self, request: ChatRequest) -> ChatReply | Failure:
        """Return the reply, or the candidate's ``filtered``, ``refused`` or ``context_overflow``.

        Raises:
            TransientError: asked again later, the same request may succeed.
            ModelCallError: it will not (key, rights, unknown model, wrong parameter).
        """
        ...

    async def embed(self, model: ChatModel, texts: Sequence[str]) -> np.ndarray:
        """float32 of shape (len(texts), dim), L2 norm 1.

        Raises:
            TransientError: asked again later, the same request may succeed.
            ModelCallError: it will not.
        """
        ...

    async def rerank(self, model: ChatModel, query: str, texts: Sequence[str]) -> tuple[float, ...]:
        """Return the relevance of each text to the query, in the order of the texts; higher is better.

        Raises:
            TransientError: asked again later, the same request may succeed.
            ModelCallError: it will not, or this client has no rerankers.
        """
        ...

    async def close(self) -> None:
        """Give connections and memory back. The client cannot be used afterwards."""
        ...


class ConnectionLike(Protocol):
    """What a client needs to know of a connection of the sweep file (``models:``)."""

    @property
    def name(self) -> str:
        """Name the steps refer to."""

    @property
    def provider(self) -> str:
        """One of ``providers()``."""

    @property
    def base_url(self) -> str:
        """Root of the endpoint, without ``/chat/completions``; empty for the provider's own."""

    @property
    def api_version(self) -> str:
        """Azure's ``api-version``; empty elsewhere."""

    @property
    def model(self) -> str:
        """Model (or Azure deployment) as the endpoint calls it."""

    @property
    def alias(self) -> str:
        """Local models: alias of the catalogue, or path of a GGUF file or of its folder."""

    @property
    def key_env(self) -> str:
        """Environment variable that holds the key; empty when the endpoint wants none."""

    @property
    def context(self) -> int | None:
        """Context window in tokens, ``None`` or 0 when unknown."""

    @property
    def limits(self) -> Mapping[str, float] | None:
        """``rpm``, ``tpm`` and ``concurrency``; what is absent is not limited."""

    @property
    def threads(self) -> int | None:
        """Local models: threads, ``None`` or 0 for the default."""
