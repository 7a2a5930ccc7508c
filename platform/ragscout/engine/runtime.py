"""The engine's ``Runtime``: the only door to models.

Memo, claims, budget, rate limit, retries and accounting of model requests happen here and nowhere else.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from pydantic import TypeAdapter

from ragscout.model.errors import BudgetExceeded, ModelCallError
from ragscout.model.key import digest
from ragscout.model.outcome import Failure, Unfilled, Usage
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest, Memo, Models, Purpose
from ragscout.providers.client import ChatClient, TransientError
from ragscout.providers.cores import Cores
from ragscout.store.leases import TIMER
from ragscout.store.ledger import SpendLimits
from ragscout.store.memo import StoreMemo
from ragscout.store.owners import new_owner
from ragscout.store.store import Store

if TYPE_CHECKING:
    import numpy as np

RETRIES = 5
log = logging.getLogger(__name__)
T = TypeVar("T")
_OUTCOME: TypeAdapter[ChatReply | Failure] = TypeAdapter(ChatReply | Failure)


@dataclass(frozen=True)
class Door:
    """One connection as the runtime uses it. ``price`` maps usage to money, ``None`` when unknown; ``most`` bounds
    the price of a request before it is sent."""

    client: ChatClient
    price: Callable[[Usage], float | None]
    most: Callable[[ChatRequest], float | None]
    requests_per_minute: float = 0.0
    tokens_per_minute: float = 0.0
    bucket: str = ""
    """Name of the endpoint's rate limits, shared by every process on the store; 0 a minute is no limit."""
    cores: int = 0
    """Cores of this machine that one request keeps busy (local models share them)."""


def estimated_tokens(request: ChatRequest) -> int:
    """Tokens a request may take, for rate limits: a third of the prompt's bytes (English has about four bytes a token,
    Korean two), and the longest reply."""
    return sum(len(message.content.encode()) for message in request.messages) // 3 + request.max_tokens


@dataclass
class Counters:
    """What this process did, for the progress display. Not part of any result."""

    calls: dict[str, int] = field(default_factory=dict)
    memo_hits: int = 0
    money: float = 0.0
    in_flight: int = 0
    retries: int = 0


