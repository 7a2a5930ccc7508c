"""SQuAD's rules for comparing short answers (Rajpurkar et al. 2016, https://aclanthology.org/D16-1264)."""

from __future__ import annotations

import functools
import re

from ragscout.model.packaged import WordTable
from ragscout.model.text import Language
from ragscout.providers.tokenize import closes_predicate, kiwi_available
from ragscout.steps.measure.tokens import content_morphemes, morphemes, without_punctuation

WORDS = WordTable(
    "squad words",
    {
        "articles": "a|an|the",
        "copula": "입니다|입니당|이에요|예요|이다|이며|임|이요|요|이라고 합니다|라고 합니다",
        "may be a word's end": "이다|이며|임|이요|요",
    },
)
_ARTICLES = re.compile(rf"\b({WORDS.value['articles']})\b")
_SPACES = re.compile(r"\s+")
_AMBIGUOUS = frozenset(WORDS.value["may be a word's end"].split("|"))
_COPULA = re.compile(rf"(?<=[\w)])({WORDS.value['copula']})$")
_TRAILING = " .!?。！？…\"'”’"


@functools.lru_cache(maxsize=8192)
def normalised(text: str, lang: Language) -> str:
    """Text as exact match compares it.

    English: SQuAD's official steps (lower case, no punctuation, no articles, single spaces), where punctuation is
    every Unicode punctuation or symbol character and not only ASCII. Korean: no punctuation, no spaces (spacing is
    free in Korean) and no closing copula, so that ``25일`` and ``25 일입니다.`` are the same answer. Where a word may
    end like a copula (``책임``, ``필요``) Kiwi decides; without Kiwi it stays.
    """
    text = text.lower()
    if lang == "ko":
        text = _without_copula(text.rstrip(_TRAILING))
        return _SPACES.sub("", without_punctuation(text))
    return " ".join(_ARTICLES.sub(" ", without_punctuation(text)).split())


def _without_copula(text: str) -> str:
    found = _COPULA.search(text)
    if found is None:
        return text
    sure = found[1] not in _AMBIGUOUS or (kiwi_available() and closes_predicate(text, found.start()))
    return text[: found.start()] if sure else text


@functools.lru_cache(maxsize=8192)
def answer_tokens(text: str, lang: Language) -> tuple[str, ...]:
    """Tokens that token F1 compares: SQuAD's words, Korean content morphemes, else words by script."""
    if lang == "ko":
        return content_morphemes(text)
    return tuple(normalised(text, lang).split()) if lang == "en" else morphemes(text)
