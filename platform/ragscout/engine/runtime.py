"""The engine's ``Runtime``: calls over a store's ledger, the memo of the store, and the account of each task."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ragscout.engine.calls import Calls, Patience
from ragscout.engine.connection_limit import ConnectionLimit
from ragscout.engine.ledger_admission import LedgerAdmission
from ragscout.model.outcome import Failure, Unfilled, Usage
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest, Memo, Models, Purpose
from ragscout.store.ledger import SpendLimits
from ragscout.store.memo import StoreMemo
from ragscout.store.shards import CellData
from ragscout.store.store import Store

if TYPE_CHECKING:
    import numpy as np

log = logging.getLogger(__name__)
PATIENCE = Patience()
"""Of a sweep with endpoints that are in trouble."""


class EngineRuntime:
    """``model.runtime.Runtime`` over a store. One event loop, one instance per process and sweep."""

    def __init__(
        self,
        store: Store,
        sweep: str,
        models: Models,
        connections: Mapping[str, ConnectionLimit],
        limits: SpendLimits,
        *,
        threads: int | None = None,
        memory_limit: int = 1 << 30,
        deadline: float | None = None,
    ) -> None:
        """Args: connections = ``identity`` of a chat model to the connection that serves it; deadline = time on the
        monotonic clock after which nothing new is sent."""
        self.memo: Memo = StoreMemo(store)
        self.models = models
        self.threads = threads or max(1, os.cpu_count() or 1)
        self.memory_limit = memory_limit
        self._store = store
        self._admission = LedgerAdmission(store.ledger, sweep, limits, deadline=deadline)
        self._calls = Calls(connections, self._admission, PATIENCE, "Name it under models: in the sweep file.")
        self.counters = self._calls.counters

    def allow(self, limits: SpendLimits, deadline: float | None) -> None:
        """From here on these limits hold: the last part of a sweep may use what the search had to leave."""
        self._admission.allow(limits, deadline)

    @property
    def owner(self) -> str:
        """Name under which this process holds claims."""
        return self._admission.owner

    async def chat(self, request: ChatRequest, purpose: Purpose) -> ChatReply | Failure | Unfilled:
        """See ``model.runtime.Runtime.chat``."""
        return await self._calls.chat(request, purpose)

    async def embed_remote(self, model: ChatModel, texts: Sequence[str], purpose: str) -> np.ndarray:
        """See ``model.runtime.Runtime.embed_remote``.

        Raises:
            BudgetExceeded: the limits do not allow the request.
            ModelCallError: the endpoint did not answer.
        """
        return await self._calls.embed(model, texts)

    async def rerank(self, model: ChatModel, query: str, texts: Sequence[str]) -> tuple[float, ...] | Unfilled:
        """See ``model.runtime.Runtime.rerank``; what came back is kept in the memo."""
        return await self._calls.rerank(model, query, texts, self.memo)

    def text_usage(self, model: ChatModel, texts: Sequence[str]) -> Usage:
        """Return what reading texts takes."""
        return self._calls.text_usage(model, texts)

    async def write_cells(self, node: str, cells: Mapping[str, CellData]) -> int:
        """Keep cells by question key, and the replies that they were made of, for good; returns how many cells were
        new. Nothing of it happens on the event loop.

        Raises:
            StoreError: the store did not take them.
        """
        if not cells:
            await self._admission.flush()
            return 0
        return await self._admission.commit(await asyncio.to_thread(self._store.write_shard, node, cells))

    def report(self, node: str, what: str, value: float) -> None:
        """Log a figure from outside any task: it has no node to belong to. ``MeteredRuntime`` keeps those of tasks."""
        log.debug("%s: %s = %s", node, what, value)

    async def close(self) -> None:
        """Keep what came, give everything back and close every client.

        Raises:
            StoreError: the ledger did not take the last replies; they are asked for again.
        """
        await self._calls.close()


class MeteredRuntime:
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
        vectors = await self._inner.embed_remote(model, texts, purpose)
        self.usage += self._inner.text_usage(model, texts)
        return vectors

    async def rerank(self, model: ChatModel, query: str, texts: Sequence[str]) -> tuple[float, ...] | Unfilled:
        """Like the inner one; what it took is charged here, memo or not."""
        scores = await self._inner.rerank(model, query, texts)
        if not isinstance(scores, Unfilled):
            self.usage += self._inner.text_usage(model, [query, *texts])
        return scores

    def report(self, node: str, what: str, value: float) -> None:
        """Keep a figure for the node of this task."""
        self.reports[what] = value
