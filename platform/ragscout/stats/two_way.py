"""The two-way fit of a table of scores: rows corrected for which questions they were asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SAME = 1e-12
"""Question effects that move less than this are settled."""


def adjusted_means(
    values: Floats, scored: NDArray[np.bool_], weights: Sequence[float] = (), prior: float = 1.0, steps: int = 12
) -> Floats:
    """Means corrected for which questions were asked: score = configuration + question effect, by alternating least
    squares with ``prior`` pseudo-observations on each question effect.

    ``weights``: of the questions; means are weighted by them. Question effects are centred over the questions that
    anyone answered, so a row that answered all of those keeps its plain (weighted) mean. Rows without a score of any
    weight are minus infinity.
    """
    import numpy as np

    mask = scored.astype(np.float64)
    counts = mask * np.asarray(weights) if weights else mask
    per_row, per_question = counts.sum(1), mask.sum(0)
    live, seen = per_row > 0, per_question > 0
    result = np.full(len(values), -np.inf)
    if not live.any():
        return result
    values, mask, counts, per_row = values[live][:, seen], mask[live][:, seen], counts[live][:, seen], per_row[live]
    share = np.asarray(weights)[seen] if weights else None
    effect = np.zeros(values.shape[1])
    for _ in range(steps):
        mean = ((values - effect) * counts).sum(1) / per_row
        before = effect
        effect = ((values - mean[:, None]) * mask).sum(0) / (per_question[seen] + prior)
        effect = effect - np.average(effect, weights=share)
        if float(np.abs(effect - before).max()) < SAME:
            break
    result[live] = ((values - effect) * counts).sum(1) / per_row
    return result
