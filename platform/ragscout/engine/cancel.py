"""A token that asks a running sweep to stop or to hold, from any thread or from a signal handler."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from ragscout.model.errors import ModelCallError
from ragscout.model.outcome import Failure
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest
from ragscout.providers.client import ChatClient

if TYPE_CHECKING:
    import numpy as np

Wish = Literal["run", "pause", "stop"]
GRACE = 5.0
"""Seconds that requests on their way get to come back, because they are paid, before they are given up."""


class Stopped(Exception):
    """Raised where the work of a sweep ends because somebody asked for it; caught before it reaches a user."""


class CancelToken:
    """What somebody wants of a running sweep: that it runs, holds or stops. A stop is for good.

    The engine and the rounds look at it: nothing new is begun, requests on their way get a few seconds to come back,
    and everything that came back is kept.
    """

    def __init__(self) -> None:
        self.wish: Wish = "run"
        self.after_hold: Callable[[], None] = lambda: None
        """Called in the sweep's event loop once a hold is over, before the work goes on."""
        self._held_since: float | None = None
        self._held = self._passed_on = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed: asyncio.Event | None = None

    def stop(self) -> None:
        """End the sweep: keep what came, ask nothing more."""
        self._set("stop")

    def hold(self) -> None:
        """Let the sweep wait, with its claim kept, until ``go_on`` or ``stop``."""
        self._set("pause")

    def go_on(self) -> None:
        """End a hold."""
        self._set("run")

    @property
    def held_seconds(self) -> float:
        """Seconds that the sweep was held so far, an unfinished hold included."""
        since = self._held_since
        return self._held + (0.0 if since is None else time.monotonic() - since)

    async def passed(self) -> None:
        """Wait while the sweep is held.

        Raises:
            Stopped: the sweep was asked to stop.
        """
        while self.wish == "pause":
            await self._change()
        if self.wish == "stop":
            raise Stopped
        if self._held != self._passed_on:
            # also of a hold that was over before anybody waited for its end
            self._passed_on = self._held
            self.after_hold()

    async def interruption(self) -> None:
        """Wait until the sweep is asked to hold or to stop."""
        while self.wish == "run":
            await self._change()

    async def _change(self) -> None:
        """Wait for the next wish. All waiting is done by one sweep, in its event loop."""
        if self._changed is None or self._loop is not asyncio.get_running_loop():
            self._loop, self._changed = asyncio.get_running_loop(), asyncio.Event()
        changed, before = self._changed, self.wish
        changed.clear()
        if self.wish == before:
            await changed.wait()

    def _set(self, wish: Wish) -> None:
        if self.wish in ("stop", wish):
            return
        now = time.monotonic()
        if wish == "pause":
            self._held_since = now
        elif self._held_since is not None:
            self._held, self._held_since = self._held + now - self._held_since, None
        self.wish = wish
        loop, changed = self._loop, self._changed
        if loop is not None and changed is not None and not loop.is_closed():
            loop.call_soon_threadsafe(changed.set)


class InterruptedClient:
    """A model client that sends nothing while its sweep is held or stopped."""

    def __init__(self, client: ChatClient, cancel: CancelToken) -> None:
        """Args: client = what sends otherwise."""
        self._client, self._cancel = client, cancel
        self.concurrency = client.concurrency

    async def complete(self, request: ChatRequest) -> ChatReply | Failure:
        """Ask the model; see ``ChatClient.complete``."""
        self._refuse()
        return await self._client.complete(request)

    async def embed(self, model: ChatModel, texts: Sequence[str]) -> np.ndarray:
        """Ask for vectors; see ``ChatClient.embed``."""
        self._refuse()
        return await self._client.embed(model, texts)

    async def rerank(self, model: ChatModel, query: str, texts: Sequence[str]) -> tuple[float, ...]:
        """Ask a reranker; see ``ChatClient.rerank``."""
        self._refuse()
        return await self._client.rerank(model, query, texts)

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()

    def _refuse(self) -> None:
        if self._cancel.wish != "run":
            raise ModelCallError("The sweep is held or stopped: nothing is sent.")
