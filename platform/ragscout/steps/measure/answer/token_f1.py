"""Token F1 after SQuAD's normalisation."""

from __future__ import annotations

from ragscout.model.outcome import Failure, Score
from ragscout.model.step import step
from ragscout.steps.measure.answer.rouge import overlap_f1
from ragscout.steps.measure.base import AnswerPair, TextMetric, share
from ragscout.steps.measure.squad import WORDS, answer_tokens
from ragscout.steps.measure.tokens import KO_FUNCTION, korean_tokeniser, pair_language


@step("measure", "token_f1", version=2, libraries=("kiwipiepy",), packaged=(WORDS, KO_FUNCTION))
class TokenF1(TextMetric):
    """F1 of the tokens that answer and reference share, 0..1; the best reference counts.

    English follows SQuAD's official script; Korean compares morphemes without particles and endings. Two texts
    without any token (punctuation, emoji) score 1 when they are the same characters, else 0.
    """

    def signature(self) -> str:
        """Rules and tokenisers."""
        return f"token_f1|nrefs:best|norm:squad-1.1 unicode|tok:space, ko:{korean_tokeniser()} content"

    def score(self, pair: AnswerPair) -> dict[str, Score | Failure]:
        """Best F1 over the references."""
        best = 0.0
        for reference in pair.references:
            lang = pair_language(reference, pair.answer)
            wanted, given = answer_tokens(reference, lang), answer_tokens(pair.answer, lang)
            if not wanted and not given:
                best = max(best, float(reference.strip() == pair.answer.strip()))
            else:
                best = max(best, overlap_f1(wanted, given))
        return {"token_f1": share(best)}
