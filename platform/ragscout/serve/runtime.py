"""The runtime of a loaded pipeline: the same calls to models as a sweep's, with replies remembered in memory."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING

from ragscout.engine.admission import Admission, MemoryAdmission
from ragscout.engine.calls import Calls, Patience
from ragscout.engine.connection_limit import ConnectionLimit
from ragscout.model.outcome import Failure, Unfilled, Usage
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest, Memo, Models, Purpose

if TYPE_CHECKING:
    import numpy as np

PATIENCE = Patience(retries=3, longest=4.0)
"""Less than in a sweep: somebody is waiting."""


class ServingRuntime:
    """``model.runtime.Runtime`` for one event loop. ``remember``: replies kept for equal requests; 0 sends each one."""

    def __init__(
        self,
        memo: Memo,
        models: Models,
        connections: Mapping[str, ConnectionLimit],
        *,
        remember: int,
        threads: int | None = None,
        memory_limit: int = 1 << 30,
    ) -> None:
        """Args: connections = ``identity`` of a chat model to the connection that serves it."""
        self.memo, self.models = memo, models
        self.threads = threads or max(1, os.cpu_count() or 1)
        self.memory_limit = memory_limit
        self.calls = Calls(connections, MemoryAdmission(remember), PATIENCE, "Export the bundle again.")
        self._booked_as: Purpose | None = None
        self._usage: ContextVar[list[Usage] | None] = ContextVar("usage", default=None)

    def pay(self, admission: Admission, purpose: Purpose) -> None:
        """Let another admission count and limit what is sent from here on, all under one purpose."""
        self.calls.admission, self._booked_as = admission, purpose

    def account(self) -> list[Usage]:
        """Start an account in the current task: every reply from here on adds what it took to the list."""
        opened: list[Usage] = []
        self._usage.set(opened)
        return opened

    async def chat(self, request: ChatRequest, purpose: Purpose) -> ChatReply | Failure | Unfilled:
        """See ``model.runtime.Runtime.chat``. A remembered reply is charged again, as in a sweep."""
        outcome = await self.calls.chat(request, self._booked_as or purpose)
        account = self._usage.get()
        if account is not None and isinstance(outcome, ChatReply):
            account.append(outcome.usage)
        return outcome

    async def embed_remote(self, model: ChatModel, texts: Sequence[str], purpose: str) -> np.ndarray:
        """See ``model.runtime.Runtime.embed_remote``."""
        return await self.calls.embed(model, texts)

    async def rerank(self, model: ChatModel, query: str, texts: Sequence[str]) -> tuple[float, ...] | Unfilled:
        """See ``model.runtime.Runtime.rerank``. A remembered result is charged again, as in a sweep."""
        memo = self.memo if self.calls.admission.remembers else None
        scores = await self.calls.rerank(model, query, texts, memo)
        account = self._usage.get()
        if account is not None and not isinstance(scores, Unfilled):
            account.append(self.calls.text_usage(model, [query, *texts]))
        return scores

    def width(self, model: ChatModel) -> int:
        """Return how many requests to a model may be in flight at once.

        Raises:
            ModelCallError: no connection serves it.
        """
        return self.calls.connection(model).client.concurrency

    def report(self, node: str, what: str, value: float) -> None:
        """Figures about nodes belong to the sweep that measured them; a pipeline shows none."""

    async def close(self) -> None:
        """Close every client."""
        await self.calls.close()
