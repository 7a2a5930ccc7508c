"""``search: factor``: many configurations, few questions each, one factor model over all of them.

One Optuna trial per configuration, kept RUNNING while it may still get questions, fed in blocks. Every configuration
has its own random question order: under the model this tells more than a common one, because question effects are
estimated across configurations. After each round the model is refitted and the next blocks go to configurations that
may be the best (top-two Thompson sampling). The finals complete the leaders, so that the board compares them on all
questions.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragscout.model.results.board import Goal, Note
from ragscout.search import rounds as steps
from ragscout.search.contract import Block
from ragscout.search.factor.claims import (
    FIT_BLOCKS,
    FactorClaim,
    FitCheck,
    claim_notes,
    make_claims,
    small_budget,
)
from ragscout.search.factor.exact import ExactPosterior, affordable
from ragscout.search.factor.learner import FactorLearner
from ragscout.search.factor.model import FactorModel, choose
from ragscout.search.factor.price import prices
from ragscout.search.methods.gam import predict
from ragscout.search.methods.halving import Bracket, bracket, halve
from ragscout.search.proposer import BaseProposer
from ragscout.search.rounds import Policy
from ragscout.search.samplers.adapter import round_seed
from ragscout.search.space import SpaceTable
from ragscout.search.state import Depth, SearchState
from ragscout.stats.ordering import orderable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

START = 64
COMPLETING_SHARE = 0.4
"""Largest share of the limit that is kept back for completing the finalists."""
DROP = 0.001
"""Configurations that are within 3 % of the best with a smaller probability, twice in a row, are given up."""
CLAIM_SAMPLES = 200
JUDGE_EVERY = 6
"""Updates between two looks at who is hopeless and how large the expected regret still is."""
ENOUGH_REGRET, ENOUGH_ROUNDS = 0.005, 3
FALLBACK_AT_ONCE, LATE_SHARE = 2, 0.3
"""A model that is not trusted decides nothing in the last part of the limit: additive predictions are measured
completely instead."""
FALLBACK_MOST = 8
"""Configurations that the fallback completes when there is no limit."""


class FactorProposer(BaseProposer):
    """Top-two Thompson sampling over a Bayesian factor model."""

    def __init__(
        self,
        space: SpaceTable,
        questions: Sequence[str],
        goal: Goal,
        seed: int,
        answers: int | None,
        policy: Policy,
        *,
        sweep: str = "sweep",
        storage: str | None = None,
        weights: Sequence[float] = (),
    ) -> None:
        super().__init__(space, questions, goal, seed, answers, policy, sweep=sweep, storage=storage, weights=weights)
        self._learner = FactorLearner(self.space, self.outcomes)
        self._orders: dict[int, NDArray[np.int64]] = {}
        self._hopeless: dict[int, int] = {}
        self._exact: tuple[int, FactorModel | ExactPosterior] | None = None
        self._enough = 0
        complete = steps.FEWEST_FINALISTS * len(questions)
        deep = complete - steps.FEWEST_FINALISTS * min(policy.minimum, len(questions))
        self.common_order = answers is not None and (answers < complete or COMPLETING_SHARE * answers < deep)
        """Whether the limit is too small to complete three finalists: then all share one question order, so that the
        board can still compare them pair by pair."""

    @property
    def _model(self) -> FactorModel:
        return self._learner.model

    def _round(self) -> Sequence[Depth]:
        progress = self.progress()
        if self.common_order:
            return steps.start(progress, ()) or halve(progress, self._bracket)
        wants = steps.start(progress, self._design)
        if wants or not self._model.updates:
            return wants
        spare = progress.left - self._reserved(progress)
        enough = self.answers is None and self._enough >= ENOUGH_ROUNDS
        if spare < 1 or (enough and not self.distrusted):
            return []
        late = enough or (self.answers is not None and spare <= LATE_SHARE * self.answers)
        if late and self.distrusted:
            return self._additive(progress, spare)
        count = max(self.policy.round, int(0.03 * self.spent / self.policy.block))
        count = min(count, -(-spare // self.policy.block))
        return self._pulls(progress, count, spare)

    def _pulls(self, progress: SearchState, count: int, spare: int) -> list[Depth]:
        import numpy as np

        room = progress.total - progress.answered
        closed = self._screened.union(self.stopped, self.outcomes.failed)
        room[list(closed)] = 0
        rng = np.random.default_rng(round_seed(self.seed, self.rounds))
        price = prices(self.space, self.outcomes, self.policy, self.answers is None, self.building)
        rows = choose(self._model, count, self.policy.block, room, rng, price)
        wants: dict[int, int] = {}
        for row in rows:
            size = min(self.policy.block, spare)
            wants[row] = wants.get(row, 0) + size
            spare -= size
        return [
            Depth(row, size, "continue" if progress.answered[row] else "search") for row, size in wants.items() if size
        ]

    def _additive(self, progress: SearchState, spare: int) -> list[Depth]:
        """Return the fallback: what an additive model of the knobs predicts to be best is measured completely, a few at
        a time, whatever was asked of it so far."""
        import numpy as np

        alive = [row for row in self.space.candidates if progress.alive(row) and row not in self.stopped]
        rows = [row for row in alive if progress.answered[row] < progress.total]
        if self.answers is None and len(alive) - len(rows) >= FALLBACK_MOST:
            return []
        seen = progress.started()
        weight = progress.answered[seen] / (progress.answered[seen] + self.policy.minimum)
        predicted = predict(self.space, seen, self.outcomes.estimates()[seen], weight)
        best = sorted(rows, key=lambda row: (-predicted[row], row))[:FALLBACK_AT_ONCE]
        sizes = np.minimum(progress.total - progress.answered[best], spare // max(1, len(best)))
        return [Depth(row, int(size), "search") for row, size in zip(best, sizes, strict=True) if size]

    @property
    def _screened(self) -> set[int]:
        """Rows that the user's screen left out."""
        return set(range(len(self.space.keys))) - set(self.space.candidates) - set(self.space.always)

    @functools.cached_property
    def _bracket(self) -> Bracket:
        return bracket(self.progress(), self.answers, self.seed)

    @property
    def distrusted(self) -> bool:
        """Whether the fit check failed after enough blocks to say so."""
        fit = self.fit()
        return fit.blocks >= FIT_BLOCKS and not fit.passed

    @functools.cached_property
    def _design(self) -> list[int]:
        """The start design, spread over the knob values."""
        import numpy as np

        size = min(self.policy.start or START, len(self.space.candidates))
        if self.answers is not None and not self.policy.start:
            size = min(size, max(1, int(self.answers * steps.START_SHARE) // self.policy.block))
        order = np.random.default_rng(round_seed(self.seed, -1)).permutation(len(self.space.keys)).tolist()
        return self.space.spread(size, order)

    def _reserved(self, progress: SearchState) -> int:
        """Answers kept back for the finals: 8 finalists shrink to 3 until they fit into their share."""
        if self.answers is None:
            return 0
        if self.common_order:
            return steps.reserved(progress)
        most = int(COMPLETING_SHARE * self.answers)
        missing = [progress.total - int(progress.answered[row]) for row in progress.started()[: self.policy.finalists]]
        named = self.space.incumbents
        roles = sum(progress.total - int(progress.answered[row]) for row in named if progress.alive(row))
        for count in range(len(missing), steps.FEWEST_FINALISTS - 1, -1):
            if sum(missing[:count]) + roles <= most:
                return sum(missing[:count]) + roles
        return min(most, sum(missing) + roles)

    def _finals(self) -> Sequence[Depth]:
        import numpy as np

        progress = self.progress()
        if self._model.updates and not self.common_order and progress.left:
            exact = orderable(self.posterior(exact=True).mean)
            progress.estimates = np.where(self._model.count > 0, exact, -np.inf)
        return steps.finals(progress)

    def _estimates(self) -> Floats:
        """Posterior means of what was measured; adjusted means where all share one question order."""
        import numpy as np

        if self.common_order:
            return super()._estimates()
        return np.where(self._model.count > 0, self._model.mean, -np.inf)

    def posterior(self, exact: bool | None = None) -> FactorModel | ExactPosterior:
        """Return what is claimed and chosen from: the exact posterior where it can be afforded, else the fast one. It
        is made once the search itself is over, unless ``exact`` says now or never."""
        if exact is None:
            left = 0 if self.answers is None else self.answers - self.spent - self._reserved(self.progress())
            exact = left <= 0 and (self.answers is not None or self._enough >= ENOUGH_ROUNDS)
        if not exact:
            return self._model
        if self._exact is None or self._exact[0] != self._model.updates:
            made = ExactPosterior(self._model, self.space) if affordable(self._model) else self._model
            self._exact = self._model.updates, made
        return self._exact[1]

    def _questions(self, want: Depth) -> tuple[str, ...]:
        """Each configuration has its own question order until the finals."""
        if self.common_order or want.reason == "final":
            return super()._questions(want)
        if want.row not in self._orders:
            import numpy as np

            rng = np.random.default_rng([self.seed, int(self.space.keys[want.row][:16], 16)])
            self._orders[want.row] = rng.permutation(len(self.outcomes.questions))
        return self.outcomes.missing(want.row, want.count, self._orders[want.row])

    def _take(self, blocks: Sequence[Block], free: bool = False) -> None:
        self._learner.predict(blocks)
        new = self._learner.cells(blocks)
        super()._take(blocks, free)
        if self.prior.moved or any(block.configuration.key not in self.space.index for block in blocks):
            self._learner.learn_retrieval(*self.prior.columns())
        if new:
            self._learner.learn(new)
            self._judge()

    def _judge(self) -> None:
        """Give up hopeless configurations; count updates in a row with a small expected regret."""
        import numpy as np

        if self._model.updates % JUDGE_EVERY:
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
        leader = int(seen[orderable(self._model.mean[seen]).argmax()])
        regret = float((1 - sample[leader] / np.maximum(best, 1e-9)).mean())
        self._enough = self._enough + 1 if regret <= ENOUGH_REGRET else 0

    def _to_stop(self) -> set[int]:
        if self.policy.stop == "none":
            return set()
        return {row for row, times in self._hopeless.items() if times >= 2 and row not in self.stopped}

    def fit(self) -> FitCheck:
        """Return the fit check so far."""
        return self._learner.fit()

    def claims(self, exact: bool | None = None) -> dict[str, FactorClaim]:
        """Posterior of every configuration by key; empty before the first update. ``exact``: as in ``posterior``."""
        import numpy as np

        if not self._model.updates:
            return {}
        posterior = self.posterior(exact)
        sample = posterior.sample(np.random.default_rng(round_seed(self.seed, self.rounds)), CLAIM_SAMPLES)
        mean = posterior.mean if self.goal.higher else 1 - posterior.mean
        mean = orderable(mean * self._learner.scale + self._learner.low)
        return make_claims(self.space.keys, mean, sample, self._learner.scale)

    def _notes(self) -> tuple[Note, ...]:
        """Return the posterior's claim when the model fits, or that it does not; a limit too small for the search."""
        if self.common_order and self.answers is not None:
            return (small_budget(self.answers),)
        claims = self.claims()
        if not claims or not self.outcomes.asked.any():
            return ()
        answered = self.outcomes.answered()
        measured = [claims[key] for row, key in enumerate(self.space.keys) if answered[row]]
        leader = max(measured, key=lambda claim: (claim.mean * self.goal.sign, claim.key))
        return claim_notes(self.fit(), leader, len(claims))
