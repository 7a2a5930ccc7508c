"""Exact scores of candidates, the same whatever found the candidates."""

from __future__ import annotations

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
