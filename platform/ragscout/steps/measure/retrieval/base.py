"""What the retrieval metrics share: which groups of gold evidence each hit of a ranking covers.

Gold evidence is spans of documents, never chunk ids. Spans with one group number are alternatives, every group is
needed. A chunk covers a span when it holds at least ``cover`` of the span's code points. Document metrics count
documents and know no groups: each document that holds a span or is gold by its id is relevant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Unpack

from ragscout.model.evalset import Question
from ragscout.model.metric import Figure, MeasureStep, MetricInputs
from ragscout.model.outcome import Evidence, Failure, PlacedSpan, Ranking, Score, Scores, Unfilled
from ragscout.model.runtime import Runtime
from ragscout.model.values import Chunks

NO_RETRIEVAL = Failure("measurement", "unsuitable", "This configuration retrieves nothing.")


@dataclass(frozen=True)
class JudgedRanking:
    """A ranking against gold evidence: per rank, the groups that the hit covers; and how many groups there are."""

    covered: tuple[frozenset[object], ...]
    groups: int


class RankingMetric(MeasureStep):
    """Base of metrics with one figure that read a ranking's chunks; a subclass implements ``outcome``."""

    uses: ClassVar[tuple[str, ...]] = ("chunk", "rerank")
    family = "retrieval"

    def outcome(
        self, question: Question, gold: Evidence | Failure, ranking: Ranking | Failure, chunk: Chunks
    ) -> Score | Failure:
        """Return the figure of one question. ``gold`` is empty for metrics that do not use ``evidence``."""
        raise NotImplementedError

    async def run(
        self, runtime: Runtime, questions: Sequence[Question], **given: Unpack[MetricInputs]
    ) -> list[Scores | Unfilled]:
        """Outcomes per question, in order."""
        name = self.figures()[0].name
        chunk, rankings = given.get("chunk"), given.get("rerank")
        if chunk is None or rankings is None:
            return [{name: NO_RETRIEVAL} for _ in questions]
        placed = given.get("evidence") or [Evidence()] * len(questions)
        return [
            {name: self.outcome(question, gold, ranking, chunk)}
            for question, gold, ranking in zip(questions, placed, rankings, strict=True)
        ]


class RankMetric(RankingMetric):
    """Base of metrics of a ranking against gold evidence; a subclass declares ``k`` and implements ``value``.

    Questions without evidence get ``no_evidence``, questions with a group whose quotes could not be placed in this
    corpus ``unplaced``: both are the measurement's, so no configuration is charged for them.
    """

    uses: ClassVar[tuple[str, ...]] = ("chunk", "evidence", "rerank")
    documents: ClassVar[bool] = False

    k: int
    cover: float = 0.5

    def figures(self) -> tuple[Figure, ...]:
        """One figure ``name@k``, 0..1."""
        return (Figure(f"{self.name}@{self.k}"),)

    def signature(self) -> str:
        """Return unit of relevance and parameters."""
        unit = "document" if self.documents else f"span|cover:{self.cover}"
        return f"{self.name}@{self.k}|unit:{unit}"

    def value(self, judged: JudgedRanking) -> float:
        """Return the metric, 0..1; ``judged.covered`` may be shorter or longer than ``k``, ``judged.groups`` is at
        least 1."""
        raise NotImplementedError

    def outcome(
        self, question: Question, gold: Evidence | Failure, ranking: Ranking | Failure, chunk: Chunks
    ) -> Score | Failure:
        """See ``RankingMetric.outcome``."""
        failure = without_evidence(question, gold, documents=self.documents)
        if failure is not None:
            return failure
        if isinstance(ranking, Failure):
            return ranking
        assert isinstance(gold, Evidence)
        if self.documents:
            return Score(self.value(judge_documents(gold, ranking, chunk)))
        return Score(self.value(judge_spans(gold, ranking, chunk, self.cover)))


def without_evidence(question: Question, gold: Evidence | Failure, *, documents: bool) -> Failure | None:
    """Why a question has no retrieval score, ``None`` when it has one."""
    if isinstance(gold, Failure):
        return gold
    if not question.answerable:
        return Failure("measurement", "no_evidence", "The question is unanswerable: no document answers it.")
    if documents:
        if gold.documents or gold.spans:
            return None
    else:
        wanted = {span.group for span in question.evidence if span.quote or span.start is not None}
        missing = wanted - {span.group for span in gold.spans}
        if missing or (gold.unplaced and not gold.spans):
            return Failure("measurement", "unplaced", "Evidence of this question could not be placed in this corpus.")
        if gold.spans:
            return None
    what = "document" if documents else "evidence span"
    return Failure("measurement", "no_evidence", f"The question has no {what}.")


def judge_spans(gold: Evidence, ranking: Ranking, chunk: Chunks, cover: float) -> JudgedRanking:
    """Return groups of spans that each hit covers, best hit first."""
    by_document: dict[str, list[PlacedSpan]] = {}
    for span in gold.spans:
        by_document.setdefault(span.document, []).append(span)
    covered = []
    for hit in ranking.hits:
        start, end = chunk.start[hit.chunk], chunk.end[hit.chunk]
        covered.append(
            frozenset(
                span.group
                for span in by_document.get(chunk.document[hit.chunk], ())
                if _covers(start, end, span, cover)
            )
        )
    return JudgedRanking(tuple(covered), len({span.group for span in gold.spans}))


def judge_documents(gold: Evidence, ranking: Ranking, chunk: Chunks) -> JudgedRanking:
    """Return which relevant document each distinct document of the ranking is.

    Every document that holds a span or is gold by its id is relevant, and a group of its own. A document ranks where
    its best chunk ranks; parts of one document are that document.
    """
    sources = chunk.sources
    named = [span.document for span in gold.spans] + list(gold.documents)
    relevant = {sources.get(name, name) for name in named}
    names = (chunk.document[hit.chunk] for hit in ranking.hits)
    order = dict.fromkeys(sources.get(name, name) for name in names)
    covered = [frozenset({document} & relevant) for document in order]
    return JudgedRanking(tuple(covered), len(relevant))


def _covers(start: int, end: int, span: PlacedSpan, cover: float) -> bool:
    length = span.end - span.start
    if length <= 0:
        return start <= span.start < end
    return min(end, span.end) - max(start, span.start) >= cover * length
