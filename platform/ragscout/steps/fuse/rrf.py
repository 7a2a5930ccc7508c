"""``rrf``: reciprocal rank fusion."""

from __future__ import annotations

from dataclasses import field

from ragscout.model.outcome import Ranking
from ragscout.model.step import step
from ragscout.steps.fuse.both import FuseBoth
from ragscout.steps.rankings import reciprocal_rank_fusion


@step("fuse", "rrf", version=1)
class RRF(FuseBoth):
    """Sum of 1 / (k + rank) over both rankings (Cormack, Clarke and Buettcher, SIGIR 2009)."""

    k: int = field(default=60, metadata={"help": "the larger, the less the first ranks stand out", "ge": 1, "le": 1000})

    def fuse(self, dense: Ranking, lexical: Ranking) -> Ranking:
        """See the class."""
        return reciprocal_rank_fusion((dense, lexical), self.depth, self.k)
