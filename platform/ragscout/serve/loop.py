"""An event loop in a thread of its own: model clients stay open between questions, whoever asks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from ragscout.model.errors import StepError

T = TypeVar("T")


class LoopThread:
    """Runs coroutines from any thread and from other event loops."""

    def __init__(self) -> None:
        """Start the thread; it never keeps the interpreter alive."""
        self._loop = asyncio.new_event_loop()
        self._over = False
        self._last: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._live, name="ragscout pipeline", daemon=True)
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine in the thread.

        Raises:
            StepError: the thread has ended.
        """
        if self._over:
            work.close()
            raise StepError("pipeline: it is closed; got a question after close(). Load it again.")
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end; an interrupt cancels it."""
        future = self.submit(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def finish(self, last: Coroutine[Any, Any, None]) -> None:
        """Cancel what still runs, run a last coroutine and end the thread."""
        if threading.current_thread() is self._thread:
            # the last reference to a pipeline may be dropped by its own thread, which cannot wait for itself
            self._over = True
            self._last = self._loop.create_task(self._end(last))
            return
        future = self.submit(self._end(last))
        self._over = True
        try:
            future.result()
        finally:
            self._thread.join()

    async def _end(self, last: Coroutine[Any, Any, None]) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        try:
            await last
        finally:
            self._loop.stop()

    def _live(self) -> None:
        self._loop.run_forever()
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
