"""What a row's scores say once the luck of the draw is taken off: posterior means of rows.

    score of row i on question q = m_i + u_q + e_iq,   e ~ N(0, s2),   m_i ~ N(mu, A)

``u_q`` comes from the two-way fit (``two_way.adjusted_means``), s2 from its residuals, A from the spread of the rows
beyond what s2 explains (Paule and Mandel's moment equation; DerSimonian and Kacker 2007, Contemporary Clinical Trials
28). Each row is pulled to the mean of all rows by B_i = (k - 3) / (k - 1) * V_i / (V_i + A), V_i = s2 / n_i, and gets
the variance of the parametric empirical Bayes interval (Morris 1983, Journal of the American Statistical Association
78, section 2 and 5). Three rows or fewer are not pulled: nothing can be learned of their spread.

Rows that answered equally many questions are pulled alike, so among complete rows the order is that of their means; a
row with fewer questions is pulled further. The factor model (``effects.Effects.posterior``) pulls each row to what its
knobs predict, and may so change the order of complete rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragscout.stats.two_way import adjusted_means

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

STEPS = 80
NO_VARIANCE = 1e-20
"""A variance that is only the last bits of sums."""


@dataclass(frozen=True)
class Believed:
    """Posterior mean and sd of one row on the goal's scale. The sd is that of the row beside the others on these
    questions; what other questions would change for all rows alike is not in it. ``None``: too little was measured."""

    mean: float
    sd: float | None


def believed(
    values: Floats, scored: NDArray[np.bool_], weights: Sequence[float] = ()
) -> tuple[Floats, list[Believed | None]]:
    """Return adjusted means, shape (rows,), and posteriors of the rows, ``None`` for rows without a score.

    Args:
        values: goal values, shape (rows, questions).
        scored: which of them are known.
        weights: of the questions, empty when all count alike.
    """
    import numpy as np

    adjusted = adjusted_means(values, scored, weights)
    live = np.flatnonzero(np.isfinite(adjusted))
    found: list[Believed | None] = [None] * len(values)
    if not len(live):
        return adjusted, found
    mask, means = scored[live], adjusted[live]
    noise = _noise(values[live], mask, means)
    if noise is None:
        for row in live:
            found[row] = Believed(float(adjusted[row]), None)
        return adjusted, found
    share = np.where(mask, np.asarray(weights) if weights else 1.0, 0.0)
    spread = noise * (share**2).sum(1) / share.sum(1) ** 2
    for row, mean, sd in zip(live, *_pulled(means, spread), strict=True):
        found[row] = Believed(float(mean), float(sd))
    return adjusted, found


def _noise(values: Floats, mask: NDArray[np.bool_], means: Floats) -> float | None:
    """Variance of what neither row nor question explains; ``None`` without a degree of freedom."""
    import numpy as np

    left = np.where(mask, values - means[:, None], 0.0)
    count = mask.sum(0)
    asked = count > 0
    effect = left.sum(0)[asked] / count[asked]
    freedom = int(mask.sum()) - len(means) - len(effect) + 1
    if freedom < 1:
        return None
    return float((np.where(mask[:, asked], left[:, asked] - effect, 0.0) ** 2).sum()) / freedom


def _pulled(means: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """Posterior means and sds of rows with these means and variances."""
    import numpy as np

    k = len(means)
    if k <= 3 or float(spread.min()) <= NO_VARIANCE:
        return means, np.sqrt(spread)
    between = _between(means, spread)
    weight = 1 / (spread + between)
    centre = float((weight * means).sum() / weight.sum())
    pull = (k - 3) / (k - 1) * spread * weight
    variance = spread * (1 - pull) + pull**2 * (1 / weight.sum() + 2 / (k - 3) * (means - centre) ** 2)
    return centre + (1 - pull) * (means - centre), np.sqrt(variance)


def _between(means: Floats, spread: Floats) -> float:
    """Variance between rows, at least 0: where the weighted squared distances from the centre add up to k - 1."""
    k = len(means)

    def excess(between: float) -> float:
        weight = 1 / (spread + between)
        centre = (weight * means).sum() / weight.sum()
        return float((weight * (means - centre) ** 2).sum()) - (k - 1)

    low, high = 0.0, float(((means - means.mean()) ** 2).sum()) / (k - 1)
    if excess(0.0) <= 0:
        return 0.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2
