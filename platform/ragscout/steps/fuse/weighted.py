"""``weighted``: a weighted sum of scores brought to one scale."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import field

from ragscout.model.outcome import Ranking
from ragscout.model.step import step
from ragscout.steps.fuse.both import FuseBoth
from ragscout.steps.rankings import ranked


@step("fuse", "weighted", version=1)
class WeightedFusion(FuseBoth):
    """``weight`` x dense + (1 - weight) x lexical, each list's scores scaled to 0..1 by its least and largest.

    A chunk that a list does not hold gets 0 from it. A list whose scores are all equal gives 1 to each.
    """

    weight: float = field(default=0.5, metadata={"help": "share of the dense ranking", "ge": 0.0, "le": 1.0})

    def fuse(self, dense: Ranking, lexical: Ranking) -> Ranking:
        """See the class."""
        scores: defaultdict[int, float] = defaultdict(float)
        for weight, ranking in ((self.weight, dense), (1.0 - self.weight, lexical)):
            for chunk, score in _scaled(ranking):
                scores[chunk] += weight * score
        return ranked(scores, self.depth)


def _scaled(ranking: Ranking) -> list[tuple[int, float]]:
    if not ranking.hits:
        return []
    low, high = min(hit.score for hit in ranking.hits), max(hit.score for hit in ranking.hits)
    return [(hit.chunk, (hit.score - low) / (high - low) if high > low else 1.0) for hit in ranking.hits]
