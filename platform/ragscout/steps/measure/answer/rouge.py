"""ROUGE-1, ROUGE-2 and ROUGE-L (Lin 2004, https://aclanthology.org/W04-1013)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import pairwise

from ragscout.model.outcome import Failure, Score
from ragscout.model.step import step
from ragscout.steps.measure.base import AnswerPair, TextMetric, share
from ragscout.steps.measure.tokens import KO_FUNCTION, korean_tokeniser, overlap_tokens, pair_language


class _Rouge(TextMetric):
    """F-measure of one kind of overlap, 0..1; the best reference counts.

    On ASCII text equal to rouge-score's ``RougeScorer`` without stemmer. Intended differences: letters outside ASCII
    are kept (rouge-score drops them, so that identical Korean texts score 0 there), and Korean is compared by its
    morphemes without particles and endings.
    """

    def signature(self) -> str:
        """Kind, tokenisers."""
        return f"{self.name}|f1|nrefs:best|case:lower|stem:no|tok:alphanumeric, ko:{korean_tokeniser()} content"

    def score(self, pair: AnswerPair) -> dict[str, Score | Failure]:
        """Best F-measure over the references."""
        best = 0.0
        for reference in pair.references:
            lang = pair_language(reference, pair.answer)
            best = max(best, self._f1(overlap_tokens(reference, lang), overlap_tokens(pair.answer, lang)))
        return {self.name: share(best)}

    def _f1(self, reference: Sequence[str], answer: Sequence[str]) -> float:
        raise NotImplementedError


@step("measure", "rouge1", version=2, libraries=("kiwipiepy",), packaged=(KO_FUNCTION,))
class Rouge1(_Rouge):
    """ROUGE-1: F-measure of shared words."""

    def _f1(self, reference: Sequence[str], answer: Sequence[str]) -> float:
        return overlap_f1(reference, answer)


@step("measure", "rouge2", version=2, libraries=("kiwipiepy",), packaged=(KO_FUNCTION,))
class Rouge2(_Rouge):
    """ROUGE-2: F-measure of shared word pairs; texts of fewer than two words have none, two equal ones score 1."""

    def _f1(self, reference: Sequence[str], answer: Sequence[str]) -> float:
        if reference == answer and len(reference) == 1:
            return 1.0
        return overlap_f1(list(pairwise(reference)), list(pairwise(answer)))


@step("measure", "rougeL", version=2, libraries=("kiwipiepy",), packaged=(KO_FUNCTION,))
class RougeL(_Rouge):
    """ROUGE-L: F-measure of the longest common subsequence of words."""

    def _f1(self, reference: Sequence[str], answer: Sequence[str]) -> float:
        return f1(lcs_length(reference, answer), len(answer), len(reference))


def overlap_f1(reference: Sequence[Hashable], answer: Sequence[Hashable]) -> float:
    """F1 of two bags, 0..1; 0 when either is empty."""
    return f1(sum((Counter(reference) & Counter(answer)).values()), len(answer), len(reference))


def f1(shared: int, answer: int, reference: int) -> float:
    """Harmonic mean of ``shared/answer`` and ``shared/reference``; 0 when nothing is shared."""
    return 2 * shared / (answer + reference) if shared else 0.0


def lcs_length(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence, bit-parallel (Hyyrö 2004): O(len(one) * len(other) / word size)."""
    places: dict[str, int] = {}
    for position, token in enumerate(one):
        places[token] = places.get(token, 0) | 1 << position
    full = (1 << len(one)) - 1
    row = full
    for token in other:
        hit = row & places.get(token, 0)
        row = ((row + hit) | (row - hit)) & full
    return len(one) - row.bit_count()
