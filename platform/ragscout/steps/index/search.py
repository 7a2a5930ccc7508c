"""Exact scores of candidates, the same whatever found the candidates."""

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
"""Candidates fetched beyond the depth: more than the rounding of a float32 product can reorder."""


def exact(rows: np.ndarray, vectors: np.ndarray, query: np.ndarray, depth: int) -> Ranking:
    """Inner products in float64, rounded and ordered; ``vectors[i]`` belongs to chunk ``rows[i]``."""
    import numpy as np

    scores = np.einsum("ij,j->i", vectors.astype(np.float64), query.astype(np.float64))
    return ranked(zip(rows.tolist(), scores.tolist(), strict=True), depth)


def in_matrix(matrix: np.ndarray, query: np.ndarray, depth: int) -> Ranking:
    """The nearest rows of a matrix held in memory.

    One matrix-vector product per query by einsum, whose bits depend neither on other queries nor on threads; every
    row that could reach the depth after rounding is scored again in float64.
    """
    import numpy as np

    scores = np.einsum("ij,j->i", matrix, query)
    if len(scores) > depth:
        least = np.partition(scores, len(scores) - depth)[len(scores) - depth]
        rows = np.flatnonzero(scores >= least - 2 * 10.0**-DECIMALS)
    else:
        rows = np.arange(len(scores))
    return exact(rows, matrix[rows], query, depth)


class Matrices:
    """Matrices of the indices used last, together at most as large as the memory limit. Thread-safe."""

    def __init__(self) -> None:
        """Empty."""
        self._kept: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str, limit: int, load: Callable[[], np.ndarray]) -> np.ndarray:
        """The matrix of that name, loaded when it is not held; the ones used longest ago make room for it."""
        with self._lock:
            if name not in self._kept:
                self._kept[name] = load()
            self._kept.move_to_end(name)
            while len(self._kept) > 1 and sum(matrix.nbytes for matrix in self._kept.values()) > limit:
                self._kept.popitem(last=False)
            return self._kept[name]
