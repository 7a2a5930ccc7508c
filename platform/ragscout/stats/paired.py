"""The statistics behind the leaderboard: intervals, paired comparisons, sets of winners, power.

All functions are pure. Where random numbers are needed they come from a generator with a fixed seed, so equal inputs
give equal outputs. numpy and scipy are imported inside the functions.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SMALL = 30
"""Below this many pairs p comes from the sign-flip permutation test instead of the t distribution."""
PERMUTATIONS = 10_000
RESAMPLES = 2_000
_POWER_FACTOR = 1.959963984540054 + 0.8416212335729143  # normal quantiles of 97.5 % and 80 %


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval and the number of observations behind it."""

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class PairedTest:
    """First minus second on common questions: mean difference, 95 % t interval, two-sided p, how it was found
    (``t``, ``sign-flip``, ``mcnemar``), sd of the differences and how many questions each side won."""

    difference: float
    low: float
    high: float
    p: float
    n: int
    sd: float
    wins: int
    losses: int
    method: str


@functools.cache
def _t975(freedom: int) -> float:
    return student_quantile(0.975, freedom)


def student_quantile(share: float, freedom: int) -> float:
    """Return the quantile of Student's t distribution. (``scipy.special`` is imported in a third of the time that
    ``scipy.stats`` takes.)"""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, share))


@functools.cache
def normal_quantile(share: float) -> float:
    """Return the quantile of the standard normal distribution."""
    from scipy.special import ndtri

    return float(ndtri(share))


