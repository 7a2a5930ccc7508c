"""SQuAD's rules for comparing short answers (Rajpurkar et al. 2016, https://aclanthology.org/D16-1264)."""

from __future__ import annotations

import functools
import re

from ragscout.model.packaged import WordTable
from ragscout.model.text import Language
from ragscout.steps.measure.tokens import content_morphemes, morphemes, without_punctuation

WORDS = WordTable(
    "squad words",
    {"articles": "a|an|the", "copula": "입니다|입니당|이에요|예요|이다|이며|임|이요|요|이라고 합니다|라고 합니다"},
)
_ARTICLES = re.compile(rf"\b({WORDS.value['articles']})\b")
_SPACES = re.compile(r"\s+")
_COPULA = re.compile(rf"(?<=[\w)])({WORDS.value['copula']})$")
_TRAILING = " .!?。！？…\"'”’"


@functools.lru_cache(maxsize=8192)
def normalised(text: str, lang: Language) -> str:
    """Text as exact match compares it.

    English: SQuAD's official steps (lower case, no punctuation, no articles, single spaces), where punctuation is
    every Unicode punctuation or symbol character and not only ASCII. Korean: no punctuation, no spaces (spacing is
    free in Korean) and no closing copula, so that ``25일`` and ``25 일입니다.`` are the same answer.
    """
    text = text.lower()
    if lang == "ko":
        text = _COPULA.sub("", text.rstrip(_TRAILING))
        return _SPACES.sub("", without_punctuation(text))
    return " ".join(_ARTICLES.sub(" ", without_punctuation(text)).split())


@functools.lru_cache(maxsize=8192)
def answer_tokens(text: str, lang: Language) -> tuple[str, ...]:
    """Tokens that token F1 compares: SQuAD's words, Korean content morphemes, else words by script."""
    if lang == "ko":
        return content_morphemes(text)
    return tuple(normalised(text, lang).split()) if lang == "en" else morphemes(text)
