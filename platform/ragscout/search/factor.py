"""``search: factor``: many configurations, few questions each, one factor model over all of them.

One Optuna trial per configuration, kept RUNNING while it may still get questions, fed in blocks. Every configuration
has its own random question order: under the model this tells more than a common one, because question effects are
estimated across configurations. After each round the model is refitted and the next blocks go to configurations that
may be the best (top-two Thompson sampling). The finals complete the leaders, so that the board compares them on all
questions.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ragscout.model.board import Goal, Note
from ragscout.model.outcome import Score
from ragscout.search import policy as steps
from ragscout.search.contract import Block, Request
from ragscout.search.factor_model import FactorModel, Kind, choose, make_design
from ragscout.search.optuna_adapter import round_seed
from ragscout.search.outcomes import goal_value
from ragscout.search.policy import Policy, Progress, Want
from ragscout.search.proposer import BaseProposer
from ragscout.search.space import INACTIVE, EncodedSpace, Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

START = 64
RETRIEVAL_PRIOR = ("ndcg@10", "ndcg@5", "recall@10", "recall@5", "mrr@10", "hit@5", "reference_coverage")
"""The first of these figures that the prefixes have is the soft prior."""
FINALS_SHARE = 0.4
"""Largest share of the limit that is kept back for completing the finalists."""
DROP = 0.001
"""Configurations that are within 3 % of the best with a smaller probability, twice in a row, are given up."""
CLAIM, CLAIM_SAMPLES = 0.97, 200
ENOUGH_REGRET, ENOUGH_ROUNDS = 0.005, 3
FIT_BLOCKS, FIT_RANGE, FIT_INTERACTION = 50, (0.8, 1.2), 0.5


@dataclass(frozen=True)
class Claim:
    """What the posterior says of one configuration: mean and sd on the goal's scale, P(best), P(within 3 %)."""

    key: str
    mean: float
    sd: float
    best: float
    near: float


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


