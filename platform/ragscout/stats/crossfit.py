"""How good the winner is on questions that had no part in choosing it, without a hold-out.

Repeated cross-fitting on halves: the questions are cut in two; the best row of each half is scored on the other, so
that no score had a part in its own choice. The mean over many cuts estimates what the choice "take the best of these
rows" yields on half as many questions (Tsamardinos et al. 2018, arXiv 1708.07180, for the bias that it removes); the
variance of one cut is averaged and the variance between cuts is added (Chernozhukov et al. 2018, Econometrics Journal
21, section 3.4). Halves, because with ten folds nine tenths of the questions nearly always choose the row that all of
them chose: its luck stays inside, and no variance shows it (simulated, 12 equal rows on 60 questions, right or wrong:
error 8.9 points and 88 % coverage with ten folds, 5.4 points and 99 % with halves). What the search itself chose before
these rows were complete stays inside, so a little optimism is left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragscout.stats.ordering import orderable
from ragscout.stats.paired import Interval, mean_interval, student_quantile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FOLDS, REPEATS, FEWEST = 2, 40, 10
FLAT = 1e-20
"""Variance below which scores are all alike."""


def crossfit(
    values: Floats | Sequence[Sequence[float]], bounds: tuple[float, float] | None = None, seed: int = 0
) -> Interval | None:
    """Cross-fitted score of the best row with a 95 % interval over questions.

    Args:
        values: shape (rows, questions), complete, more is better.
        bounds: range of a value.
        seed: of the cuts.

    Returns:
        ``None`` with fewer than two rows or ten questions: then there is no choice to correct for, or too little to
        choose from.
    """
    import numpy as np

    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] < 2 or table.shape[1] < FEWEST:
        return None
    rows, n = table.shape
    rng = np.random.default_rng([seed, rows, n])
    totals, means, spreads = table.sum(1), [], []
    for _ in range(REPEATS):
        scores = np.zeros(n)
        for fold in np.array_split(rng.permutation(n), min(FOLDS, n)):
            others = (totals - table[:, fold].sum(1)) / (n - len(fold))
            # rounded, so that ties go to the first row whatever the last bits of the sums
            scores[fold] = table[int(orderable(others).argmax()), fold]
        means.append(float(scores.mean()))
        spreads.append(float(scores.var(ddof=1)))
    mean = float(np.mean(means))
    if max(spreads) < FLAT:  # a t interval of width 0 would claim certainty
        return mean_interval([mean] * n, bounds=bounds)
    error = math.sqrt(float(np.mean(spreads)) / n + float(np.var(means)))
    half = student_quantile(0.975, n - 1) * error
    low, high = mean - half, mean + half
    if bounds is not None:
        low, high = max(low, bounds[0]), min(high, bounds[1])
    return Interval(mean, low, high, n)
