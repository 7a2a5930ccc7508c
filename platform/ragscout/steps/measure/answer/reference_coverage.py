"""How much of the reference stands in the retrieved text: a retrieval figure for questions without evidence."""

from __future__ import annotations

from dataclasses import field

from ragscout.model.evalset import Question
from ragscout.model.metric import Figure
from ragscout.model.outcome import Evidence, Failure, Ranking, Score
from ragscout.model.step import step
from ragscout.model.values import Chunks
from ragscout.steps.measure.base import references_of
from ragscout.steps.measure.retrieval.base import RankingMetric
from ragscout.steps.measure.tokens import EN_STOP, KO_FUNCTION, clean, content_words, korean_tokeniser


@step(
    "measure",
    "reference_coverage",
    version=1,
    libraries=("kiwipiepy", "PyStemmer"),
    packaged=(EN_STOP, KO_FUNCTION),
)
class ReferenceCoverage(RankingMetric):
    """Share of the distinct content words of a reference that occur in the first k chunks, 0..1; best reference.

    A column of its own: it says less than a metric over evidence, because words can stand there for another reason.
    Content words: stems without stop words; in Korean morphemes without particles and endings.
    """

    k: int = field(default=5, metadata={"help": "how many hits count", "ge": 1, "le": 1000})

    def figures(self) -> tuple[Figure, ...]:
        """``reference_coverage@k``, 0..1."""
        return (Figure(f"{self.name}@{self.k}"),)

    def signature(self) -> str:
        """Tokenisers and cut-off."""
        return f"{self.name}@{self.k}|nrefs:best|tok:content stems, ko:{korean_tokeniser()} content"

    def outcome(
        self, question: Question, gold: Evidence | Failure, ranking: Ranking | Failure, chunk: Chunks
    ) -> Score | Failure:
        """``no_reference`` where there is nothing to look for; see ``RankingMetric.outcome``."""
        references = references_of(question) if question.answerable else ()
        wanted = [frozenset(content_words(reference)) for reference in references]
        if not any(wanted):
            return Failure("measurement", "no_reference", "The question has no reference with words in it.")
        if isinstance(ranking, Failure):
            return ranking
        found: set[str] = set()
        for hit in ranking.hits[: self.k]:
            found.update(content_words(clean(chunk.text[hit.chunk])))
        return Score(max(len(words & found) / len(words) for words in wanted if words))
