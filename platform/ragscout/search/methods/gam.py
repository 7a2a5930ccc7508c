"""``search: gam``: an additive model of the knobs, and always the configuration it predicts to be best.

The shape of a generalised additive model on categorical knobs: one effect per value, by ridge regression on the
estimates of what was measured. Real RAG grids are almost additive, so this is the strong simple method, and what the
factor search falls back on when its own model does not fit.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ragscout.search.methods.deepening import DeepeningProposer
from ragscout.search.samplers.adapter import round_seed
from ragscout.search.space import EncodedSpace
from ragscout.search.state import SearchState
from ragscout.stats.ordering import orderable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RIDGE = 0.5
"""Weight on every effect being zero: half a configuration's."""
START = 10
AT_ONCE = 2


def predict(space: EncodedSpace, rows: Sequence[int], values: Floats, weights: Floats | None = None) -> Floats:
    """Additive prediction for every configuration from ``values`` of ``rows``; ``weights``: relative precision.

    Knobs that a configuration does not have contribute nothing.
    """
    import numpy as np

    weight = np.ones(len(rows)) if weights is None else weights / weights.mean()
    hot = one_hot(space)
    known, centre = hot[list(rows)], float(np.average(values, weights=weight))
    gram = (known * weight[:, None]).T @ known + RIDGE * np.eye(hot.shape[1])
    effects = np.linalg.solve(gram, known.T @ (weight * (values - centre)))
    # values without an answer get equal effects, so that many predictions are equal
    return orderable(centre + hot @ effects)


def one_hot(space: EncodedSpace) -> Floats:
    """Return main effects, shape (configurations, values of all knobs); a knob that is absent is a zero row."""
    import numpy as np

    blocks = [np.zeros((len(space.keys), 0))]
    for k in range(len(space.knobs)):
        blocks.append(np.eye(int(space.codes[:, k].max()) + 1)[space.codes[:, k]] * space.active[:, k, None])
    return np.hstack(blocks)


class GAMProposer(DeepeningProposer):
    """Ten configurations spread over the knobs, then the best predicted ones, two at a time."""

    def _wanted(self) -> int:
        return START + 2 * sum(len(levels) - 1 for levels in self.space.knobs.values())

    def _next(self, progress: SearchState) -> Iterable[int]:
        todo = self._open(progress, self._design)
        if todo:
            return todo
        started = [row for row in self.space.candidates if progress.answered[row]]
        return self._open(progress, started) or best_new(self.space, progress, AT_ONCE)

    @functools.cached_property
    def _design(self) -> list[int]:
        import numpy as np

        order = np.random.default_rng(round_seed(self.seed, -1)).permutation(len(self.space.keys)).tolist()
        fits = START if self.answers is None else max(1, self.answers // (2 * self.depth))
        return self.space.spread(min(START, fits), order)


def best_new(space: EncodedSpace, progress: SearchState, count: int) -> list[int]:
    """Return the ``count`` configurations never asked that are predicted to be best."""
    import numpy as np

    rows = [row for row in progress.started() if np.isfinite(progress.estimates[row])]
    fresh = progress.fresh()
    if not rows or not fresh:
        return fresh[:count]
    predicted = predict(space, rows, progress.estimates[rows])
    return sorted(fresh, key=lambda row: (-predicted[row], row))[:count]
