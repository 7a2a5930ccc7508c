"""Rankings: cutting, ordering and merging them. Ties are broken by chunk order everywhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ragscout.model.outcome import Hit, Ranking

DECIMALS = 6
"""Scores are rounded to this many decimals before they are compared, so that the order of a sum does not show."""


def ranked(scores: Mapping[int, float] | Iterable[tuple[int, float]], depth: int) -> Ranking:
    """Return the ``depth`` best chunks, best first, ties by chunk order."""
    pairs = scores.items() if isinstance(scores, Mapping) else scores
    rounded = ((round(float(score), DECIMALS), int(chunk)) for chunk, score in pairs)
    best = sorted(rounded, key=lambda item: (-item[0], item[1]))[:depth]
    return Ranking(tuple(Hit(chunk, score) for score, chunk in best))


def reciprocal_rank_fusion(rankings: Sequence[Ranking], depth: int, k: int = 60) -> Ranking:
    """Sum of 1 / (k + rank) over the rankings, rank from 1 (Cormack, Clarke and Buettcher, SIGIR 2009)."""
    scores: defaultdict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, hit in enumerate(ranking.hits, 1):
            scores[hit.chunk] += 1.0 / (k + rank)
    return ranked(scores, depth)


def merged(rankings: Sequence[Ranking], depth: int) -> Ranking:
    """Return what several texts of one query found together: a single ranking as it is, more by reciprocal rank
    fusion."""
    return Ranking(rankings[0].hits[:depth]) if len(rankings) == 1 else reciprocal_rank_fusion(rankings, depth)
