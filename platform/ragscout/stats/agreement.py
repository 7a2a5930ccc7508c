"""Agreement of two raters beyond chance, and the intervals of what is estimated from labels.

Definitions: Cohen (1960) for kappa, Cohen (1968) for its weighted form, Gwet (2008, 2014) for AC1 and AC2. Intervals
are those of the delete-one-group jackknife, so that several answers to one question count as one group.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ragscout.stats.paired import student_quantile, wilson

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Weights = Literal["identity", "quadratic"]
Coefficient = Literal["kappa", "gwet"]
DOMINANT = 0.85
"""Share of one class above which kappa misleads and Gwet's coefficient is shown instead."""


@dataclass(frozen=True)
class EstimatedValue:
    """A figure with its 95 % interval; ``None`` where it is not defined. ``n``: answers behind it."""

    value: float | None
    low: float | None
    high: float | None
    n: int


def cohen_kappa(table: Floats, weights: Weights = "identity") -> float | None:
    """Cohen's kappa of a square table of counts; ``None`` when chance agreement is certain (one class only).

    Quadratic weights are 1 - (i - j)^2 / (q - 1)^2.
    """
    agreed, chance = _agreed(table, weights, "kappa")
    return None if chance > 1 - 1e-12 else (agreed - chance) / (1 - chance)


def gwet_ac(table: Floats, weights: Weights = "identity") -> float:
    """Gwet's AC1 (identity weights) or AC2 of a square table of counts with at least two classes."""
    agreed, chance = _agreed(table, weights, "gwet")
    return (agreed - chance) / (1 - chance)


def _agreed(table: Floats, weights: Weights, coefficient: Coefficient) -> tuple[float, float]:
    """Weighted observed agreement, and the one expected by chance.

    Raises:
        ValueError: not a square table of counts with two classes or more.
    """
    import numpy as np

    counts = np.asarray(table, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or len(counts) < 2 or counts.sum() <= 0:
        raise ValueError(f"agreement: need a square table of counts with two classes or more; got {counts.shape}")
    share = counts / counts.sum()
    place = np.arange(len(counts))
    apart = np.abs(place[:, None] - place[None, :])
    weight = (apart == 0).astype(float) if weights == "identity" else 1 - (apart / (len(counts) - 1)) ** 2
    rows, columns = share.sum(1), share.sum(0)
    if coefficient == "kappa":
        chance = float(rows @ weight @ columns)
    else:
        both, classes = (rows + columns) / 2, len(counts)
        chance = float(weight.sum() / (classes * (classes - 1)) * (both * (1 - both)).sum())
    return float((weight * share).sum()), chance


def count_table(first: Sequence[int], second: Sequence[int], classes: int) -> Floats:
    """Return counts of (first, second); classes are numbered from 0."""
    import numpy as np

    table = np.zeros((classes, classes))
    np.add.at(table, (list(first), list(second)), 1)
    return table


def agreement(
    first: Sequence[int],
    second: Sequence[int],
    classes: int,
    groups: Sequence[str],
    *,
    weights: Weights = "identity",
    coefficient: Coefficient = "kappa",
) -> EstimatedValue:
    """Kappa or Gwet's coefficient of two raters with its interval.

    ``groups``: one id per answer; answers of a group are left out together. Perfect agreement has no spread: its lower
    end then comes from Wilson's interval of the observed agreement.
    """
    import numpy as np

    def of(table: Floats) -> float | None:
        return cohen_kappa(table, weights) if coefficient == "kappa" else gwet_ac(table, weights)

    n = len(first)
    if not n:
        return EstimatedValue(None, None, None, 0)
    table = count_table(first, second, classes)
    whole = of(table)
    if whole is None:
        return EstimatedValue(None, None, None, n)
    if np.trace(table) == n:
        sure, _ = wilson(n, n)
        _, chance = _agreed(table, weights, coefficient)
        return EstimatedValue(whole, (sure - chance) / (1 - chance), 1.0, n)
    members: dict[str, list[int]] = {}
    for position, group in enumerate(groups):
        members.setdefault(group, []).append(position)
    left = []
    for places in members.values():
        own = count_table([first[i] for i in places], [second[i] for i in places], classes)
        value = of(table - own) if len(places) < n else None
        left.append(whole if value is None else value)
    low, high = spread(whole, left)
    return EstimatedValue(whole, max(-1.0, low), min(1.0, high), n)


def spread(whole: float, left: Sequence[float]) -> tuple[float, float]:
    """95 % interval of an estimate from its leave-one-group-out values (Student's t with one degree less than there
    are groups); the whole line with fewer than two groups."""
    groups = len(left)
    if groups < 2:
        return -math.inf, math.inf
    mean = sum(left) / groups
    error = math.sqrt((groups - 1) / groups * sum((value - mean) ** 2 for value in left))
    half = student_quantile(0.975, groups - 1) * error
    return whole - half, whole + half


def jackknife(statistic: Callable[[Sequence[int]], float | None], groups: Sequence[str]) -> EstimatedValue:
    """Return a statistic of answers (given as positions) with its jackknife interval over groups."""
    everything = range(len(groups))
    whole = statistic(everything)
    if whole is None:
        return EstimatedValue(None, None, None, len(groups))
    left = []
    for group in dict.fromkeys(groups):
        value = statistic([position for position in everything if groups[position] != group])
        left.append(whole if value is None else value)
    low, high = spread(whole, left)
    if not (math.isfinite(low) and math.isfinite(high)):
        return EstimatedValue(whole, None, None, len(groups))
    return EstimatedValue(whole, low, high, len(groups))
