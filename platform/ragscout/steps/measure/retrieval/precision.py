"""Precision: the share of the first k that is relevant."""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar

from ragscout.model.step import step
from ragscout.steps.measure.retrieval.base import JudgedRanking, RankMetric


class _Precision(RankMetric):
    """Hits among the first k that cover any group, divided by k (as trec_eval does, also when fewer were retrieved)."""

    def value(self, judged: JudgedRanking) -> float:
        """Relevant hits / k, 0..1."""
        return sum(bool(groups) for groups in judged.covered[: self.k]) / self.k


@step("measure", "precision", version=1)
class Precision(_Precision):
    """``precision@k`` over evidence spans."""

    k: int = field(default=5, metadata={"help": "how many hits count", "ge": 1, "le": 1000})
    cover: float = field(
        default=0.5, metadata={"help": "share of an evidence span that a chunk must hold", "ge": 0.01, "le": 1.0}
    )


@step("measure", "doc.precision", version=1)
class DocumentPrecision(_Precision):
    """``doc.precision@k`` over documents."""

    documents: ClassVar[bool] = True

    k: int = field(default=5, metadata={"help": "how many distinct documents count", "ge": 1, "le": 1000})
