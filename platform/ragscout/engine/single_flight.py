"""One computation for all who ask for the same thing at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Joins equal computations of one event loop. One goes on until nobody waits for it any more."""

    def __init__(self) -> None:
        self._flying: dict[str, asyncio.Task[T]] = {}
        self._waiting: dict[str, int] = {}

    async def once(self, key: str, compute: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what the computation under this key gives; begin it unless it is on its way.

        A caller that is cancelled leaves the others waiting undisturbed; when the last one leaves, the computation is
        cancelled too.
        """
        task = self._flying.get(key)
        if task is None:
            task = self._flying[key] = asyncio.create_task(compute())
            task.add_done_callback(lambda _: self._flying.pop(key, None))
        self._waiting[key] = self._waiting.get(key, 0) + 1
        try:
            return await asyncio.shield(task)
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]
                if not task.done():
                    # whoever comes now begins anew, and does not wait for what is being given up
                    self._flying.pop(key, None)
                    task.cancel()
                    await asyncio.wait([task])
