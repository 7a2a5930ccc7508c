"""What a latency probe measured, summed up as the board shows it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragscout.model.results.board import Latency
from ragscout.model.results.journal import Probed

if TYPE_CHECKING:
    from ragscout.serve.probe import Probe


def latency(probed: Probe | Probed) -> Latency:
    """Sum up a probe as the board shows it."""
    seconds = sorted(probed.seconds)
    together = sorted(probed.together)
    low, high = quantile_interval(len(seconds), 0.95)
    return Latency(
        len(seconds),
        quantile(seconds, 0.5),
        quantile(seconds, 0.95),
        None if low is None else seconds[low],
        None if high is None else seconds[high],
        {stage: value for stage, values in probed.stages.items() if (value := quantile(sorted(values), 0.5))},
        probed.at_once,
        quantile(together, 0.5),
        quantile(together, 0.95),
        quantile(sorted(probed.first), 0.5),
        probed.failed,
    )


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return the smallest value that at least this share of the values do not pass; ``None`` of nothing."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def quantile_interval(n: int, share: float, confidence: float = 0.95) -> tuple[int | None, int | None]:
    """Return the positions (from 0) of the order statistics that hold a quantile with at least this confidence.

    They do so whatever the distribution (binomial; David and Nagaraja 2003, section 7.1). An end that ``n`` values do
    not give is ``None``.
    """
    from scipy import stats

    tail = (1 - confidence) / 2
    low = int(stats.binom.ppf(tail, n, share)) - 1 if n else -1
    high = int(stats.binom.ppf(1 - tail, n, share)) if n else 0
    return (low if low >= 0 else None), (high if high < n else None)
