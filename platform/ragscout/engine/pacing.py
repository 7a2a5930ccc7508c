"""Rate limits of endpoints as one process uses them: taken from the ledger's buckets a second ahead."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ragscout.store.rates import BURST
from ragscout.store.windows import RateNeed


@dataclass
class _Stock:
    """What was taken from a bucket and not used yet. What nobody uses within a burst is lost: it would come on top of
    the next burst."""

    left: float = 0.0
    until: float = -math.inf
    not_before: float = -math.inf
    waiting: deque[tuple[RateNeed, asyncio.Future[None]]] = field(default_factory=deque)

    def fits(self, amount: float) -> bool:
        """Return whether so much is there."""
        return amount <= self.left and time.monotonic() < self.until

    def serve(self) -> None:
        """Let pass who waits, in the order of coming, as far as the stock goes."""
        while self.waiting:
            need, future = self.waiting[0]
            if not future.done():
                if not self.fits(need.amount):
                    return
                self.left -= need.amount
                future.set_result(None)
            self.waiting.popleft()


class Pacing:
    """Stocks of all buckets that this process takes from."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """Args: wake = called when a bucket has to be asked."""
        self._wake = wake
        self._stocks: dict[str, _Stock] = {}

    async def passed(self, need: RateNeed) -> None:
        """Wait until the bucket lets so much through."""
        stock = self._stocks.setdefault(need.bucket, _Stock())
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        stock.waiting.append((need, future))
        stock.serve()
        if not future.done():
            self._wake()
        await future

    def due(self) -> float:
        """Return the moment on the monotonic clock at which a bucket has to be asked, infinity for none."""
        return min((stock.not_before for stock in self._stocks.values() if stock.waiting), default=math.inf)

    def needs(self, expected: Iterable[RateNeed]) -> list[RateNeed]:
        """Return what to ask buckets for: for those who wait, and for requests that are ``expected`` to be sent when
        nothing is known of them."""
        now = time.monotonic()
        asked: dict[str, RateNeed] = {}
        for stock in self._stocks.values():
            if stock.waiting and stock.not_before <= now:
                need = stock.waiting[0][0]
                asked[need.bucket] = _ahead(need)
        for need in expected:
            stock = self._stocks.setdefault(need.bucket, _Stock())
            if need.bucket not in asked and stock.not_before <= now and not stock.fits(need.amount):
                asked[need.bucket] = replace(_ahead(need), if_claimed=True)
        return list(asked.values())

    def took(self, needs: Sequence[RateNeed], waits: Mapping[str, float]) -> None:
        """Take the buckets' answers, seconds to wait by bucket, and let pass who can."""
        now = time.monotonic()
        for need in needs:
            wait = waits.get(need.bucket)
            if wait is None:
                continue
            stock = self._stocks[need.bucket]
            stock.not_before = now + wait
            if not wait:
                stock.left, stock.until = need.amount, now + BURST
                stock.serve()

    def fail(self, error: Exception) -> None:
        """Tell everybody who waits that there is no answer."""
        for stock in self._stocks.values():
            for _, future in stock.waiting:
                if not future.done():
                    future.set_exception(error)
            stock.waiting.clear()


def _ahead(need: RateNeed) -> RateNeed:
    return replace(need, amount=max(need.amount, math.floor(need.per_minute / 60.0 * BURST)))
