"""Which of the machine's cores are busy with local models, so that these do not crowd each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Cores:
    """A semaphore whose holders take several permits at once. Belongs to one event loop."""

    def __init__(self, total: int) -> None:
        """Args: total = cores of the machine."""
        self._total = self._free = max(1, total)
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def taken(self, wanted: int) -> AsyncIterator[None]:
        """Hold ``wanted`` cores, all of them when more are wanted than there are; 0 waits for nothing."""
        wanted = min(wanted, self._total)
        if not wanted:
            yield
            return
        async with self._changed:
            await self._changed.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        try:
            yield
        finally:
            async with self._changed:
                self._free += wanted
                self._changed.notify_all()
