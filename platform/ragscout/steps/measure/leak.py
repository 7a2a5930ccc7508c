"""Leaks: hits that a question's filter forbids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import ClassVar

from ragscout.model.evalset import Question
from ragscout.model.metric import Figure, MeasureStep
from ragscout.model.outcome import Answer, Evidence, Failure, Prompt, Ranking, Score, Scores, Unfilled
from ragscout.model.runtime import Runtime
from ragscout.model.step import step
from ragscout.model.values import Chunks
from ragscout.steps.measure.retrieval import NO_RETRIEVAL


@step("measure", "leak", version=1)
class Leak(MeasureStep):
    """``leak@k``: how many of the first k hits lie in a document that the question's filter does not admit. A question
    without a filter cannot leak and scores 0; a ranking that failed scores k."""

    uses: ClassVar[tuple[str, ...]] = ("chunk", "rerank")
    family = "retrieval"

    k: int = field(default=10, metadata={"help": "how many hits count", "ge": 1, "le": 1000})

    def figures(self) -> tuple[Figure, ...]:
        """One figure ``leak@k``, 0..k hits."""
        return (Figure(f"leak@{self.k}", 0.0, float(self.k), float(self.k), "question", False, "hits"),)

    def signature(self) -> str:
        """What is counted."""
        return f"leak@{self.k}|unit:hit"

    async def run(
        self,
        runtime: Runtime,
        questions: Sequence[Question],
        *,
        chunk: Chunks | None = None,
        evidence: Sequence[Evidence | Failure] | None = None,
        rerank: Sequence[Ranking | Failure] | None = None,
        prompt: Sequence[Prompt | Failure] | None = None,
        generate: Sequence[Answer | Failure] | None = None,
    ) -> list[Scores | Unfilled]:
        """Counts per question, in order."""
        name = self.figures()[0].name
        if chunk is None or rerank is None:
            return [{name: NO_RETRIEVAL} for _ in questions]
        return [
            {name: found if isinstance(found, Failure) else Score(float(self._leaks(question, found, chunk)))}
            for question, found in zip(questions, rerank, strict=True)
        ]

    def _leaks(self, question: Question, ranking: Ranking, chunk: Chunks) -> int:
        names = (chunk.document[hit.chunk] for hit in ranking.hits[: self.k])
        return sum(not question.admits(chunk.meta.get(name, {})) for name in names)


def with_leaks(questions: Sequence[Question], metrics: tuple[MeasureStep, ...]) -> tuple[MeasureStep, ...]:
    """The metrics, and ``leak@10`` behind them where a question has a filter and nobody asked for it."""
    if not any(question.filter for question in questions) or any(isinstance(metric, Leak) for metric in metrics):
        return metrics
    return (*metrics, Leak())
