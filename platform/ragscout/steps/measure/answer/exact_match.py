"""Exact match after SQuAD's normalisation."""

from __future__ import annotations

from ragscout.model.outcome import Failure, Score
from ragscout.model.step import step
from ragscout.steps.measure.base import AnswerPair, TextMetric
from ragscout.steps.measure.squad import WORDS, normalised
from ragscout.steps.measure.tokens import pair_language


@step("measure", "exact_match", version=2, libraries=("kiwipiepy",), packaged=(WORDS,))
class ExactMatch(TextMetric):
    """1 when the answer equals a reference after normalisation, else 0; the best reference counts.

    English follows SQuAD's official script, with Unicode punctuation removed too; Korean as ``squad.normalised``. An
    answer of punctuation alone equals only a reference of the same characters.
    """

    def signature(self) -> str:
        """Rules."""
        return "exact_match|nrefs:best|norm:squad-1.1 unicode, ko:no spaces, no copula"

    def score(self, pair: AnswerPair) -> dict[str, Score | Failure]:
        """0 or 1."""
        same = False
        for reference in pair.references:
            lang = pair_language(reference, pair.answer)
            wanted, given = normalised(reference, lang), normalised(pair.answer, lang)
            same = same or (wanted == given if wanted or given else reference.strip() == pair.answer.strip())
        return {"exact_match": Score(float(same))}
