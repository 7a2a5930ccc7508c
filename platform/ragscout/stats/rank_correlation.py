"""Rank correlations between metrics: Kendall's tau-b and Spearman's rho over rows, and over questions.

Over rows the 95 % interval is a bootstrap over the questions, since the rows are given and the questions are a sample.
Over questions it is that of Fisher's z with the variances of Fieller, Hartley & Pearson 1957 (tau: 0.437 / (n - 4)) and
Bonett & Wright 2000 (rho: (1 + rho^2 / 2) / (n - 3)), for n questions.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragscout.stats.ordering import orderable
from ragscout.stats.rounding import rounded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RESAMPLES = 200
FEWEST_ROWS = 4
"""Rows below which an order of rows says nothing."""


@dataclass(frozen=True)
class Correlation:
    """Rank correlation of two figures over ``n`` rows or questions, -1..1, with 95 % intervals; ``None`` where too
    few are there or a figure is equal everywhere."""

    first: str
    second: str
    n: int
    tau: float | None
    tau_low: float | None = None
    tau_high: float | None = None
    rho: float | None = None
    rho_low: float | None = None
    rho_high: float | None = None


def across_rows(cubes: Mapping[str, Floats], seed: int) -> tuple[Correlation, ...]:
    """Every pair of figures over the rows. ``cubes``: by figure, shape (rows, questions), more is better, NaN in the
    columns that were not scored for every row."""
    import numpy as np

    if not cubes:
        return ()
    names = list(cubes)
    rows, questions = cubes[names[0]].shape
    if rows < FEWEST_ROWS:
        return tuple(Correlation(a, b, rows, None) for a, b in itertools.combinations(names, 2))
    weights = np.random.default_rng([seed, 0xA0D17]).multinomial(
        questions, np.full(questions, 1 / questions), RESAMPLES
    )
    every = np.vstack([np.ones(questions), weights])
    means = np.stack([row_means(cubes[name], every) for name in names])  # (figures, 1 + resamples, rows)
    tau, rho = _correlations(means)
    found = []
    for i, j in itertools.combinations(range(len(names)), 2):
        found.append(
            Correlation(
                names[i],
                names[j],
                rows,
                _number(tau[0, i, j]),
                *_ends(tau[1:, i, j]),
                _number(rho[0, i, j]),
                *_ends(rho[1:, i, j]),
            )
        )
    return tuple(found)


def row_means(table: Floats, weights: Floats) -> Floats:
    """Means of shape (weights, rows): of each row over its scored questions, once for each vector of weights."""
    import numpy as np

    scored = ~np.isnan(table[0])
    total = weights[:, scored].sum(axis=1, keepdims=True)
    sums = weights[:, scored] @ table[:, scored].T
    means: Floats = np.divide(sums, total, out=np.full(sums.shape, np.nan), where=total > 0)
    return means


def _correlations(means: Floats) -> tuple[Floats, Floats]:
    """Kendall's tau-b and Spearman's rho between figures, each of shape (samples, figures, figures), NaN where a
    figure is equal for all."""
    import numpy as np

    figures, samples, items = means.shape
    upper = np.triu_indices(items, 1)
    tau = np.empty((samples, figures, figures))
    rho = np.empty((samples, figures, figures))
    with np.errstate(invalid="ignore", divide="ignore"):
        for sample in range(samples):
            # rounded: sums in another order must not break ties
            values = orderable(means[:, sample, :])
            signs = np.sign(values[:, upper[0]] - values[:, upper[1]])
            untied = np.sqrt((signs != 0).sum(axis=1))
            tau[sample] = (signs @ signs.T) / np.outer(untied, untied)
            ranks = np.stack([average_ranks(row) for row in values])
            ranks -= ranks.mean(axis=1, keepdims=True)
            norms = np.sqrt((ranks**2).sum(axis=1))
            rho[sample] = (ranks @ ranks.T) / np.outer(norms, norms)
    return tau, rho


def average_ranks(values: Floats) -> Floats:
    """Return ranks from 1, equal values sharing the mean of theirs. (``scipy.stats`` takes longer to import than an
    audit to make.)"""
    import numpy as np

    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    found: Floats = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return found


def across_questions(cubes: Mapping[str, Floats]) -> tuple[Correlation, ...]:
    """Every pair of figures over the questions that both scored; ``cubes`` as in ``across_rows``."""
    import numpy as np

    found = []
    for (first, one), (second, two) in itertools.combinations(cubes.items(), 2):
        both = ~np.isnan(one[0]) & ~np.isnan(two[0])
        n = int(both.sum())
        if n < 5:
            found.append(Correlation(first, second, n, None))
            continue
        means = np.stack([one[:, both].mean(axis=0), two[:, both].mean(axis=0)])[:, None, :]
        tau, rho = (_number(matrix[0, 0, 1]) for matrix in _correlations(means))
        found.append(
            Correlation(
                first,
                second,
                n,
                tau,
                *_fisher(tau, 0.437 / (n - 4)),
                rho,
                *_fisher(rho, (1 + (rho or 0.0) ** 2 / 2) / (n - 3)),
            )
        )
    return tuple(found)


def _fisher(value: float | None, variance: float) -> tuple[float | None, float | None]:
    if value is None:
        return None, None
    if abs(value) >= 1:
        return value, value
    centre, half = math.atanh(value), 1.959964 * math.sqrt(variance)
    return rounded(math.tanh(centre - half)), rounded(math.tanh(centre + half))


def _ends(sample: Floats) -> tuple[float | None, float | None]:
    """Percentiles 2.5 and 97.5 of the resamples that have an order; ``None`` when most have none."""
    import numpy as np

    known = sample[~np.isnan(sample)]
    if len(known) * 2 < len(sample):
        return None, None
    low, high = np.quantile(known, [0.025, 0.975])
    return rounded(float(low)), rounded(float(high))


def _number(value: float) -> float | None:
    return rounded(min(1.0, max(-1.0, float(value)))) if math.isfinite(value) else None
