"""Korean particles: which of two forms follows a word, by the last sound of the word."""

from __future__ import annotations

import re

PAIRS = ("은/는", "이/가", "을/를", "와/과", "으로/로")
"""Particles that a catalogue may ask for."""
_OPEN = {"은/는": "는", "이/가": "가", "을/를": "를", "와/과": "와", "으로/로": "로"}
_CLOSED = {"은/는": "은", "이/가": "이", "을/를": "을", "와/과": "과", "으로/로": "으로"}
_BOTH = {"은/는": "은(는)", "이/가": "이(가)", "을/를": "을(를)", "와/과": "와(과)", "으로/로": "(으)로"}
_BESIDE = re.compile(r"(?<=\S)\s*[(\[][^()\[\]]*[)\]]$")
"""Something in brackets at the end: the particle goes with the word before it."""
_FIRST, _LAST, _FINALS, _RIEUL = 0xAC00, 0xD7A3, 28, 8
_DIGITS = {"0": "m", "1": "l", "2": "", "3": "m", "4": "", "5": "", "6": "k", "7": "l", "8": "l", "9": ""}
"""Final sound of a digit's Sino-Korean name; every power of ten up to 10^11 ends in a consonant as 0 (영) does."""
_LETTERS = {"L": "l", "R": "l", "M": "m", "N": "m"}
"""Final sound of a letter's name; the names of the other letters end in a vowel."""


def particle(word: str, pair: str) -> str:
    """Return the particle of ``pair`` that follows ``word``.

    A Korean word goes by its last syllable, a number by its last digit as it is read, an English word by its last
    letters, an abbreviation in capitals by the name of its last letter. Where the sound is not known, both forms are
    given: ``은(는)``.

    Raises:
        KeyError: ``pair`` is none of ``PAIRS``.
    """
    final = _final(word)
    if final is None:
        return _BOTH[pair]
    if not final or (final == "l" and pair == "으로/로"):
        return _OPEN[pair]
    return _CLOSED[pair]


def _final(word: str) -> str | None:
    """Return the final consonant of a word: ``l``, some other one, empty for a vowel; ``None`` where it is not
    known."""
    bare = _BESIDE.sub("", word.strip()).rstrip("'\"`’”)]}>.,:;!?…*_ ")
    last = bare[-1:]
    if not last:
        return None
    if _FIRST <= ord(last) <= _LAST:
        number = (ord(last) - _FIRST) % _FINALS
        return "" if not number else "l" if number == _RIEUL else "k"
    if last in _DIGITS:
        return _DIGITS[last]
    if last == "%":
        return ""
    if not (last.isascii() and last.isalpha()):
        return None
    tail = re.search(r"(?<![A-Za-z])[A-Za-z]++$", bare)
    return _latin(tail.group() if tail is not None else last)


def _latin(word: str) -> str:
    """Return the final sound of an English word as Korean takes it over: ``model`` ends in ㄹ, ``chain`` in ㄴ."""
    if word.isupper() and (len(word) > 1 or word in _LETTERS):
        return _LETTERS.get(word[-1], "")
    low = word.lower()
    if len(low) > 2 and low[-1] == "e" and low[-2] in "lmn":  # a silent e: baseline, table
        low = low[:-1]
    if low.endswith("ng") or low[-1] in "mn":
        return "m"
    if low[-1] == "l":
        return "l"
    short = re.search(r"(?:^|[^aeiou])[aeiou][bckpt]$", low)  # a short vowel before a stop: top, chat
    return "k" if short else ""
