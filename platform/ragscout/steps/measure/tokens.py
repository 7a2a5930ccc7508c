"""Tokens that the overlap metrics compare, chosen by the language of each text. Repeated texts are tokenised once."""

from __future__ import annotations

import functools
import re
import unicodedata

from ragscout.model.text import Language, language, normalise
from ragscout.prompts.files import PackagedFile
from ragscout.providers import tokenize

MAX_CHARACTERS = 20_000
"""Texts are cut here before they are scored, so that a runaway answer takes bounded time; the score says so."""

EN_STOP = PackagedFile("ragscout.steps.measure", "words/en-stop.txt")
"""English stop words."""

KO_FUNCTION = PackagedFile("ragscout.steps.measure", "words/ko-function.txt")
"""Particles, endings and light verbs as Kiwi writes them: what an article is in English; they join any two Korean
texts."""

_LATIN_WORD = re.compile(r"[^\W_]+")


def clean(text: str) -> str:
    """NFC text without lone surrogates, cut to ``MAX_CHARACTERS`` code points."""
    return normalise(text)[:MAX_CHARACTERS]


def pair_language(reference: str, answer: str) -> Language:
    """Language that decides the tokeniser of a pair: Korean where either is, so that a Latin reference is found in a
    Korean answer (``API``, ``API입니다.``); else the reference's, else the answer's (a bare number has none)."""
    found, other = language(reference), language(answer)
    return "ko" if "ko" in (found, other) else found if found != "other" else other


def korean_tokeniser() -> str:
    """``kiwi`` (morphemes) where Kiwi is installed, else ``characters``, with its version, for signatures."""
    return tokenize.library("kiwi" if tokenize.kiwi_available() else "characters")


@functools.cache
def word_list(file: PackagedFile) -> frozenset[str]:
    """Return the words of a packaged list."""
    return frozenset(file.text.split())


@functools.lru_cache(maxsize=8192)
def morphemes(text: str) -> tuple[str, ...]:
    """Korean text as morphemes (or single syllables without Kiwi), foreign words whole, lower case, no punctuation."""
    return tuple(tokenize.words(text, korean="kiwi" if tokenize.kiwi_available() else "characters", stem=False))


@functools.lru_cache(maxsize=8192)
def content_morphemes(text: str) -> tuple[str, ...]:
    """``morphemes`` without particles and endings; all of them where nothing else is left."""
    every = morphemes(text)
    return tuple(token for token in every if token not in word_list(KO_FUNCTION)) or every


@functools.lru_cache(maxsize=8192)
def latin_words(text: str) -> tuple[str, ...]:
    """Maximal runs of letters and digits, lower case; on ASCII text exactly rouge-score's default tokens."""
    return tuple(_LATIN_WORD.findall(text.lower()))


def overlap_tokens(text: str, lang: Language) -> tuple[str, ...]:
    """Tokens for ROUGE: content morphemes for Korean, words for English, runs of one script for the rest."""
    if lang == "ko":
        return content_morphemes(text)
    return latin_words(text) if lang == "en" else morphemes(text)


@functools.lru_cache(maxsize=8192)
def content_words(text: str) -> tuple[str, ...]:
    """Distinct words that carry meaning, in order: stems without stop words, content morphemes in Korean text."""
    lang = language(text)
    if lang == "ko":
        return tuple(dict.fromkeys(content_morphemes(text)))
    found = [word for word in tokenize.words(text, stem=False) if word not in word_list(EN_STOP)]
    return tuple(dict.fromkeys(tokenize.words(" ".join(found))))


def without_punctuation(text: str) -> str:
    """Return the text with every Unicode punctuation and symbol character removed."""
    return "".join(char for char in text if unicodedata.category(char)[0] not in "PS")
