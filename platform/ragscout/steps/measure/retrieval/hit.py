"""Hit rate: is anything relevant among the first k?"""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar

from ragscout.model.step import step
from ragscout.steps.measure.retrieval.base import JudgedRanking, RankMetric


class _Hit(RankMetric):
    """1 when one of the first k covers any group of evidence, else 0."""

    def value(self, judged: JudgedRanking) -> float:
        """0 or 1."""
        return float(any(judged.covered[: self.k]))


@step("measure", "hit", version=1)
class HitRate(_Hit):
    """``hit@k`` over evidence spans."""

    k: int = field(default=5, metadata={"help": "how many hits count", "ge": 1, "le": 1000})
    cover: float = field(
        default=0.5, metadata={"help": "share of an evidence span that a chunk must hold", "ge": 0.01, "le": 1.0}
    )


@step("measure", "doc.hit", version=1)
class DocumentHit(_Hit):
    """``doc.hit@k`` over documents."""

    documents: ClassVar[bool] = True

    k: int = field(default=5, metadata={"help": "how many distinct documents count", "ge": 1, "le": 1000})
