"""Exact scores of chunks by their vectors, the same whatever found the candidates and whatever machine it is."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from ragscout.model.outcome import Ranking
from ragscout.steps.rankings import DECIMALS, ranked

if TYPE_CHECKING:
    import numpy as np

MARGIN = 64
"""Candidates that are fetched from disk beyond the depth."""
_EPSILON = 2.0**-23
"""Twice the relative error of one float32 operation."""
_PRODUCTS = 1 << 20
"""Products held at once while scores are made."""


def slack(dim: int) -> float:
    """By how much a float32 score may lie below the last of the depth and its chunk still belong to the ranking.

    The inner product of two vectors of norm 1 is off by at most ``dim`` roundings, in whatever order it is summed
    (Higham 2002, Accuracy and Stability of Numerical Algorithms, section 3.1). Both scores may be off, and rounded
    scores are compared.
    """
    return 10.0**-DECIMALS + 2 * dim * _EPSILON


def exact(rows: np.ndarray, vectors: np.ndarray, query: np.ndarray, depth: int) -> Ranking:
    """Rank by inner product; ``vectors[i]``, float32, belongs to chunk ``rows[i]``.

    Equal vectors must get equal scores, whatever stands beside them: a matrix product does not promise that, since it
    sums a row in an order that depends on the row's place, the processor and the threads. Products of two float32
    numbers are exact in float64. They are added row by row in numpy's pairwise order, which depends on the length of a
    row alone.
    """
    import numpy as np

    wide = query.astype(np.float64)
    scores = np.empty(len(vectors))
    step = max(1, _PRODUCTS // max(1, len(wide)))
    for at in range(0, len(vectors), step):
        scores[at : at + step] = np.add.reduce(vectors[at : at + step].astype(np.float64) * wide, axis=1)
    return ranked(zip(rows.tolist(), scores.tolist(), strict=True), depth)


def in_matrix(matrix: np.ndarray, query: np.ndarray, depth: int, keep: np.ndarray | None = None) -> Ranking:
    """Rank the rows of a matrix held in memory; ``keep``: which rows may be found, bool per row.

    A float32 product only names candidates: every row that could reach the depth is scored by ``exact``.
    """
    import numpy as np

    scores = np.einsum("ij,j->i", matrix, query)
    rows = np.arange(len(scores)) if keep is None else keep.nonzero()[0]
    if len(rows) > depth:
        found = scores[rows]
        least = np.partition(found, len(rows) - depth)[len(rows) - depth]
        rows = rows[found >= least - slack(len(query))]
    return exact(rows, matrix[rows], query, depth)


class Matrices:
    """Matrices of the indices used last, together at most as large as the memory limit. Thread-safe."""

    def __init__(self) -> None:
        """Empty."""
        self._kept: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str, limit: int, load: Callable[[], np.ndarray]) -> np.ndarray:
        """Return the matrix of that name, loaded when it is not held; the ones used longest ago make room for it."""
        with self._lock:
            if name not in self._kept:
                self._kept[name] = load()
            self._kept.move_to_end(name)
            while len(self._kept) > 1 and sum(matrix.nbytes for matrix in self._kept.values()) > limit:
                self._kept.popitem(last=False)
            return self._kept[name]
