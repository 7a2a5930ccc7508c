"""Leaks: hits that a question's filter forbids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from ragscout.model.evalset import Question
from ragscout.model.metric import Figure, MeasureStep
from ragscout.model.outcome import Evidence, Failure, Ranking, Score
from ragscout.model.step import step
from ragscout.model.values import Chunks
from ragscout.steps.measure.retrieval.base import RankingMetric


@step("measure", "leak", version=1)
class Leak(RankingMetric):
    """``leak@k``: how many of the first k hits lie in a document that the question's filter does not admit. A question
    without a filter cannot leak and scores 0; a ranking that failed scores k."""

    k: int = field(default=10, metadata={"help": "how many hits count", "ge": 1, "le": 1000})

    def figures(self) -> tuple[Figure, ...]:
        """One figure ``leak@k``, 0..k hits."""
        return (Figure(f"leak@{self.k}", 0.0, float(self.k), float(self.k), False, "hits"),)

    def signature(self) -> str:
        """Return what is counted."""
        return f"leak@{self.k}|unit:hit"

    def outcome(
        self, question: Question, gold: Evidence | Failure, ranking: Ranking | Failure, chunk: Chunks
    ) -> Score | Failure:
        """See ``RankingMetric.outcome``."""
        if isinstance(ranking, Failure):
            return ranking
        names = (chunk.document[hit.chunk] for hit in ranking.hits[: self.k])
        return Score(float(sum(not question.admits(chunk.meta.get(name, {})) for name in names)))


def with_leaks(questions: Sequence[Question], metrics: tuple[MeasureStep, ...]) -> tuple[MeasureStep, ...]:
    """Return the metrics, and ``leak@10`` behind them where a question has a filter and nobody asked for it."""
    if not any(question.filter for question in questions) or any(isinstance(metric, Leak) for metric in metrics):
        return metrics
    return (*metrics, Leak())
