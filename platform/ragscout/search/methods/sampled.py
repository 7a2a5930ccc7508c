"""Searches that start a part of the space and deepen what looks good: the round policy with a source of proposals."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

from ragscout.model.results.board import Note
from ragscout.search import rounds as steps
from ragscout.search.proposer import BaseProposer
from ragscout.search.samplers.adapter import Direction, Known, Sampler, propose, quiet, round_seed
from ragscout.search.state import Depth, SearchState
from ragscout.words import phrase


class SampledProposer(BaseProposer):
    """The policy of ``search.policy``; subclasses say which configurations come next."""

    def _notes(self) -> tuple[Note, ...]:
        """Return what the board must say about the search: a limit too small for it."""
        if self.answers is None:
            return ()
        policy, minimum = self.policy, min(self.policy.minimum, len(self.outcomes.questions))
        rows = len(self.space.always) + min(policy.reach, len(self.space.candidates))
        needed = math.ceil((rows * minimum + policy.block) / (1 - policy.finals_share))
        if self.answers >= needed:
            return ()
        effect = phrase("note_part.no_proposals", needed=needed)
        return (Note("small_budget", {"answers": self.answers, "effect": effect}),)

    def _next(self, progress: SearchState, count: int, seed: int) -> Sequence[int]:
        """``count`` rows that were never asked."""
        raise NotImplementedError

    def _round(self) -> Sequence[Depth]:
        progress = self.progress()
        wants = steps.start(progress, self._design)
        if wants or not self.rounds_started:
            return wants
        wants, new = steps.search(progress)
        if new:
            chosen = self._next(progress, new, round_seed(self.seed, self.rounds))
            wants += [Depth(row, self.policy.block, "search") for row in chosen]
        return wants or steps.reach(progress)

    def _finals(self) -> Sequence[Depth]:
        return steps.finals(self.progress())

    def _to_stop(self) -> set[int]:
        return self.progress().to_stop()

    @property
    def rounds_started(self) -> bool:
        """Whether anything was asked or failed yet."""
        return bool(self.outcomes.asked.any()) or bool(self.outcomes.failed)

    @functools.cached_property
    def _design(self) -> list[int]:
        import numpy as np

        order = np.random.default_rng(round_seed(self.seed, -1)).permutation(len(self.space.keys)).tolist()
        return self.space.spread(steps.start_size(self.space, self.policy, self.answers), order)


class RandomProposer(SampledProposer):
    """``search: random``: new configurations are drawn uniformly, without repeats."""

    def _next(self, progress: SearchState, count: int, seed: int) -> Sequence[int]:
        import numpy as np

        drawn = np.random.default_rng(seed).permutation(progress.fresh())[:count]
        return [int(row) for row in drawn]


class OptunaProposer(SampledProposer):
    """``search: gp``, ``tpe`` or any sampler of Optuna. The sampler sees every measured configuration as a complete
    trial with its mean, corrected for which questions it answered."""

    sampler = Sampler("gp")

    def _next(self, progress: SearchState, count: int, seed: int) -> Sequence[int]:
        objectives = self._objectives(progress)
        known = {
            row: Known(self.space.params(row), objectives[row])
            for row in self.first_asked
            if row in objectives and self._comparable(row)
        }
        with quiet():
            return propose(self.sampler, self.space, known, progress.fresh(), count, seed, self._directions)

    @property
    def _directions(self) -> Sequence[Direction]:
        return ("maximize" if self.goal.higher else "minimize",)

    def _objectives(self, progress: SearchState) -> dict[int, tuple[float, ...]]:
        """Return what the sampler optimises, per measured row."""
        return {
            row: (float(progress.estimates[row]) * self.goal.sign,)
            for row in progress.started()
            if math.isfinite(progress.estimates[row])
        }

    def _comparable(self, row: int) -> bool:
        """Rows with a role may use knob values that no candidate has; the sampler must not learn to propose them."""
        return row not in self.space.always or all(
            (self.space.codes[list(self.space.candidates), k] == code).any()
            for k, code in enumerate(self.space.codes[row])
        )
