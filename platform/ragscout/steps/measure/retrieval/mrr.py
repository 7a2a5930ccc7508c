"""Reciprocal rank (Voorhees 1999, TREC-8): how early the first relevant hit comes."""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar

from ragscout.model.step import step
from ragscout.steps.measure.retrieval.base import JudgedRanking, RankMetric


class _Mrr(RankMetric):
    """1 / rank of the first hit among the first k that covers any group, 0 when there is none."""

    def value(self, judged: JudgedRanking) -> float:
        """Reciprocal rank, 0..1."""
        ranks = (rank for rank, groups in enumerate(judged.covered[: self.k], 1) if groups)
        first = next(ranks, None)
        return 1 / first if first else 0.0


@step("measure", "mrr", version=1)
class Mrr(_Mrr):
    """``mrr@k`` over evidence spans; its mean over questions is the mean reciprocal rank."""

    k: int = field(default=10, metadata={"help": "how many hits count", "ge": 1, "le": 1000})
    cover: float = field(
        default=0.5, metadata={"help": "share of an evidence span that a chunk must hold", "ge": 0.01, "le": 1.0}
    )


@step("measure", "doc.mrr", version=1)
class DocumentMrr(_Mrr):
    """``doc.mrr@k`` over documents."""

    documents: ClassVar[bool] = True

    k: int = field(default=10, metadata={"help": "how many distinct documents count", "ge": 1, "le": 1000})