def wilson(right: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson score interval of a share; ``right`` may be fractional (a mean of bounded scores times n).

    Raises:
        ValueError: for n below 1 or ``right`` outside 0..n.
    """
    if n < 1 or not 0 <= right <= n:
        raise ValueError(f"wilson: need 0 <= right <= n and n >= 1; got {right} of {n}")
    z = normal_quantile(0.5 + confidence / 2)
    share, square = right / n, z * z
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = z / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    return 0.0 if right == 0 else max(0.0, centre - half), 1.0 if right == n else min(1.0, centre + half)


def mean_interval(
    values: Sequence[float] | Floats,
    clusters: Sequence[str] | None = None,
    bounds: tuple[float, float] | None = None,
) -> Interval:
    """Mean with a 95 % interval, cut at ``bounds`` (the figure's declared range).

    Scores that are all 0 or 1 get Wilson's interval, and so do bounded scores without any spread (a t interval of
    width 0 would claim certainty). Otherwise the t interval; with ``clusters`` (one id per value) the standard error
    is the cluster-robust one with G/(G-1) correction and G-1 degrees of freedom. A single unbounded value has no
    spread: its interval is the range, or the value itself.

    Raises:
        ValueError: for an empty sequence.
    """
    import numpy as np

    data = np.asarray(values, dtype=np.float64)
    n = len(data)
    if n == 0:
        raise ValueError("mean_interval: no values")
    mean = float(data.mean())
    grouped = clusters is not None and len(set(clusters)) < n
    unit = bounds == (0.0, 1.0)
    flat = n < 2 or float(data.std()) < 1e-12
    if unit and (flat or (not grouped and _binary(data))):
        return Interval(mean, *wilson(min(max(mean, 0.0), 1.0) * n, n), n)
    if n < 2:
        low, high = bounds if bounds is not None else (mean, mean)
        return Interval(mean, low, high, n)
    if grouped and clusters is not None:
        ids = {name: index for index, name in enumerate(dict.fromkeys(clusters))}
        if len(ids) < 2:
            low, high = bounds if bounds is not None else (float(data.min()), float(data.max()))
            return Interval(mean, low, high, n)
        sums = np.bincount([ids[name] for name in clusters], data - mean, len(ids))
        error = math.sqrt(float((sums**2).sum()) * len(ids) / (len(ids) - 1)) / n
        freedom = len(ids) - 1
    else:
        error, freedom = float(data.std(ddof=1)) / math.sqrt(n), n - 1
    half = _t975(freedom) * error
    low, high = mean - half, mean + half
    if bounds is not None:
        low, high = max(low, bounds[0]), min(high, bounds[1])
    return Interval(mean, low, high, n)


def by_cluster(table: Floats, clusters: Sequence[str]) -> Floats:
    """Scores of shape (rows, questions) as shape (rows, clusters): means stay, and sd / sqrt(clusters) of a row, or of
    the difference of two, becomes the cluster-robust standard error of its mean with G/(G-1) correction
    (Miller 2024, arXiv 2411.00640). ``clusters``: one id per question."""
    import numpy as np

    ids = {name: index for index, name in enumerate(dict.fromkeys(clusters))}
    member = np.zeros((len(clusters), len(ids)))
    member[np.arange(len(clusters)), [ids[name] for name in clusters]] = 1.0
    mean = table.mean(1, keepdims=True)
    found: Floats = mean + (table - mean) @ member * (len(ids) / len(clusters))
    return found


def compare_paired(
    first: Sequence[float], second: Sequence[float], seed: int = 0, clusters: Sequence[str] | None = None
) -> PairedTest:
    """Compare two configurations on the questions both were scored on (equal length, same order).

    Interval: t on the differences for every n >= 2 (a percentile bootstrap is too narrow below 30 pairs). p: exact
    McNemar when all scores are 0 or 1, else t from 30 pairs on, else sign-flip permutation (all 2^n flips up to 13
    non-zero differences, otherwise 10,000 seeded ones). Without spread the test is the exact sign test of equal
    differences. With ``clusters`` (one id per question, fewer than questions) everything but the counts of questions
    is about clusters: sd is the one that gives the cluster-robust error, and McNemar's test, which takes questions as
    independent, is left out.

    Raises:
        ValueError: for different lengths or no pair.
    """
    import numpy as np
    from scipy.special import stdtr

    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if len(a) != len(b) or not len(a):
        raise ValueError(f"compare_paired: need two equally long, non-empty sequences; got {len(a)} and {len(b)}")
    d = a - b
    wins, losses = int((d > 1e-12).sum()), int((d < -1e-12).sum())
    grouped = clusters is not None and len(set(clusters)) < len(d)
    if grouped and clusters is not None:
        d = by_cluster(d[None], clusters)[0]
    n, mean = len(d), float(d.mean())
    sd = float(d.std(ddof=1)) if n > 1 else 0.0
    half = _t975(n - 1) * sd / math.sqrt(n) if n > 1 else math.inf
    low, high = (mean - half, mean + half) if n > 1 else (-1.0, 1.0)
    if _binary(a) and _binary(b) and not grouped:
        p, method = mcnemar(wins, losses), "mcnemar"
    elif n >= SMALL and sd > 1e-12:
        # Student's upper tail, without the argument checks of scipy.stats, which cost more than all else here
        p, method = float(2 * stdtr(n - 1, -(abs(mean) / (sd / math.sqrt(n))))), "t"
    else:
        p, method = sign_flip(d.tolist(), seed), "sign-flip"
    return PairedTest(mean, low, high, p, len(a), sd * math.sqrt(len(a) / n), wins, losses, method)


def _binary(values: Floats) -> bool:
    return bool(((values == 0.0) | (values == 1.0)).all())


@functools.lru_cache(maxsize=4096)
def mcnemar(wins: int, losses: int) -> float:
    """Exact two-sided McNemar p: a binomial test on the discordant pairs; 1 when there are none."""
    pairs, ways, tail = wins + losses, 1, 0
    for heads in range(min(wins, losses) + 1):
        tail += ways
        ways = ways * (pairs - heads) // (heads + 1)
    return min(1.0, 2 * tail / (1 << pairs))


def sign_flip(differences: Sequence[float], seed: int = 0) -> float:
    """Two-sided sign-flip permutation p of "the mean difference is 0"; exact up to 13 non-zero differences."""
    import numpy as np

    d = np.asarray(differences, dtype=np.float64)
    d = d[np.abs(d) > 1e-12]
    if not len(d):
        return 1.0
    observed = abs(float(d.sum())) - 1e-9
    signs = (_flips if len(d) <= SMALL else _flips.__wrapped__)(len(d), seed if len(d) > 13 else 0)
    reached = np.abs(signs @ d) >= observed
    return float(reached.mean()) if len(d) <= 13 else float((reached.sum() + 1) / (PERMUTATIONS + 1))


@functools.lru_cache(maxsize=32)
def _flips(n: int, seed: int) -> Floats:
    """Signs of shape (flips, n): all of them up to 13 differences, else seeded ones; a board asks for the same few
    shapes again and again."""
    import numpy as np

    if n <= 13:
        every: Floats = 1.0 - 2.0 * (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(np.float64)
        return every
    return np.random.default_rng(seed).choice((-1.0, 1.0), size=(PERMUTATIONS, n))


def holm(p_values: Sequence[float], family: int | None = None) -> list[float]:
    """Holm's step-down adjusted p values, in the given order.

    ``family``: number of tests to correct for when it is larger than the number given (a leader chosen by the same
    data was compared with everyone: all pairs).
    """
    total = max(family or 0, len(p_values))
    adjusted, running = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        running = max(running, min(1.0, (total - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted


@dataclass(frozen=True)
class Simultaneous:
    """Intervals of (leader - row) that hold together with 95 %; ``low[i] <= 0`` means row i may be the best."""

    difference: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    critical: float

    def winner_set(self) -> tuple[int, ...]:
        """Rows whose lower bound for (leader - row) is at most 0, the leader included."""
        return tuple(index for index, low in enumerate(self.low) if low <= 1e-12)


def simultaneous(scores: Floats | Sequence[Sequence[float]], leader: int, seed: int = 0) -> Simultaneous:
    """Max-t paired-bootstrap simultaneous intervals of (leader - row).

    ``scores``: shape (rows, questions), complete. Questions are resampled together. The leader was chosen by the same
    scores, so the critical value is that of the largest of *all* pairwise t statistics (a studentised range), not of
    the comparisons with one fixed row; it is never below Student's. Above 64 rows Bonferroni over all pairs bounds it.

    Raises:
        ValueError: when ``scores`` is not a non-empty rectangle.
    """
    import numpy as np

    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or not table.size:
        raise ValueError(f"simultaneous: need a table of rows and questions; got shape {table.shape}")
    rows, n = table.shape
    d = table[leader] - table
    difference = d.mean(1)
    if n < 2:
        return Simultaneous(tuple(difference.tolist()), (-1.0,) * rows, (1.0,) * rows, math.inf)
    error = d.std(1, ddof=1) / math.sqrt(n)
    floor = _t975(n - 1)
    pairs = rows * (rows - 1) // 2
    if rows > 64:
        critical = student_quantile(1 - 0.025 / pairs, n - 1)
    else:
        critical = max(floor, _range_quantile(table, np.random.default_rng(seed)))
    return Simultaneous(
        tuple(difference.tolist()),
        tuple((difference - critical * error).tolist()),
        tuple((difference + critical * error).tolist()),
        critical,
    )


def _range_quantile(table: Floats, rng: Any) -> float:
    """95 % quantile of the largest pairwise |t| under the bootstrap, scaled from normal to Student tails."""
    import numpy as np
    from scipy.special import ndtr

    rows, n = table.shape
    first, second = np.triu_indices(rows, 1)
    centred = table - table.mean(1, keepdims=True)
    error = (table[first] - table[second]).std(1, ddof=1) / math.sqrt(n)
    live = error > 1e-12
    if not live.any():
        return 0.0
    first, second, error = first[live], second[live], error[live]
    weights = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES) / n
    means = weights @ centred.T
    largest = np.array([float((np.abs(row[first] - row[second]) / error).max()) for row in means])
    # The bootstrap keeps the standard error fixed: its tail is the normal one. The same tail area under Student's t
    # with n-1 degrees of freedom gives the small-sample value; (n-1)/n is the bootstrap's missing variance.
    quantile = float(np.quantile(largest, 0.95)) * math.sqrt(n / (n - 1))
    return -student_quantile(max(float(ndtr(-quantile)), 1e-12), n - 1)


def smallest_detectable(sd: float, n: int) -> float:
    """Smallest true paired difference found with 80 % power at two-sided 5 % on ``n`` questions:
    (z_0.975 + z_0.8) sd / sqrt(n) (Miller 2024, arXiv 2411.00640)."""
    return _POWER_FACTOR * sd / math.sqrt(n) if n > 0 else math.inf


def questions_to_separate(difference: float, sd: float, n: int) -> int | None:
    """How many questions beyond ``n`` would separate two rows that truly differ by ``difference``; ``None`` when they
    do not differ at all."""
    if abs(difference) < 1e-9:
        return None
    return max(0, math.ceil((_POWER_FACTOR * sd / difference) ** 2 - 1e-9) - n)
