"""Chat clients: the protocol the engine calls, its errors, and which client serves which connection."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from ragscout.model.errors import SpecError, UnknownNameError
from ragscout.model.outcome import Failure
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest, Models
from ragscout.providers.network import NetworkPolicy

if TYPE_CHECKING:
    import numpy as np

CONCURRENCY = 8  # requests in flight to an endpoint whose connection names no other number
DEFAULT_BASE_URL = {"openai": "https://api.openai.com/v1"}


class TransientError(Exception):
    """A request failed in a way that may pass: 429, 5xx, a time-out, a dropped connection, a damaged body.

    ``retry_after``: seconds the endpoint asked to wait, ``None`` when it said nothing. ``status``: the HTTP status, 0
    when there was none.
    """

    def __init__(self, detail: str, retry_after: float | None = None, status: int = 0) -> None:
        """Args: detail = one sentence for people, free of secrets."""
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after
        self.status = status


class ChatClient(Protocol):
    """One connection's client. It sends each request once: retries, memo, budget and rates are the engine's."""

    concurrency: int
    """Requests that may be in flight at once."""

    async def complete(self, request: ChatRequest) -> ChatReply | Failure:
        """The reply, or the candidate's ``filtered``, ``refused`` or ``context_overflow``.

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


Maker = Callable[[ConnectionLike, NetworkPolicy, Models | None], ChatClient]


def _openai(connection: ConnectionLike, policy: NetworkPolicy, models: Models | None) -> ChatClient:
    from ragscout.providers.openai_compatible import OpenAIClient

    concurrency = int((connection.limits or {}).get("concurrency") or CONCURRENCY)
    return OpenAIClient(connection, policy, concurrency=concurrency)


def _local(connection: ConnectionLike, policy: NetworkPolicy, models: Models | None) -> ChatClient:
    from ragscout.providers.assets import Resolver
    from ragscout.providers.local import LocalClient

    return LocalClient(connection, models or Resolver(policy=policy))


def _system(connection: ConnectionLike, policy: NetworkPolicy, models: Models | None) -> ChatClient:
    from ragscout.providers.system_http import SystemClient

    concurrency = int((connection.limits or {}).get("concurrency") or CONCURRENCY)
    return SystemClient(connection, policy, concurrency=concurrency)


_MAKERS: dict[str, Maker] = {"azure": _openai, "http": _system, "local": _local, "openai": _openai}


def providers() -> tuple[str, ...]:
    """Names a connection's ``provider`` may have: ``openai`` stands for every OpenAI-compatible endpoint, ``http`` for
    a whole system that is asked with a question."""
    return tuple(sorted(_MAKERS))


def check(connection: ConnectionLike) -> None:
    """What can be said about a connection before anything is sent.

    Raises:
        UnknownNameError: no such provider.
        SpecError: a field the provider needs is absent.
    """
    where = f"models.{connection.name}"
    if connection.provider not in _MAKERS:
        raise UnknownNameError(f"{where}.provider", "provider", connection.provider, _MAKERS)
    if connection.provider == "local":
        if not (connection.alias or connection.model):
            raise SpecError(f"{where}: a local model needs an alias; got none. Add for example alias: smollm2-135m.")
        return
    if not connection.model:
        raise SpecError(f"{where}: the model's name is missing; got none. Add model: with the endpoint's name for it.")
    if not (connection.base_url or connection.provider in DEFAULT_BASE_URL):
        raise SpecError(f"{where}: the address is missing; got none. Add base_url: https://... of the endpoint.")


def make_client(connection: ConnectionLike, policy: NetworkPolicy, models: Models | None = None) -> ChatClient:
    """The client of a connection.

    Args:
        connection: a named connection of the sweep file.
        policy: which hosts may be reached.
        models: where local models lie; the default resolver when absent.

    Raises:
        SpecError: the connection is incomplete, its host is not allowed, or the variable with its key is not set.
        StepError: the local model is absent.
    """
    check(connection)
    return _MAKERS[connection.provider](connection, policy, models)


def cores_of(connection: ConnectionLike) -> int:
    """Cores of this machine that one request of the connection keeps busy; 0 for a remote endpoint."""
    if connection.provider != "local":
        return 0
    from ragscout.providers.local import lanes

    return lanes(connection)[1]
