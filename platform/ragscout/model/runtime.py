"""Protocols through which steps reach models and the memo. Nothing here touches the network or the disk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ragscout.model.key import digest, keyed
from ragscout.model.outcome import Failure, Message, Unfilled, Usage

if TYPE_CHECKING:
    import numpy as np

Purpose = Literal["answer", "judge", "query", "rerank", "context", "guard", "embed", "data", "probe"]


@keyed("ChatModel")
@dataclass(frozen=True)
class ChatModel:
    """Identity of a chat model: what can change its answers. The URL belongs to the connection, not here, unless the
    connection says ``identity: endpoint`` (then ``endpoint`` holds it). ``label`` is the connection's name."""

    provider: str
    model: str
    revision: str = ""
    endpoint: str = ""
    label: str = field(default="", metadata={"key": False}, compare=False)


@dataclass(frozen=True)
class ModelFiles:
    """Identity of a model whose files lie on this machine: an alias of the catalogue, a local path or a hub name, and
    its revision. ``field``: the parameter of the step that names it, empty where the step brings it along."""

    name: str
    revision: str = ""
    field: str = ""


@keyed("ChatRequest")
@dataclass(frozen=True)
class ChatRequest:
    """Everything that shapes a reply. ``schema`` is a JSON Schema as canonical JSON text; ``max_tokens`` bounds the
    reply; temperature above 0 needs an explicit ``replicate`` number from 1 on."""

    model: ChatModel
    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    schema: str = ""
    seed: int | None = None
    replicate: int = 0

    @cached_property
    def key(self) -> str:
        """Memo key."""
        return digest("chat", self)


@dataclass(frozen=True)
class ChatReply:
    """A reply. ``finish`` is ``stop`` or ``length``; ``fingerprint`` is what the endpoint says of the model it used."""

    text: str
    finish: str = "stop"
    usage: Usage = Usage()
    fingerprint: str = ""


@dataclass(frozen=True)
class VectorRef:
    """Row of a text's vector in a vector shard of the memo."""

    shard: str
    row: int


class Memo(Protocol):
    """Get-or-compute of pure item functions, keyed by exact content; single flight inside the process."""

    async def items(
        self, kind: str, keys: Sequence[str], compute: Callable[[Sequence[int]], Awaitable[Sequence[Any]]]
    ) -> list[Any]:
        """JSON-able values for ``keys``, in order. ``compute`` gets the positions that are missing (each distinct key
        once) and returns their values in that order."""
        ...

    async def vectors(
        self, encoder: str, texts: Sequence[str], compute: Callable[[Sequence[str]], Awaitable[np.ndarray]]
    ) -> list[VectorRef]:
        """Where the vectors of ``texts`` lie. Missing texts are computed in a fixed order and in fixed slices, so that
        an interrupted run gives the same bits; ``compute`` returns float32 of shape (len, dim), L2 norm 1."""
        ...

    def matrix(self, refs: Sequence[VectorRef]) -> np.ndarray:
        """Vectors of ``refs`` as float32 of shape (len(refs), dim)."""
        ...


class Models(Protocol):
    """Where the files of a named model lie."""

    def folder(self, model: str, revision: str = "") -> Path:
        """Local folder (or file) of a model: an alias of the catalogue, a local path, or a hub name.

        Raises:
            AbsentError: when it is absent and may not be fetched; the message holds the remedy.
        """
        ...


class Runtime(Protocol):
    """What a step may use beyond its inputs: none of it can change a result."""

    memo: Memo
    models: Models
    threads: int
    memory_limit: int
    """Bytes of vectors that may be held as one matrix."""

    async def chat(self, request: ChatRequest, purpose: Purpose) -> ChatReply | Failure | Unfilled:
        """Return the only door to chat models: memo, claims, budget, rate limit, retries and accounting happen here.

        Returns a ``Failure`` of the candidate for a content filter or an overflowing context, ``Unfilled`` when the
        endpoint or the budget stood in the way.
        """
        ...

    async def embed_remote(self, model: ChatModel, texts: Sequence[str], purpose: str) -> np.ndarray:
        """Vectors from an OpenAI-compatible endpoint, float32 of shape (len(texts), dim), L2 norm 1.

        Raises:
            ModelCallError: when the endpoint failed for good.
            BudgetExceeded: when the limits do not allow the request.
        """
        ...

    async def rerank(self, model: ChatModel, query: str, texts: Sequence[str]) -> tuple[float, ...] | Unfilled:
        """Relevance of each text to the query as an endpoint's reranker scores it, in the order of the texts; higher is
        better. Equal requests are sent once. ``Unfilled`` when the endpoint or the budget stood in the way."""
        ...

    def report(self, node: str, what: str, value: float) -> None:
        """Tell the engine a figure about a node worth showing (realised overlap, truncated share), 0..1 or a count."""
        ...
