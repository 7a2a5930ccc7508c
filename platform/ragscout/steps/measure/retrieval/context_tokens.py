"""How much text the first k chunks are: the price of a retrieval score."""

from __future__ import annotations

import functools
import re
from dataclasses import field

from ragscout.model.evalset import Question
from ragscout.model.metric import Figure
from ragscout.model.outcome import Evidence, Failure, Ranking, Score
from ragscout.model.step import step
from ragscout.model.values import Chunks
from ragscout.steps.measure.retrieval.base import RankingMetric

_TOKEN = re.compile(r"[A-Za-z]{1,12}|[0-9]{1,3}|[^\W\d_A-Za-z]{1,2}|[^\w\s]|_")
MOST_TOKENS = 1e9


@step("measure", "context_tokens", version=1)
class ContextTokens(RankingMetric):
    """Tokens of the first k chunks, counted by character class, the same for every configuration and model.

    A token is a run of up to 12 Latin letters, up to 3 digits, up to 2 letters of another script (Hangul, Han), or
    one punctuation character: about what sub-word tokenisers give, without depending on one. Lower is better; it
    stands beside the retrieval scores because larger chunks win recall for free.
    """

    k: int = field(default=5, metadata={"help": "how many hits count", "ge": 1, "le": 1000})

    def figures(self) -> tuple[Figure, ...]:
        """``context_tokens@k``, a count; a failed retrieval costs none."""
        return (Figure(f"{self.name}@{self.k}", high=MOST_TOKENS, higher_is_better=False, unit="tokens"),)

    def signature(self) -> str:
        """Return the counting rule and the cut-off."""
        return f"{self.name}@{self.k}|tok:character classes"

    def outcome(
        self, question: Question, gold: Evidence | Failure, ranking: Ranking | Failure, chunk: Chunks
    ) -> Score | Failure:
        """See ``RankingMetric.outcome``."""
        if isinstance(ranking, Failure):
            return ranking
        return Score(float(sum(count_tokens(chunk.text[hit.chunk]) for hit in ranking.hits[: self.k])))


@functools.lru_cache(maxsize=1 << 14)
def count_tokens(text: str) -> int:
    """Tokens of a text by character class."""
    return sum(1 for _ in _TOKEN.finditer(text))
