"""Recall: the share of the needed evidence among the first k."""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar

from ragscout.model.step import step
from ragscout.steps.measure.retrieval.base import JudgedRanking, RankMetric


class _Recall(RankMetric):
    """Groups of evidence covered by the first k, divided by all groups."""

    def value(self, judged: JudgedRanking) -> float:
        """Found groups / groups, 0..1."""
        return len(frozenset[object]().union(*judged.covered[: self.k])) / judged.groups


@step("measure", "recall", version=1)
class Recall(_Recall):
    """``recall@k`` over evidence spans."""

    k: int = field(default=5, metadata={"help": "how many hits count", "ge": 1, "le": 1000})
    cover: float = field(
        default=0.5, metadata={"help": "share of an evidence span that a chunk must hold", "ge": 0.01, "le": 1.0}
    )


@step("measure", "doc.recall", version=2)
class DocumentRecall(_Recall):
    """``doc.recall@k`` over documents: relevant documents among the first k, divided by all relevant documents."""

    documents: ClassVar[bool] = True

    k: int = field(default=5, metadata={"help": "how many distinct documents count", "ge": 1, "le": 1000})
