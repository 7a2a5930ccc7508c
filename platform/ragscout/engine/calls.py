"""The one way to ask models: memo, single flight, limits, retries, metering and streaming figures of every request.

The engine, a loaded pipeline and the tests' runtimes differ in what stands behind it (``engine.admission``) and in how
patient they are, and in nothing else.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import os
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from ragscout.engine.admission import Admission, Reply, Ticket
from ragscout.engine.connection_limit import ConnectionLimit, estimated_tokens, identity
from ragscout.engine.single_flight import SingleFlight
from ragscout.model.errors import BudgetExceeded, ModelCallError
from ragscout.model.key import digest
from ragscout.model.outcome import Unfilled, Usage
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest, Memo, Purpose
from ragscout.providers.client import ChatClient, TransientError
from ragscout.providers.cores import Cores
from ragscout.providers.reply import estimated_prompt, sound

if TYPE_CHECKING:
    import numpy as np

T = TypeVar("T")

_COME_BACK = (429, 503)
MOST_WAITS = 30
"""Pauses of one request that an endpoint may ask for before they count as failed tries."""
SILENT = 3
"""Failed tries that one counts for in which an endpoint said nothing until the time was over."""
SAID = 2.0
"""Seconds of a pause from which it is said."""


@dataclass(frozen=True)
class Patience:
    """How often a request is sent again after a passing error, and the longest pause before that in seconds."""

    retries: int = 5
    longest: float = 20.0


@dataclass
class Counters:
    """What this process did, for the progress display. Not part of any result."""

    calls: dict[str, int] = field(default_factory=dict)
    memo_hits: int = 0
    money: float = 0.0
    in_flight: int = 0
    retries: int = 0
    waits: Counter[str] = field(default_factory=Counter)
    """What requests wait for at the moment, with how many of them do."""
    changed: Callable[[], None] = lambda: None
    """Called when requests begin or end a pause of seconds."""

    def count(self, purpose: str, usage: Usage) -> None:
        """Count a request that was answered."""
        self.calls[purpose] = self.calls.get(purpose, 0) + 1
        self.money += usage.money or 0.0


@dataclass
class Lost:
    """What attempts took of which nothing could be used. ``each``: what one takes that the endpoint does not count;
    ``usage``: of all so far, ``None`` when nothing was paid."""

    each: Usage
    usage: Usage | None = None

    def add(self, error: TransientError, price: Callable[[Usage], float | None]) -> None:
        """Take an attempt that failed. It was paid when the endpoint did the work, or counts what it took."""
        taken = error.usage or (self.each if error.status == 200 else None)
        if taken is not None:
            taken = dataclasses.replace(taken, seconds=0.0, money=price(taken), calls=0)
            self.usage = taken if self.usage is None else self.usage + taken


class Calls:
    """Model requests of one event loop."""

    def __init__(
        self,
        connections: Mapping[str, ConnectionLimit],
        admission: Admission,
        patience: Patience,
        remedy: str,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Make the calls of one runtime.

        Args:
            connections: what serves a model, by its ``identity``.
            admission: what remembers replies and counts what they take.
            patience: with endpoints that are in trouble.
            remedy: what to do about a model that no connection serves, as a sentence.
            clock: seconds; what a request takes is measured with it.
        """
        self.counters = Counters()
        self.streams = False
        """Whether replies are streamed where the endpoint can, for the sake of ``first_token``."""
        self.first_token: float | None = None
        """Seconds from the newest streamed request to its first text."""
        self.admission = admission
        self._connections, self._patience, self._remedy, self._clock = connections, patience, remedy, clock
        self._flights: SingleFlight[Reply | Unfilled] = SingleFlight()
        self._gates: dict[int, asyncio.Semaphore] = {}
        self._cores = Cores(os.cpu_count() or 1)
        self._down: set[int] = set()

    async def chat(self, request: ChatRequest, purpose: Purpose) -> Reply | Unfilled:
        """See ``model.runtime.Runtime.chat``."""
        if not self.admission.remembers:
            return await self._asked(request, purpose)
        return await self._flights.once(request.key, lambda: self._asked(request, purpose))

    async def embed(self, model: ChatModel, texts: Sequence[str]) -> np.ndarray:
        """See ``model.runtime.Runtime.embed_remote``; a memo of vectors stands in front of this.

        Raises:
            BudgetExceeded: the limits do not allow the request.
            ModelCallError: the endpoint did not answer.
        """
        name = model.label or model.model
        try:
            vectors = await self._reading(model, texts, "embed", lambda client: client.embed(model, texts))
        except TransientError as error:
            raise ModelCallError(
                f"{name}: the embedding endpoint did not answer: {error.detail}. Check the endpoint and ask again."
            ) from error
        if isinstance(vectors, Unfilled):
            raise BudgetExceeded(
                f"{name}: the vectors of {len(texts)} texts were not asked for: {vectors.detail}. Raise budget: or "
                "choose a packaged embedder."
            )
        return vectors

    async def rerank(
        self, model: ChatModel, query: str, texts: Sequence[str], memo: Memo | None
    ) -> tuple[float, ...] | Unfilled:
        """See ``model.runtime.Runtime.rerank``.

        Args:
            model: the reranker.
            query: what the texts are held against.
            texts: what is scored.
            memo: keeps the scores, so that equal requests are one request; ``None`` sends each.
        """

        async def ask(_: Sequence[int] = ()) -> list[tuple[float, ...] | Unfilled]:
            try:
                return [
                    await self._reading(
                        model, [query, *texts], "rerank", lambda client: client.rerank(model, query, texts)
                    )
                ]
            except (TransientError, ModelCallError) as error:
                return [Unfilled("endpoint", str(error))]

        if memo is None:
            (scores,) = await ask()
        else:
            (scores,) = await memo.items("rerank", [digest("rerank", model, query, list(texts))], ask)
        return scores if isinstance(scores, Unfilled) else tuple(scores)

    async def _reading(
        self, model: ChatModel, texts: Sequence[str], purpose: Purpose, send: Callable[[ChatClient], Awaitable[T]]
    ) -> T | Unfilled:
        """Send a request that only reads texts, whose price is known before; ``Unfilled`` when the limits do not allow
        it."""
        connection, usage = self.connection(model), self.text_usage(model, texts)
        ticket = Ticket("", purpose, model.label or model.model, usage.money, connection.rates(usage.input_tokens))
        refused = await self.admission.enter(ticket)
        if isinstance(refused, Unfilled):
            return refused
        took: Usage | None = None
        lost, started = Lost(usage), self._clock()
        try:
            reply = await self._retried(connection, lambda: send(connection.client), ticket, lost)
            took = dataclasses.replace(usage, seconds=self._clock() - started)
        finally:
            self._left(ticket, took, lost)
        await self.admission.flush()
        return reply

    def text_usage(self, model: ChatModel, texts: Sequence[str]) -> Usage:
        """Return what reading texts takes: endpoints do not all count, so every two bytes are taken for a token (more
        than there are, in English and Korean)."""
        tokens = sum(len(text.encode()) // 2 + 1 for text in texts)
        usage = Usage(input_tokens=tokens, calls=1)
        return dataclasses.replace(usage, money=self.connection(model).price(usage))

    def connection(self, model: ChatModel) -> ConnectionLimit:
        """Return the connection that serves a model.

        Raises:
            ModelCallError: none does.
        """
        found = self._connections.get(identity(model))
        if found is None:
            raise ModelCallError(
                f"models: no connection serves {model.provider}/{model.model}; there are {sorted(self._connections)}. "
                f"{self._remedy}"
            )
        return found

    async def close(self) -> None:
        """Keep what came and close every client."""
        try:
            await self.admission.close()
        finally:
            for connection in self._connections.values():
                await connection.client.close()

    async def _asked(self, request: ChatRequest, purpose: Purpose) -> Reply | Unfilled:
        key = request.key if self.admission.remembers else ""
        try:
            connection = self.connection(request.model)
        except ModelCallError as error:
            # a reply that is remembered needs no connection
            unknown = await self.admission.enter(Ticket(key, purpose, request.model.model, unsendable=str(error)))
            return unknown or Unfilled("endpoint", str(error))
        rates = connection.rates(estimated_tokens(request))
        ticket = Ticket(key, purpose, request.model.model, connection.most(request), rates)
        known = await self.admission.enter(ticket)
        if known is not None:
            self.counters.memo_hits += not isinstance(known, Unfilled)
            return known
        reply: Reply | None = None
        usage: Usage | None = None
        lost = Lost(Usage(input_tokens=estimated_prompt(request)))
        try:
            reply, usage = await self._sent(connection, request, ticket, lost)
        except (TransientError, ModelCallError) as error:
            return Unfilled("endpoint", str(error))
        finally:
            self._left(ticket, usage, lost, reply)
        return reply

    def _left(self, ticket: Ticket, usage: Usage | None, lost: Lost, reply: Reply | None = None) -> None:
        """End a request: with what its reply took, ``None`` when there is none, and with what attempts before took."""
        if usage is not None:
            self.counters.count(ticket.purpose, usage)
        if lost.usage is not None:
            self.counters.money += lost.usage.money or 0.0
            usage = lost.usage if usage is None else lost.usage + usage
        self.admission.leave(ticket, reply, usage)

    async def _sent(
        self, connection: ConnectionLimit, request: ChatRequest, ticket: Ticket, lost: Lost
    ) -> tuple[Reply, Usage]:
        started = self._clock()
        stream = getattr(connection.client, "stream", None) if self.streams else None
        if stream is None:
            reply = await self._retried(connection, lambda: connection.client.complete(request), ticket, lost)
        else:
            reply, self.first_token = await self._retried(connection, lambda: stream(request), ticket, lost)
        reply, seconds = sound(reply), self._clock() - started
        if not isinstance(reply, ChatReply):
            return reply, Usage(seconds=seconds, calls=1)
        usage = dataclasses.replace(
            reply.usage, seconds=reply.usage.seconds or seconds, money=connection.price(reply.usage), calls=1
        )
        return dataclasses.replace(reply, usage=usage), usage

    async def _retried(
        self, connection: ConnectionLimit, send: Callable[[], Awaitable[T]], ticket: Ticket, lost: Lost
    ) -> T:
        name = id(connection.client)
        gate = self._gates.setdefault(name, asyncio.Semaphore(max(1, connection.client.concurrency)))
        tries, waits, waited = 0, 0, 0.0
        for attempt in itertools.count():
            await self.admission.pace(ticket)
            try:
                async with gate, self._cores.taken(connection.cores):
                    self.counters.in_flight += 1
                    try:
                        reply = await send()
                    finally:
                        self.counters.in_flight -= 1
                    self._down.discard(name)
                    return reply
            except TransientError as error:
                lost.add(error, connection.price)
                # an endpoint that says when to come back is alive: that is no failed try
                told = bool(error.retry_after) and error.status in _COME_BACK and waits < MOST_WAITS
                waits += told
                tries += 0 if told else SILENT if error.silent else 1
                # once one request has used up its retries the endpoint is down: the others try once, so that a dead
                # endpoint is said within seconds, and one answer makes it alive again
                if tries > self._patience.retries or (name in self._down and not told):
                    self._down.add(name)
                    raise
                self.counters.retries += 1
                # the pause is jittered by a private generator: it must never touch a seeded one
                jitter = random.SystemRandom().uniform(0.75, 1.25)
                pause = min(0.25 * 2 ** min(attempt, 16), self._patience.longest) * jitter
                if error.retry_after:
                    pause = error.retry_after
                    waited += pause
                    self._refuse_long(error, pause, waited, connection.wait)
                await self._pause(ticket, error, pause)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _refuse_long(self, error: TransientError, pause: float, waited: float, most: float) -> None:
        """Give a request up whose endpoint asks it to wait too long.

        Raises:
            TransientError: longer than the connection allows, or than the minutes of the budget last.
        """
        left = self.admission.seconds_left()
        if waited <= most and pause <= left:
            return
        why = f"limits: wait: {most:g} of its connection" if waited > most else "what is left of budget: minutes"
        raise TransientError(
            f"{error.detail}; it asks to wait {pause:.0f} s, longer than {why}. Run again later, or raise that",
            error.retry_after,
            error.status,
        ) from error

    async def _pause(self, ticket: Ticket, error: TransientError, seconds: float) -> None:
        said = f"waiting {seconds:.0f} s for {ticket.model or ticket.purpose}: {error.detail}"
        if seconds < SAID:
            await asyncio.sleep(seconds)
            return
        self.counters.waits[said] += 1
        self.counters.changed()
        try:
            await asyncio.sleep(seconds)
        finally:
            self.counters.waits -= Counter((said,))
            self.counters.changed()
