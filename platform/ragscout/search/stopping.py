"""When a configuration is given up against the incumbent, by name.

Every rule sees the two rows' goal values on the questions both were scored on, in the direction "more is better".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Rule = Callable[[Sequence[float], Sequence[float], int], bool]
STOP_CONSTANT = 1.70
"""One-sided 5 % O'Brien-Fleming constant for looks every 5 to 10 questions, found by simulation (about 2-5 % of truly
better configurations are stopped wrongly)."""
FIRST_LOOK = 10
P_WILCOXON = 0.1
"""Threshold of Optuna's ``WilcoxonPruner``. In simulation its repeated looks stop 18-31 % of the truly better rows,
the default rule 2-5 %."""


def stops(challenger: Sequence[float], incumbent: Sequence[float], total: int) -> bool:
    """Paired one-sided O'Brien-Fleming boundary: whether the challenger is given up after these common questions.

    Stop when t < -1.70 * sqrt(total / n), never before 10 questions. Differences without any spread stop when they are
    against the challenger (ten of ten alike: below any boundary of the sign test).
    """
    n = len(challenger)
    if n < FIRST_LOOK or n != len(incumbent):
        return False
    d = [a - b for a, b in zip(challenger, incumbent, strict=True)]
    mean = sum(d) / n
    sd = math.sqrt(sum((x - mean) ** 2 for x in d) / (n - 1))
    if sd < 1e-12:
        return mean < -1e-12
    return mean / (sd / math.sqrt(n)) < -STOP_CONSTANT * math.sqrt(max(total, n) / n)


def wilcoxon(challenger: Sequence[float], incumbent: Sequence[float], total: int) -> bool:
    """One-sided signed-rank test at p < 0.1 without correction for repeated looks, as Optuna's ``WilcoxonPruner``
    does it (zero differences split). ``total`` is not used."""
    from scipy import stats

    d = [a - b for a, b in zip(challenger, incumbent, strict=True)]
    if len(d) < FIRST_LOOK or sum(d) >= 0:
        return False
    return bool(stats.wilcoxon(d, alternative="less", zero_method="zsplit", method="approx").pvalue < P_WILCOXON)


def never(challenger: Sequence[float], incumbent: Sequence[float], total: int) -> bool:
    """Nobody is given up."""
    return False


RULES: dict[str, Rule] = {"obrien-fleming": stops, "wilcoxon": wilcoxon, "none": never}
