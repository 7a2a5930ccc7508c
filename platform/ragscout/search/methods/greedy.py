"""``search: greedy``: one knob at a time, models first.

From a random configuration all values of the first knob are measured and the best is kept, then those of the next
knob, twice around; then again from another random configuration. On public grids this order beats the order of the
pipeline (arXiv 2505.03452).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence

from ragscout.model.stages import STAGES, keys
from ragscout.search.methods.deepening import DeepeningProposer
from ragscout.search.samplers.adapter import round_seed
from ragscout.search.space import kind_of
from ragscout.search.state import SearchState

TURNS = 2
RESTARTS = 50


class GreedyProposer(DeepeningProposer):
    """Coordinate-wise search with restarts."""

    def _wanted(self) -> int:
        return sum(len(levels) for levels in self.space.knobs.values()) * 3 // 2

    def _next(self, progress: SearchState) -> Iterable[int]:
        for rows in self._walk(progress):
            todo = self._open(progress, rows)
            if todo:
                return todo
        return []

    def _walk(self, progress: SearchState) -> Iterator[list[int]]:
        """Yield the rows compared at each step. A step is decided by the estimates, so the caller must not go on before
        its rows are measured."""
        import numpy as np

        knobs = sorted(range(len(self.space.knobs)), key=lambda k: _place(list(self.space.knobs)[k]))
        ties = np.random.default_rng(round_seed(self.seed, -2)).permutation(len(self.space.keys)).tolist()
        candidates = set(self.space.candidates)
        for at in [row for row in ties if row in candidates][:RESTARTS]:
            yield [at]
            for turn in range(TURNS):
                before = at
                for k in knobs:
                    rows = self._values(at, k, ties)
                    yield rows
                    at = _best(rows, progress)
                if turn and at == before:
                    break

    def _values(self, row: int, knob: int, order: Sequence[int]) -> list[int]:
        """Return the row with each value of one knob, mapped to configurations that exist (kept, as every round walks
        the whole way again)."""
        if (row, knob) not in self._neighbours:
            self._neighbours[row, knob] = self._mapped(row, knob, order)
        return self._neighbours[row, knob]

    @functools.cached_property
    def _neighbours(self) -> dict[tuple[int, int], list[int]]:
        return {}

    def _mapped(self, row: int, knob: int, order: Sequence[int]) -> list[int]:
        name, levels = list(self.space.knobs.items())[knob]
        params = self.space.params(row)
        found = [
            self.space.nearest({**params, name: level}, self.space.candidates, [row, *(r for r in order if r != row)])
            for level in levels
        ]
        return list(dict.fromkeys([row, *found]))


def _best(rows: Sequence[int], progress: SearchState) -> int:
    """Return the best of the rows; the first one, which is where the walk stands, wins ties."""
    return max(rows, key=lambda row: progress.estimates[row])


def _place(knob: str) -> tuple[int, str]:
    if kind_of(knob) == "model":
        return 0, knob
    turns = [STAGES[stage].decided for stage in keys().get(knob.split(".")[0], ()) if STAGES[stage].decided]
    return min(turns, default=len(STAGES)), knob
