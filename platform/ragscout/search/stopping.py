"""When a configuration is given up against the incumbent, by name.

Every rule sees the two rows' goal values on the questions both were scored on, in the direction "more is better".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ragscout.search.statistics import FIRST_LOOK, stops

Rule = Callable[[Sequence[float], Sequence[float], int], bool]
P_WILCOXON = 0.1
"""Threshold of Optuna's ``WilcoxonPruner``. In simulation its repeated looks stop 18-31 % of the truly better rows,
the default rule 2-5 %."""


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
