"""BLEU (Papineni et al. 2002, https://aclanthology.org/P02-1040) through sacrebleu."""

from __future__ import annotations

import functools
import importlib.metadata
from typing import Any

from ragscout.model.metric import Figure
from ragscout.model.outcome import Failure, Score
from ragscout.model.step import step
from ragscout.model.text import Language
from ragscout.steps.measure.base import AnswerPair, TextMetric, share
from ragscout.steps.measure.tokens import korean_tokeniser, morphemes, pair_language


@step("measure", "bleu", version=2, libraries=("sacrebleu", "kiwipiepy"))
class Bleu(TextMetric):
    """Sentence BLEU with effective order and exponential smoothing, 0..1 (sacrebleu's value divided by 100).

    All references count together, as BLEU defines it. English is tokenised with 13a and keeps its case, exactly as
    ``sacrebleu.BLEU(effective_order=True).sentence_score``. Intended difference: Korean and other scripts are split
    into morphemes (without Kiwi: syllables) joined by spaces and passed with ``tokenize="none"``, because 13a leaves
    Korean words with their particles in one piece.
    """

    def figures(self) -> tuple[Figure, ...]:
        """``bleu``, 0..1, per question."""
        return (Figure("bleu"),)

    def signature(self) -> str:
        """sacrebleu's signature, with the tokeniser of Korean beside 13a."""
        version = importlib.metadata.version("sacrebleu")
        return f"bleu|nrefs:var|case:mixed|eff:yes|tok:13a, ko:{korean_tokeniser()}|smooth:exp|version:{version}"

    def score(self, pair: AnswerPair) -> dict[str, Score | Failure]:
        """Sentence BLEU of one pair."""
        lang = pair_language(pair.references[0], pair.answer)
        answer = _prepared(pair.answer, lang)
        found = _scorer(lang == "en").sentence_score(answer, [_prepared(text, lang) for text in pair.references])
        return {"bleu": share(found.score / 100)}


def _prepared(text: str, lang: Language) -> str:
    return text if lang == "en" else " ".join(morphemes(text))


@functools.cache
def _scorer(english: bool) -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(tokenize="13a" if english else "none", effective_order=True)
