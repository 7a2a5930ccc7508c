"""What the factor search may say of its posterior, and when it must not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragscout.model.board import Goal, Note

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CLAIM = 0.97
"""Smallest posterior probability that is shown; claims below it were too often wrong in simulation."""
FIT_BLOCKS, FIT_RANGE, FIT_INTERACTION = 50, (0.8, 1.2), 0.35


@dataclass(frozen=True)
class Claim:
    """What the posterior says of one configuration: mean and sd on the goal's scale, P(best), P(within 3 %)."""

    key: str
    mean: float
    sd: float
    best: float
    near: float


def make_claims(keys: Sequence[str], means: Floats, sample: Floats, scale: float) -> dict[str, Claim]:
    """Claims from joint posterior samples, shape (configurations, samples), on 0..1 with more is better. ``means``: on
    the goal's scale, ``scale`` the length of its range."""
    import numpy as np

    best = sample.max(0)
    near = (sample >= 0.97 * best).mean(1)
    top = np.bincount(sample.argmax(0), minlength=len(sample)) / sample.shape[1]
    spread = sample.std(1) * scale
    return {
        key: Claim(key, float(means[row]), float(spread[row]), float(top[row]), float(near[row]))
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


def claim_notes(fit: FitCheck, leader: Claim, configurations: int) -> tuple[Note, ...]:
    """The claim for the leader when the check passed and it is strong enough; that the model is not trusted else."""
    if fit.blocks < FIT_BLOCKS:
        return (
            Note(
                "no_claim",
                f"The factor model could not be checked: {fit.blocks} of the {FIT_BLOCKS} blocks that it must predict "
                "were asked after its first updates. So no probability of being best is shown.",
                f"요인 모형을 점검하지 못했습니다: 첫 추정 뒤에 예측해 볼 블록 {FIT_BLOCKS}개 중 {fit.blocks}개만 "
                "물었습니다. 그래서 최선일 확률을 표시하지 않습니다.",
            ),
        )
    if not fit.passed:
        return (
            Note(
                "no_claim",
                f"The factor model is not trusted here ({fit.blocks} predicted blocks, spread of errors "
                f"{fit.spread:.2f}, interactions {fit.interaction:.0%}), so no probability of being best is shown. "
                "Knobs interact, so the last part of the limit goes to what an additive model predicts; a limit of "
                "10-20 % of the grid's answers helps.",
                f"요인 모형을 신뢰할 수 없어 (예측 블록 {fit.blocks}개, 오차 퍼짐 {fit.spread:.2f}, 상호작용 "
                f"{fit.interaction:.0%}) 최선일 확률을 표시하지 않습니다. 설정 간 상호작용이 커서 한도의 마지막 부분은 "
                "가법 모형의 예측에 씁니다. 전체 격자 답변의 10~20 % 한도를 권합니다.",
            ),
        )
    if leader.near < CLAIM:
        return ()
    return (
        Note(
            "claim",
            f"The leader of the factor model is within 3 % of the best of all {configurations:,} configurations with "
            f"a probability of {leader.near:.0%} (model check passed).",
            f"요인 모형의 선두가 전체 {configurations:,}개 구성 중 최선의 3 % 이내일 확률은 {leader.near:.0%}입니다 "
            "(모형 점검 통과).",
        ),
    )


def small_budget(answers: int) -> Note:
    """The limit does not allow to complete three finalists."""
    return Note(
        "small_budget",
        f"The limit of {answers} answers is too small to complete three finalists: all configurations answered the "
        "same first questions, and the best were deepened.",
        f"답변 한도 {answers}개로는 최종 후보 셋을 끝까지 측정할 수 없어, 모든 구성이 같은 앞쪽 문항에 답하고 상위 "
        "구성만 더 측정했습니다.",
    )
