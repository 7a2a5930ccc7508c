"""``search: nsga2`` and ``search: motpe``: quality, cost and latency at once.

The sampler sees three objectives: the goal's estimate, money per question (tokens where no price is known), and
seconds per question. A configuration is given up only against one that is neither dearer nor slower. The front of
what was measured is given by ``search.front``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ragscout.model.results.board import Note
from ragscout.search import rounds as steps
from ragscout.search.methods.front import knee, pareto
from ragscout.search.methods.sampled import OptunaProposer
from ragscout.search.samplers.adapter import Direction, Sampler
from ragscout.search.state import Depth, SearchState


class ParetoProposer(OptunaProposer):
    """NSGA-II over quality, cost and latency."""

    sampler = Sampler("nsga2")

    @property
    def _directions(self) -> Sequence[Direction]:
        return ("maximize" if self.goal.higher else "minimize", "minimize", "minimize")

    def _objectives(self, progress: SearchState) -> dict[int, tuple[float, ...]]:
        money = any(usage.money for usage in self.outcomes.usage.values())
        found: dict[int, tuple[float, ...]] = {}
        for row in progress.started():
            if math.isfinite(progress.estimates[row]):
                usage, n = self.outcomes.usage[row], int(progress.answered[row])
                cost = (usage.money or 0.0) if money else usage.input_tokens + usage.output_tokens
                found[row] = (float(progress.estimates[row]) * self.goal.sign, cost / n, usage.seconds / n)
        return found

    def _to_stop(self) -> set[int]:
        progress = self.progress()
        known = self._objectives(progress)
        stopped = set()
        for row in progress.open():
            if row not in known:
                continue
            rivals = [
                other
                for other in known
                if other != row and all(a <= b for a, b in zip(known[other][1:], known[row][1:], strict=True))
            ]
            best = max(rivals, key=lambda other: (progress.estimates[other], -other), default=None)
            if best is not None and progress.loses(row, best):
                stopped.add(row)
        return stopped

    def _finals(self) -> Sequence[Depth]:
        """Return the front first, all to one depth, then what the round policy completes."""
        progress = self.progress()
        known = {row: value for row, value in self._objectives(progress).items() if row not in self.stopped}
        if not known or not progress.left:
            return []
        rows = list(known)
        front = [rows[i] for i in pareto([_larger(known[row], self.goal.sign) for row in rows])]
        front.sort(key=lambda row: (-progress.estimates[row], row))
        group = front[: self.policy.finalists]
        depth = steps.common_depth([int(progress.answered[row]) for row in group], progress.left, progress.total)
        wants = [Depth(row, depth - int(progress.answered[row]), "final") for row in group]
        return [want for want in wants if want.count > 0] or steps.finals(progress)

    def _notes(self) -> tuple[Note, ...]:
        """Return the search's own notes, and how large the front is."""
        progress = self.progress()
        known = self._objectives(progress)
        if not known:
            return super()._notes()
        rows = list(known)
        points = [_larger(known[row], self.goal.sign) for row in rows]
        front = pareto(points)
        chosen = self.space.configurations[rows[front[knee([points[i] for i in front])]]].label()
        return (*super()._notes(), Note("front", {"front": len(front), "rows": len(rows), "name": chosen}))


class MultiTPEProposer(ParetoProposer):
    """``search: motpe``: the multi-objective form of Optuna's TPE."""

    sampler = Sampler("motpe")


def _larger(values: tuple[float, ...], sign: int) -> tuple[float, ...]:
    """Objectives with "more is better" throughout."""
    return values[0] * sign, -values[1], -values[2]
