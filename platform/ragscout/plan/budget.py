"""The budget of one sweep: what is left of it, whether its time is over, how many answers the rest pays for.

What an answer takes, its judging included, is what the answers so far took on average, and before the first one what
the plan expects. Whatever is expected, a request that could pass a limit is not sent.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from ragscout.store.amounts import SpendLimits
from ragscout.store.spending import Spending

CLOSING_SHARE = 0.25
"""Most that is kept for the probe and the hold-out; with the finals' fifth of the rest that is 40 %."""
CANDIDATES = 3
"""Candidates for the recommendation that are probed at a time, beside leader, reference and baselines."""


@dataclass(frozen=True)
class Each:
    """What one answer takes, its judging included."""

    money: float = 0.0
    calls: float = 1.0
    llm_calls: float = 1.0
    tokens: float = 0.0


class SweepBudget:
    """Limits of one sweep, in money, requests, tokens and minutes. While the sweep is held its minutes stand still."""

    def __init__(
        self,
        ledger: Spending,
        sweep: str,
        *,
        minutes: float | None,
        spent_seconds: float,
        expected: Callable[[], Each],
        held: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Set the limits against what was spent.

        Args:
            ledger: where what was spent is settled.
            sweep: id of the sweep.
            minutes: the limit, ``None`` without one.
            spent_seconds: what earlier processes of this sweep took of the minutes.
            expected: what one answer takes, asked for when no answer was paid yet.
            held: seconds that this process was held so far.
        """
        self._ledger, self._sweep, self._expected = ledger, sweep, expected
        self._seconds = None if minutes is None else 60 * minutes
        self._before, self._started, self._held = spent_seconds, time.monotonic(), held

    @property
    def elapsed(self) -> float:
        """Seconds that the sweep took, over all its processes. A clock that is set does not matter here."""
        return self._before + time.monotonic() - self._started - self._held()

    def deadline(self, share: float = 1.0) -> float | None:
        """Moment on the monotonic clock at which this share of the minutes is over, ``None`` without a limit."""
        if self._seconds is None:
            return None
        return self._started + self._held() + self._seconds * share - self._before

    def late(self, share: float) -> bool:
        """Whether this share of the minutes is over."""
        return self._seconds is not None and self.elapsed > self._seconds * share

    @property
    def untouched(self) -> bool:
        """Whether no answer was paid yet."""
        return not self._ledger.spent(self._sweep).calls

    def answers(self, limits: SpendLimits, share: float = 1.0) -> int | None:
        """How many more answers this share of the limits pays for; ``None`` when nothing limits them."""
        if limits == SpendLimits():
            return None
        spent = self._ledger.spent(self._sweep)
        n = spent.calls
        each = Each(spent.money / n, 1.0, spent.llm_calls / n, spent.tokens / n) if n else self._expected()
        left = [
            max(0.0, limit * share - used) / one
            for one, used, limit in (
                (each.money, spent.money, limits.money),
                (each.calls, spent.calls, limits.calls),
                (each.llm_calls, spent.llm_calls, limits.llm_calls),
                (each.tokens, spent.tokens, limits.tokens),
            )
            if limit is not None and one
        ]
        return math.floor(min(left) + 1e-9) if left else None
