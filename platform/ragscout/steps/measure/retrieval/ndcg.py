"""Normalised discounted cumulative gain (Järvelin & Kekäläinen 2002, https://doi.org/10.1145/582415.582418)."""

from __future__ import annotations

import math
from dataclasses import field
from typing import ClassVar

from ragscout.model.step import step
from ragscout.steps.measure.retrieval.base import JudgedRanking, RankMetric


class _Ndcg(RankMetric):
    """Binary gains for groups of evidence, each counted once, where it is first covered.

    A second chunk that covers a group already found gains nothing (alpha-nDCG with alpha 1, Clarke et al. 2008,
    https://doi.org/10.1145/1390334.1390446): otherwise overlapping chunks would be rewarded for repeating a passage.
    The groups, in the order they are found, take distinct ranks: a chunk that covers two groups at rank 1 counts for
    ranks 1 and 2. The ideal puts min(groups, k) groups at the first ranks. So the value lies in 0..1 and its ideal
    does not depend on how the documents were chunked. With one group it is 1 / log2(1 + rank), as everywhere.
    """

    def value(self, judged: JudgedRanking) -> float:
        """nDCG, 0..1."""
        found: set[object] = set()
        ranks: list[int] = []
        for rank, groups in enumerate(judged.covered[: self.k], 1):
            for _ in groups - found:
                ranks.append(max(rank, ranks[-1] + 1 if ranks else 1))
            found |= groups
        gained = sum(1 / math.log2(1 + rank) for rank in ranks if rank <= self.k)
        ideal = sum(1 / math.log2(1 + rank) for rank in range(1, min(judged.groups, self.k) + 1))
        return min(1.0, gained / ideal)


@step("measure", "ndcg", version=1)
class Ndcg(_Ndcg):
    """``ndcg@k`` over evidence spans."""

    k: int = field(default=10, metadata={"help": "how many hits count", "ge": 1, "le": 1000})
    cover: float = field(
        default=0.5, metadata={"help": "share of an evidence span that a chunk must hold", "ge": 0.01, "le": 1.0}
    )


@step("measure", "doc.ndcg", version=2)
class DocumentNdcg(_Ndcg):
    """``doc.ndcg@k`` over documents: every relevant document has gain 1, the ideal has all of them first."""

    documents: ClassVar[bool] = True

    k: int = field(default=10, metadata={"help": "how many distinct documents count", "ge": 1, "le": 1000})
