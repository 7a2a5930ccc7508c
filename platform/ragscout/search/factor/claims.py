"""What the factor search may say of its posterior, and when it must not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragscout.model.results.board import Goal, Note
from ragscout.stats.rounding import rounded
from ragscout.words import phrase

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CLAIM = 0.97
"""Smallest posterior probability that is shown; claims below it were too often wrong in simulation."""
FIT_BLOCKS, FIT_RANGE, FIT_INTERACTION = 50, (0.8, 1.2), 0.35


@dataclass(frozen=True)
class FactorClaim:
    """What the posterior says of one configuration: mean and sd on the goal's scale, P(best), P(within 3 %)."""

    key: str
    mean: float
    sd: float
    best: float
    near: float


def make_claims(keys: Sequence[str], means: Floats, sample: Floats, scale: float) -> dict[str, FactorClaim]:
    """Claims from joint posterior samples, shape (configurations, samples), on 0..1 with more is better. ``means``: on
    the goal's scale, ``scale`` the length of its range."""
    import numpy as np

    best = sample.max(0)
    near = (sample >= 0.97 * best).mean(1)
    top = np.bincount(sample.argmax(0), minlength=len(sample)) / sample.shape[1]
    spread = sample.std(1) * scale
    return {
        key: FactorClaim(key, float(means[row]), float(spread[row]), float(top[row]), float(near[row]))
        for row, key in enumerate(keys)
    }


def goal_scale(goal: Goal) -> tuple[float, float]:
    """Low end and length of the goal's range; 0 and 1 where it has no ends."""
    if goal.low is None or goal.high is None or goal.high <= goal.low:
        return 0.0, 1.0
    return goal.low, goal.high - goal.low


@dataclass(frozen=True)
class FitCheck:
    """Whether the model describes what was measured. ``spread``: sd of the standardised errors of blocks predicted
    before they were told (1 = honest); ``interaction``: posterior share of two-way terms and remainder."""

    blocks: int
    spread: float
    interaction: float

    @property
    def passed(self) -> bool:
        """Whether posterior claims may be shown."""
        low, high = FIT_RANGE
        return self.blocks >= FIT_BLOCKS and low <= self.spread <= high and self.interaction <= FIT_INTERACTION


def claim_notes(fit: FitCheck, leader: FactorClaim, configurations: int) -> tuple[Note, ...]:
    """Return the claim for the leader when the check passed and it is strong enough; that the model is not trusted
    else."""
    if fit.blocks < FIT_BLOCKS:
        return (Note("no_claim", {"why": phrase("note_part.unchecked", blocks=fit.blocks, needed=FIT_BLOCKS)}),)
    if not fit.passed:
        values = {"blocks": fit.blocks, "spread": rounded(fit.spread), "interaction": rounded(fit.interaction)}
        return (Note("no_claim", {"why": phrase("note_part.failed_check", **values)}),)
    if leader.near < CLAIM:
        return ()
    return (Note("claim", {"configurations": configurations, "near": rounded(leader.near)}),)


def small_budget(answers: int) -> Note:
    """Return the limit does not allow to complete three finalists."""
    return Note("small_budget", {"answers": answers, "effect": phrase("note_part.no_finalists")})
