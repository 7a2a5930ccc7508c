"""``search: halving``: successive halving on the common question order.

Many configurations answer the first block; the better half goes on to twice as many questions, and so on until the
last ones have answered everything (Karnin, Koren, Somekh 2013; rate 2). How many start follows from the limit. The
state is read off the outcomes alone: at each depth the best of those that are one step behind are moved up until the
depth holds its share.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from ragscout.search import rounds as steps
from ragscout.search.proposer import BaseProposer
from ragscout.search.rounds import FEWEST_FINALISTS, Policy
from ragscout.search.samplers.adapter import round_seed
from ragscout.search.state import Depth, SearchState


def depths(block: int, total: int) -> list[int]:
    """Questions after each halving: the block, doubled up to the total."""
    found = [min(block, total)]
    while found[-1] < total:
        found.append(min(total, 2 * found[-1]))
    return found


@dataclass(frozen=True)
class Bracket:
    """Who takes part and how deep: ``shares[i]`` of ``rows`` answer ``depths[i]`` questions."""

    rows: tuple[int, ...]
    depths: tuple[int, ...]
    shares: tuple[int, ...]


def shares(count: int, at: Sequence[int], policy: Policy) -> list[int]:
    """How many of ``count`` reach each depth: half of the last ones, never fewer than ``reach`` up to the minimum of
    questions and three after it, so that the end is a comparison."""
    return [
        min(count, max(-(-count // 2**rung), policy.reach if deep <= policy.minimum else FEWEST_FINALISTS))
        for rung, deep in enumerate(at)
    ]


def affordable(limit: int | None, most: int, at: Sequence[int], policy: Policy) -> int:
    """Return the most configurations (at least 1, at most ``most``) whose halving fits ``limit`` answers."""

    def price(count: int) -> int:
        steps_up = zip(shares(count, at, policy), (0, *at[:-1]), at, strict=True)
        return sum(share * (deep - before) for share, before, deep in steps_up)

    if limit is None:
        return most
    low, high = 1, max(1, most)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if price(middle) <= limit else (low, middle - 1)
    return low


def bracket(progress: SearchState, limit: int | None, seed: int) -> Bracket:
    """Return a halving that fits ``limit`` beside the rows with a role. Where too few could be completed, the last
    depth is lowered until ``reach`` configurations take part."""
    import numpy as np

    space, policy, total = progress.space, progress.policy, progress.total
    if limit is not None:
        roles = len(space.always) * min(policy.block, total) + len(space.incumbents) * max(0, total - policy.block)
        limit = max(0, limit - roles)
    most = len(space.candidates) if not policy.trials else min(len(space.candidates), policy.trials)
    for deep in range(total, 0, -policy.block):
        at = depths(policy.block, deep)
        count = affordable(limit, most, at, policy)
        if count >= min(policy.reach, most) or deep <= policy.minimum:
            break
    order = np.random.default_rng(round_seed(seed, -1)).permutation(len(space.keys)).tolist()
    rows = space.spread(count if most else 0, order)
    return Bracket(tuple(rows), tuple(at), tuple(shares(len(rows), at, policy)))


def halve(progress: SearchState, plan: Bracket) -> list[Depth]:
    """Return the next questions of a halving; empty when the last ones answered everything."""
    alive = sorted((row for row in plan.rows if progress.alive(row)), key=lambda row: -progress.estimates[row])
    before = 0
    for rung, (deep, share) in enumerate(zip(plan.depths, plan.shares, strict=True)):
        there = sum(progress.answered[row] >= deep for row in alive)
        behind = [row for row in alive if before <= progress.answered[row] < deep]
        up = behind[: max(0, share - there)]
        if up:
            reason = "continue" if rung else "search"
            return [Depth(row, deep - int(progress.answered[row]), reason) for row in up]
        before = deep
    return []


class HalvingProposer(BaseProposer):
    """Successive halving; what is left of the limit deepens the leaders."""

    def _round(self) -> Sequence[Depth]:
        progress = self.progress()
        return steps.start(progress, ()) or halve(progress, self._bracket)

    def _finals(self) -> Sequence[Depth]:
        return steps.finals(self.progress())

    @functools.cached_property
    def _bracket(self) -> Bracket:
        return bracket(self.progress(), self.answers, self.seed)
