"""The runtime of a loaded pipeline: the same doors to models as a sweep's, without a store, a budget or claims."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import random
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, TypeVar

from ragscout.engine.runtime import Door, identity
from ragscout.model.errors import ModelCallError
from ragscout.model.outcome import Failure, Unfilled, Usage
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest, Memo, Models, Purpose
from ragscout.providers.client import TransientError
from ragscout.providers.cores import Cores

if TYPE_CHECKING:
    import numpy as np

RETRIES = 3
"""Fewer than in a sweep: somebody is waiting."""

T = TypeVar("T")


class Meter(Protocol):
    """Asks for every request whether it may be paid, and writes down what it took."""

    def reserve(self, request: ChatRequest, most: float | None) -> bool:
        """Whether the request, which costs at most so much (``None``: nobody knows), may be sent."""
        ...

    def settle(self, request: ChatRequest, usage: Usage | None) -> None:
        """What a request took; ``None`` when no answer came."""
        ...


class ServingRuntime:
    """``model.runtime.Runtime`` for one event loop. ``remember``: replies kept for equal requests; 0 sends each one."""

    def __init__(
        self,
        memo: Memo,
        models: Models,
        doors: Mapping[str, Door],
        *,
        remember: int,
        threads: int | None = None,
        memory_limit: int = 1 << 30,
    ) -> None:
        """Args: doors = identity of a chat model (``engine.runtime.identity``) to the connection that serves it."""
        self.memo, self.models = memo, models
        self.threads = threads or max(1, os.cpu_count() or 1)
        self.memory_limit = memory_limit
        self._doors, self._remember = doors, remember
        self._replies: OrderedDict[str, ChatReply | Failure] = OrderedDict()
        self._gates: dict[int, asyncio.Semaphore] = {}
        self._cores = Cores(os.cpu_count() or 1)
        self.meter: Meter | None = None
        self.streams = False
        """Whether replies are streamed where the endpoint can, for the sake of ``first_token``."""
        self.first_token: float | None = None
        """Seconds from the newest streamed request to its first text."""
        self._usage: ContextVar[list[Usage] | None] = ContextVar("usage", default=None)

    def account(self) -> list[Usage]:
        """Start an account in the current task: every reply from here on adds what it took to the list."""
        opened: list[Usage] = []
        self._usage.set(opened)
        return opened

    async def chat(self, request: ChatRequest, purpose: Purpose) -> ChatReply | Failure | Unfilled:
        """See ``model.runtime.Runtime.chat``. A remembered reply is charged again, as in a sweep."""
        outcome = self._replies.get(request.key) if self._remember else None
        if outcome is None:
            try:
                if self.meter is not None and not self.meter.reserve(request, self._door(request.model).most(request)):
                    return Unfilled("budget", "the next request could exceed the budget")
                outcome = await self._send(request)
            except (TransientError, ModelCallError) as error:
                return Unfilled("endpoint", str(error))
            finally:
                if self.meter is not None:
                    self.meter.settle(request, outcome.usage if isinstance(outcome, ChatReply) else None)
            if self._remember:
                self._replies[request.key] = outcome
                while len(self._replies) > self._remember:
                    self._replies.popitem(last=False)
        account = self._usage.get()
        if account is not None and isinstance(outcome, ChatReply):
            account.append(outcome.usage)
        return outcome

    async def embed_remote(self, model: ChatModel, texts: Sequence[str], purpose: str) -> np.ndarray:
        """See ``model.runtime.Runtime.embed_remote``."""
        door = self._door(model)

        async def send() -> np.ndarray:
            return await door.client.embed(model, texts)

        try:
            return await self._retried(door, send)
        except TransientError as error:
            raise ModelCallError(
                f"{model.label or model.model}: the embedding endpoint did not answer; got {error.detail}. "
                "Check the endpoint and ask again."
            ) from error

    def width(self, model: ChatModel) -> int:
        """Requests to a model that may be in flight at once.

        Raises:
            ModelCallError: no connection serves it.
        """
        return self._door(model).client.concurrency

    def report(self, node: str, what: str, value: float) -> None:
        """Figures about nodes belong to the sweep that measured them; a pipeline shows none."""

    async def close(self) -> None:
        """Close every client."""
        for door in self._doors.values():
            await door.client.close()

    async def _send(self, request: ChatRequest) -> ChatReply | Failure:
        door = self._door(request.model)
        started = time.perf_counter()
        stream = getattr(door.client, "stream", None) if self.streams else None
        if stream is None:
            outcome = await self._retried(door, lambda: door.client.complete(request))
        else:
            outcome, self.first_token = await self._retried(door, lambda: stream(request))
        if not isinstance(outcome, ChatReply):
            return outcome
        usage = dataclasses.replace(
            outcome.usage,
            seconds=outcome.usage.seconds or time.perf_counter() - started,
            money=door.price(outcome.usage),
            calls=1,
        )
        return dataclasses.replace(outcome, usage=usage)

    async def _retried(self, door: Door, send: Callable[[], Awaitable[T]]) -> T:
        gate = self._gates.setdefault(id(door.client), asyncio.Semaphore(max(1, door.client.concurrency)))
        for attempt in range(RETRIES + 1):
            try:
                async with gate, self._cores.taken(door.cores):
                    return await send()
            except TransientError as error:
                if attempt == RETRIES:
                    raise
                # jittered by a private generator: it must never touch a seeded one
                jitter = random.SystemRandom().uniform(0.75, 1.25)
                await asyncio.sleep(error.retry_after or min(0.25 * 2**attempt, 4.0) * jitter)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _door(self, model: ChatModel) -> Door:
        try:
            return self._doors[identity(model)]
        except KeyError:
            raise ModelCallError(
                f"models: no connection of the bundle serves {model.provider}/{model.model}; "
                f"got {sorted(self._doors)}. Export the bundle again."
            ) from None
