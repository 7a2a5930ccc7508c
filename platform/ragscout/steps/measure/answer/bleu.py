"""BLEU (Papineni et al. 2002, https://aclanthology.org/P02-1040) through sacrebleu."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Sequence
from typing import Any

from ragscout.model.metric import Figure
from ragscout.model.outcome import Failure, Score
from ragscout.model.step import step
from ragscout.model.text import Language, language
from ragscout.steps.measure.base import AnswerPair, TextMetric, share
from ragscout.steps.measure.tokens import clean, korean_tokeniser, morphemes, pair_language


@step("measure", "bleu", version=1, libraries=("sacrebleu", "kiwipiepy"))
class Bleu(TextMetric):
    """Sentence BLEU with effective order and exponential smoothing, 0..1 (sacrebleu's value divided by 100).

    All references count together, as BLEU defines it. English is tokenised with 13a and keeps its case, exactly as
    ``sacrebleu.BLEU(effective_order=True).sentence_score``. Intended difference: Korean and other scripts are split
    into morphemes (without Kiwi: syllables) joined by spaces and passed with ``tokenize="none"``, because 13a leaves
    Korean words with their particles in one piece. ``corpus_bleu`` gives the set-level figure.
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
        found = _scorer(lang == "en", True).sentence_score(answer, [_prepared(text, lang) for text in pair.references])
        return {"bleu": share(found.score / 100)}


SET_FIGURE = Figure("bleu.corpus", level="set")
"""Declaration of ``corpus_bleu``'s figure: shown beside, never a goal."""


def corpus_bleu(answers: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Corpus BLEU of a whole set, 0..1 (sacrebleu's defaults: no effective order); 0 for an empty set.

    A set in one language uses that language's tokeniser; as soon as one reference is not English, all texts are
    split by script, since counts of two tokenisers must not be added.
    """
    pairs = [
        (clean(answer), [clean(text) for text in texts]) for answer, texts in zip(answers, references, strict=True)
    ]
    pairs = [(answer, texts) for answer, texts in pairs if texts]
    if not pairs:
        return 0.0
    english = all(language(text) != "ko" for _, texts in pairs for text in texts)
    lang: Language = "en" if english else "ko"
    most = max(len(texts) for _, texts in pairs)
    columns = [
        [_prepared(texts[column], lang) if column < len(texts) else None for _, texts in pairs]
        for column in range(most)
    ]
    found = _scorer(english, False).corpus_score([_prepared(answer, lang) for answer, _ in pairs], columns)
    return float(min(1.0, max(0.0, found.score / 100)))


def _prepared(text: str, lang: Language) -> str:
    return text if lang == "en" else " ".join(morphemes(text))


@functools.cache
def _scorer(english: bool, effective_order: bool) -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(tokenize="13a" if english else "none", effective_order=effective_order)