class EngineRuntime:
    """``model.runtime.Runtime`` over a store. One event loop, one instance per process and sweep."""

    def __init__(
        self,
        store: Store,
        sweep: str,
        models: Models,
        doors: Mapping[str, Door],
        limits: SpendLimits,
        *,
        threads: int | None = None,
        memory_limit: int = 1 << 30,
        deadline: float | None = None,
    ) -> None:
        """Args: doors = identity key of a chat model (``identity``) to the connection that serves it; deadline = time
        on the monotonic clock after which nothing new is sent."""
        self.memo: Memo = StoreMemo(store)
        self.models = models
        self.threads = threads or max(1, os.cpu_count() or 1)
        self.memory_limit = memory_limit
        self.counters = Counters()
        self._store, self._sweep, self._doors, self._limits = store, sweep, doors, limits
        self._deadline = deadline
        self._owner = new_owner("chat")
        self._flights: dict[str, asyncio.Future[ChatReply | Failure | Unfilled]] = {}
        self._gates: dict[str, asyncio.Semaphore] = {}
        self._cores = Cores(os.cpu_count() or 1)
        self._down: set[str] = set()
        self._kept = False

    def allow(self, limits: SpendLimits, deadline: float | None) -> None:
        """From here on these limits hold: the last part of a sweep may use what the search had to leave."""
        self._limits, self._deadline = limits, deadline

    @property
    def owner(self) -> str:
        """Name under which this process holds claims."""
        return self._owner

    async def chat(self, request: ChatRequest, purpose: Purpose) -> ChatReply | Failure | Unfilled:
        """See ``model.runtime.Runtime.chat``."""
        known = self._flights.get(request.key)
        if known is not None:
            return await asyncio.shield(known)
        if not self._kept:
            TIMER.keep(self._store.ledger, self._owner)
            self._kept = True
        future: asyncio.Future[ChatReply | Failure | Unfilled] = asyncio.get_running_loop().create_future()
        self._flights[request.key] = future
        try:
            outcome = await self._remembered(request, purpose)
        except asyncio.CancelledError:
            future.set_result(Unfilled("cancelled"))
            raise
        finally:
            del self._flights[request.key]
        future.set_result(outcome)
        return outcome

    async def embed_remote(self, model: ChatModel, texts: Sequence[str], purpose: str) -> np.ndarray:
        """See ``model.runtime.Runtime.embed_remote``; the memo of vectors stands in front of this.

        Raises:
            BudgetExceeded: the limits do not allow the request.
            ModelCallError: the endpoint failed for good.
        """
        door, usage = self._door(model), self.embed_usage(model, texts)
        key = digest("embed", model, list(texts))
        if usage.money is None and self._limits.money is not None:
            raise BudgetExceeded(
                f"{model.label or model.model}: the price of its vectors is unknown, so budget.usd cannot be kept; got "
                "no price. Add price: {input: 0.02, output: 0, per: 1M} to the connection."
            )
        if not await self._set_aside(key, "embed", usage.money or 0.0):
            raise BudgetExceeded(
                f"{model.label or model.model}: the vectors of {len(texts)} texts could exceed the budget; got limits "
                "that are nearly used. Raise budget: or choose a packaged embedder."
            )

        async def send() -> np.ndarray:
            return await door.client.embed(model, texts)

        started = time.perf_counter()
        try:
            found = await self._retried(door, send, usage.input_tokens)
        except BaseException:
            self._store.ledger.cancel(self._sweep, key)
            raise
        usage = dataclasses.replace(usage, seconds=time.perf_counter() - started)
        self._store.ledger.settle(self._sweep, key, usage)
        self.counters.calls["embed"] = self.counters.calls.get("embed", 0) + 1
        self.counters.money += usage.money or 0.0
        return found

    def embed_usage(self, model: ChatModel, texts: Sequence[str]) -> Usage:
        """What vectors of texts take: endpoints do not all count, so every two bytes are taken for a token (more than
        there are, in English and Korean)."""
        tokens = sum(len(text.encode()) // 2 + 1 for text in texts)
        usage = Usage(input_tokens=tokens, calls=1)
        return dataclasses.replace(usage, money=self._door(model).price(usage))

    def report(self, node: str, what: str, value: float) -> None:
        """A figure outside any task has no node to belong to; ``Scoped`` keeps those of tasks."""
        log.debug("%s: %s = %s", node, what, value)

    async def close(self) -> None:
        """Let the leases go and close every client."""
        if self._kept:
            TIMER.let_go(self._store.ledger, self._owner)
            self._kept = False
        for door in self._doors.values():
            await door.client.close()

    async def _remembered(self, request: ChatRequest, purpose: Purpose) -> ChatReply | Failure | Unfilled:
        ledger, claim = self._store.ledger, f"chat:{request.key}"
        wait = 0.05
        while True:
            found = ledger.memo_get("chat", [request.key]).get(request.key)
            if found is not None:
                self.counters.memo_hits += 1
                return _OUTCOME.validate_json(found)
            if ledger.claim(claim, self._owner, TIMER.lease):
                break
            await asyncio.sleep(wait)
            wait = min(wait * 1.5, 1.0)
        try:
            # another process may have answered between the look and the claim
            found = ledger.memo_get("chat", [request.key]).get(request.key)
            if found is not None:
                self.counters.memo_hits += 1
                return _OUTCOME.validate_json(found)
            return await self._paid(request, purpose)
        finally:
            ledger.release(claim, self._owner)

    async def _paid(self, request: ChatRequest, purpose: Purpose) -> ChatReply | Failure | Unfilled:
        try:
            door = self._door(request.model)
        except ModelCallError as error:
            return Unfilled("endpoint", str(error))
        if self._deadline is not None and time.monotonic() > self._deadline:
            return Unfilled("budget", "the minutes of the budget are over")
        ledger = self._store.ledger
        most = door.most(request)
        if most is None and self._limits.money is not None:
            return Unfilled("budget", f"the price of {request.model.model!r} is unknown; add price: to its connection")
        if not await self._set_aside(request.key, purpose, most or 0.0):
            return Unfilled("budget", "the next request could exceed the budget")
        try:
            started = time.perf_counter()
            tokens = estimated_tokens(request)
            outcome = await self._retried(door, lambda: door.client.complete(request), tokens)
        except (TransientError, ModelCallError) as error:
            ledger.cancel(self._sweep, request.key)
            return Unfilled("endpoint", str(error))
        except asyncio.CancelledError:
            ledger.cancel(self._sweep, request.key)
            raise
        seconds = time.perf_counter() - started
        usage = Usage(seconds=seconds, calls=1)
        if isinstance(outcome, ChatReply):
            money = door.price(outcome.usage)
            usage = dataclasses.replace(outcome.usage, seconds=outcome.usage.seconds or seconds, money=money, calls=1)
            outcome = dataclasses.replace(outcome, usage=usage)
        ledger.memo_put("chat", {request.key: _OUTCOME.dump_json(outcome).decode()})
        ledger.settle(self._sweep, request.key, usage)
        self.counters.calls[purpose] = self.counters.calls.get(purpose, 0) + 1
        self.counters.money += usage.money or 0.0
        return outcome

    async def _set_aside(self, key: str, purpose: str, most: float) -> bool:
        """Reserve the largest possible price of a request; ``False`` when the limits do not allow it.

        A reply costs far less than the most it could: while requests in flight hold what is left, this waits until
        they are settled, so that a limit ends a sweep where it is used and not where it is set aside.
        """
        ledger, wait = self._store.ledger, 0.05
        while not ledger.reserve(self._sweep, key, purpose, most, self._limits, owner=self._owner):
            if not ledger.spent(self._sweep).leaves_room(purpose, most, self._limits):
                return False
            await asyncio.sleep(wait)
            wait = min(wait * 1.5, 1.0)
        return True

    async def _admitted(self, door: Door, tokens: int) -> None:
        """Wait for the endpoint's rate limits."""
        limits = (("requests", door.requests_per_minute, 1.0), ("tokens", door.tokens_per_minute, float(tokens)))
        for what, per_minute, amount in limits:
            while per_minute and (pause := self._store.ledger.take(f"{what}:{door.bucket}", per_minute, amount)):
                await asyncio.sleep(pause)

    async def _retried(self, door: Door, send: Callable[[], Awaitable[T]], tokens: int) -> T:
        name = str(id(door.client))
        gate = self._gates.setdefault(name, asyncio.Semaphore(max(1, door.client.concurrency)))
        for attempt in range(RETRIES + 1):
            await self._admitted(door, tokens)
            try:
                async with gate, self._cores.taken(door.cores):
                    self.counters.in_flight += 1
                    try:
                        reply = await send()
                    finally:
                        self.counters.in_flight -= 1
                    self._down.discard(name)
                    return reply
            except TransientError as error:
                # once one request has used up its retries the endpoint is down: the others try once, so that a dead
                # endpoint is said within seconds, and one answer makes it alive again
                if attempt == RETRIES or name in self._down:
                    self._down.add(name)
                    raise
                self.counters.retries += 1
                # the pause is jittered by a private generator: it must never touch a seeded one
                pause = error.retry_after or min(0.25 * 2**attempt, 20.0) * random.SystemRandom().uniform(0.75, 1.25)
                await asyncio.sleep(pause)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _door(self, model: ChatModel) -> Door:
        try:
            return self._doors[identity(model)]
        except KeyError:
            raise ModelCallError(
                f"models: no connection serves {model.provider}/{model.model}; got {sorted(self._doors)}. "
                "Name it under models: in the sweep file."
            ) from None


class Scoped:
    """A view of a runtime that keeps the account of one task (or of one question of it)."""

    def __init__(self, inner: EngineRuntime) -> None:
        """Args: inner = the process's runtime."""
        self._inner = inner
        self.memo, self.models = inner.memo, inner.models
        self.threads, self.memory_limit = inner.threads, inner.memory_limit
        self.usage = Usage()
        self.reports: dict[str, float] = {}

    async def chat(self, request: ChatRequest, purpose: Purpose) -> ChatReply | Failure | Unfilled:
        """Like the inner one; what the reply took is charged here, memo or not."""
        outcome = await self._inner.chat(request, purpose)
        if isinstance(outcome, ChatReply):
            self.usage += outcome.usage
        return outcome

    async def embed_remote(self, model: ChatModel, texts: Sequence[str], purpose: str) -> np.ndarray:
        """Like the inner one; what it took is charged here."""
        found = await self._inner.embed_remote(model, texts, purpose)
        self.usage += self._inner.embed_usage(model, texts)
        return found

    def report(self, node: str, what: str, value: float) -> None:
        """Keep a figure for the node of this task."""
        self.reports[what] = value


def identity(model: ChatModel) -> str:
    """Key by which a request finds its connection: what identifies the model, not what it is called."""
    return "|".join((model.provider, model.model, model.revision, model.endpoint))