class FactorProposer(BaseProposer):
    """Top-two Thompson sampling over a Bayesian factor model."""

    def __init__(
        self,
        space: Space,
        questions: Sequence[str],
        goal: Goal,
        seed: int,
        answers: int | None,
        policy: Policy,
        *,
        sweep: str = "sweep",
        storage: str | None = None,
    ) -> None:
        super().__init__(space, questions, goal, seed, answers, policy, sweep=sweep, storage=storage)
        self._model = FactorModel(
            make_design(self.space.codes, _active(self.space), _kinds(self.space)), len(questions)
        )
        self._column = {question: column for column, question in enumerate(self.outcomes.questions)}
        self._retrieval: dict[str, float] = {}
        self._prefix_of = [item.retrieval().key if item.retrieves else "" for item in self.space.configurations]
        self._hopeless: dict[int, int] = {}
        self._errors: list[float] = []
        self._enough = 0
        self._low, self._scale = _scale(goal)
        deep = steps.FEWEST_FINALISTS * max(0, len(questions) - policy.minimum)
        self.common_order = answers is not None and FINALS_SHARE * answers < deep
        """Whether the limit is too small to complete three finalists: then all share one question order, so that the
        board can still compare them pair by pair."""

    def _round(self) -> Sequence[Want]:
        progress = self.progress()
        wants = steps.start(progress, self._design)
        if wants or not self._model.updates:
            return wants
        spare = progress.left - self._reserved(progress)
        if spare < 1:
            return steps.reach(progress) if self.common_order else []
        if self.answers is None and self._enough >= ENOUGH_ROUNDS:
            return []
        count = max(self.policy.round, int(0.03 * self.spent / self.policy.block))
        count = min(count, -(-spare // self.policy.block))
        return self._pulls(progress, count, spare)

    def _pulls(self, progress: Progress, count: int, spare: int) -> list[Want]:
        import numpy as np

        room = progress.total - progress.answered
        room[[row for row in range(len(room)) if not progress.alive(row) or row in self.stopped]] = 0
        rng = np.random.default_rng(round_seed(self.seed, self.rounds))
        rows = choose(self._model, count, self.policy.block, room, rng)
        wants: dict[int, int] = {}
        for row in rows:
            size = min(self.policy.block, spare)
            wants[row] = wants.get(row, 0) + size
            spare -= size
        return [
            Want(row, size, "continue" if progress.answered[row] else "search") for row, size in wants.items() if size
        ]

    @functools.cached_property
    def _design(self) -> list[int]:
        """The start design, spread over the knob values."""
        import numpy as np

        size = min(self.policy.start or START, len(self.space.candidates))
        if self.answers is not None and not self.policy.start:
            size = min(size, max(1, int(self.answers * steps.START_SHARE) // self.policy.block))
        order = np.random.default_rng(round_seed(self.seed, -1)).permutation(len(self.space.keys)).tolist()
        return self.space.spread(size, order)

    def _reserved(self, progress: Progress) -> int:
        """Answers kept back for the finals: 8 finalists shrink to 3 until they fit into their share."""
        if self.answers is None:
            return 0
        if self.common_order:
            return steps.reserved(progress)
        most = int(FINALS_SHARE * self.answers)
        missing = [progress.total - int(progress.answered[row]) for row in progress.started()[: self.policy.finalists]]
        reference = [row for row in self.space.always if "reference" in self.space.configurations[row].roles]
        roles = sum(progress.total - int(progress.answered[row]) for row in reference if progress.alive(row))
        for count in range(len(missing), steps.FEWEST_FINALISTS - 1, -1):
            if sum(missing[:count]) + roles <= most:
                return sum(missing[:count]) + roles
        return min(most, sum(missing) + roles)

    def _finals(self) -> Sequence[Want]:
        return steps.finals(self.progress())

    def _estimates(self) -> Floats:
        """Posterior means of what was measured."""
        import numpy as np

        return np.where(self._model.count > 0, self._model.mean, -np.inf)

    def _requests(self, wants: Sequence[Want]) -> list[Request]:
        """As in the base class, but each configuration has its own question order until the finals."""
        requests = super()._requests(wants)
        own = {want.row for want in wants if want.reason != "final" and not self.common_order}
        return [
            Request(request.configuration, self._own(row, len(request.questions)), request.reason)
            if (row := self.space.index[request.configuration.key]) in own
            else request
            for request in requests
        ]

    def _own(self, row: int, count: int) -> tuple[str, ...]:
        key = f"{self.seed}\x00{self.space.keys[row]}"
        left = self.outcomes.missing(row)
        left.sort(key=lambda question: hashlib.sha256(f"{key}\x00{question}".encode()).digest())
        return tuple(left[:count])

    def _take(self, blocks: Sequence[Block]) -> None:
        self._predict(blocks)
        new: list[tuple[int, int, float]] = []
        for block in blocks:
            row = self.space.index.get(block.configuration.key)
            if row is None:
                self._learn_retrieval(block)
                continue
            for question, outcomes in block.scores.items():
                column = self._column.get(question)
                value = goal_value(outcomes.get(self.goal.metric), self.goal)
                if column is not None and value is not None and not self.outcomes.asked[row, column]:
                    new.append((row, column, self._unit(value)))
        if new:
            rows, columns, values = zip(*new, strict=True)
            self._model.add(rows, columns, values)
            self._model.update()
        super()._take(blocks)
        if new:
            self._judge()

    def _unit(self, value: float) -> float:
        """A goal value as 0..1, higher is better."""
        unit = (value - self._low) / self._scale
        return unit if self.goal.higher else 1 - unit

    def _learn_retrieval(self, block: Block) -> None:
        """A prefix's retrieval figure becomes a column of the model, as long as no answer was scored."""
        import numpy as np

        if self._model.updates or not block.scores:
            return
        names = {name for figures in block.scores.values() for name in figures}
        name = next((name for name in RETRIEVAL_PRIOR if name in names), None)
        values = [o.value for figures in block.scores.values() if name and isinstance(o := figures.get(name), Score)]
        if not values:
            return
        self._retrieval[block.configuration.key] = sum(values) / len(values)
        known = [self._retrieval.get(prefix) for prefix in self._prefix_of]
        mean = np.mean([value for value in known if value is not None])
        metric = np.array([mean if value is None else value for value in known])
        spread = float(metric.std())
        scaled = (metric - mean) / spread if spread > 0 else metric * 0.0
        design = make_design(self.space.codes, _active(self.space), _kinds(self.space), scaled)
        self._model = FactorModel(design, len(self.outcomes.questions))

    def _predict(self, blocks: Sequence[Block]) -> None:
        """Standardised errors of blocks before the model learns from them: the material of the fit check."""
        if self._model.updates < steps.FEWEST_FINALISTS:
            return
        import numpy as np

        for block in blocks:
            row = self.space.index.get(block.configuration.key)
            scores = [
                (self._column[question], self._unit(value))
                for question, figures in block.scores.items()
                if question in self._column
                and (value := goal_value(figures.get(self.goal.metric), self.goal)) is not None
            ]
            if row is None or len(scores) < 2:
                continue
            columns = np.array([column for column, _ in scores])
            values = np.array([value for _, value in scores])
            error, variance = self._model.block_error(row, columns, values)
            self._errors.append(error / variance**0.5)

    def _judge(self) -> None:
        """Give up hopeless configurations; count updates in a row with a small expected regret."""
        import numpy as np

        if self._model.updates % ENOUGH_ROUNDS:
            return
        rng = np.random.default_rng(round_seed(self.seed, self.rounds) ^ 1)
        sample = self._model.sample(rng, CLAIM_SAMPLES)
        best = sample.max(0)
        near = (sample >= 0.97 * best).mean(1)
        answered = self.outcomes.answered()
        for row in self.space.candidates:
            hopeless = near[row] < DROP and answered[row] >= self.policy.minimum
            self._hopeless[row] = self._hopeless.get(row, 0) + 1 if hopeless else 0
        seen = np.flatnonzero(answered)
        leader = int(seen[self._model.mean[seen].argmax()])
        regret = float((1 - sample[leader] / np.maximum(best, 1e-9)).mean())
        self._enough = self._enough + 1 if regret <= ENOUGH_REGRET else 0

    def _to_stop(self) -> set[int]:
        return {row for row, times in self._hopeless.items() if times >= 2 and row not in self.stopped}

    def fit(self) -> FitCheck:
        """The fit check so far."""
        import numpy as np

        if not self._model.updates:
            return FitCheck(0, 0.0, 0.0)
        spread = float(np.sqrt(np.mean(np.square(self._errors)))) if self._errors else 0.0
        return FitCheck(len(self._errors), spread, self._model.interaction_share())

    def claims(self) -> dict[str, Claim]:
        """Posterior of every configuration by key; empty before the first update."""
        import numpy as np

        if not self._model.updates:
            return {}
        sample = self._model.sample(np.random.default_rng(round_seed(self.seed, self.rounds)), CLAIM_SAMPLES)
        best = sample.max(0)
        near, top = (
            (sample >= 0.97 * best).mean(1),
            np.bincount(sample.argmax(0), minlength=len(sample)) / CLAIM_SAMPLES,
        )
        mean = self._model.mean if self.goal.higher else 1 - self._model.mean
        return {
            key: Claim(
                key,
                float(mean[row] * self._scale + self._low),
                float(sample[row].std() * self._scale),
                float(top[row]),
                float(near[row]),
            )
            for row, key in enumerate(self.space.keys)
        }

    def notes(self) -> tuple[Note, ...]:
        """The posterior's claim when the model fits, or that it does not."""
        fit, claims = self.fit(), self.claims()
        small = self._small_budget()
        if not claims or not self.outcomes.asked.any():
            return small
        if not fit.passed:
            return (
                *small,
                Note(
                    "no_claim",
                    f"The factor model is not trusted here ({fit.blocks} predicted blocks, spread of errors "
                    f"{fit.spread:.2f}, interactions {fit.interaction:.0%}), so no probability of being best is shown.",
                    f"요인 모형을 신뢰할 수 없어 (예측 블록 {fit.blocks}개, 오차 퍼짐 {fit.spread:.2f}, 상호작용 "
                    f"{fit.interaction:.0%}) 최선일 확률을 표시하지 않습니다.",
                ),
            )
        answered = self.outcomes.answered()
        leader = max(
            (claims[key] for row, key in enumerate(self.space.keys) if answered[row]),
            key=lambda claim: (claim.mean * self.goal.sign, claim.key),
        )
        if leader.near < CLAIM:
            return small
        return (
            *small,
            Note(
                "claim",
                f"The leader of the factor model is within 3 % of the best of all {len(claims):,} configurations with "
                f"a probability of {leader.near:.0%} (model check passed).",
                f"요인 모형의 선두가 전체 {len(claims):,}개 구성 중 최선의 3 % 이내일 확률은 {leader.near:.0%}입니다 "
                "(모형 점검 통과).",
            ),
        )

    def _small_budget(self) -> tuple[Note, ...]:
        if not self.common_order:
            return ()
        return (
            Note(
                "small_budget",
                f"The limit of {self.answers} answers is too small to complete three finalists: all configurations "
                "answered the same first questions, and the best were deepened.",
                f"답변 한도 {self.answers}개로는 최종 후보 셋을 끝까지 측정할 수 없어, 모든 구성이 같은 앞쪽 문항에 "
                "답하고 상위 구성만 더 측정했습니다.",
            ),
        )


def _scale(goal: Goal) -> tuple[float, float]:
    if goal.low is None or goal.high is None or goal.high <= goal.low:
        return 0.0, 1.0
    return goal.low, goal.high - goal.low


def _active(space: EncodedSpace) -> Any:
    import numpy as np

    off = [levels.index(INACTIVE) if INACTIVE in levels else -1 for levels in space.knobs.values()]
    return space.codes != np.array(off)


def _kinds(space: EncodedSpace) -> list[Kind]:
    def kind(knob: str) -> Kind:
        stage = knob.split(".")[0]
        if stage == "generate":
            return "model"
        return "prompt" if stage == "prompt" and not knob.endswith("passages") else "retrieval"

    return [kind(knob) for knob in space.knobs]
