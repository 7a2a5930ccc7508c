"""Words, morphemes and sentences of English, Korean and mixed text.

Every rule works on runs of one script, also inside one word (``API로`` is ``api`` and ``로``), so that one index or one
metric serves mixed text. No model is loaded, except Kiwi where it is asked for (extra ``korean``).
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import re
import threading
import unicodedata
from collections.abc import Iterator
from typing import Any, Literal

from ragscout.model.errors import MissingExtraError
from ragscout.model.packaged import WordTable
from ragscout.model.text import normalise

_PREDICATE = frozenset({"VCP", "EF", "EC", "ETN", "JX"})
"""Kiwi's tags of the copula, of endings and of the polite particle."""
Korean = Literal["bigrams", "kiwi", "characters"]
RULES = "ragscout words 1"
"""Name and version of the rules below; grows when their output changes."""

_HANGUL = "\uac00-\ud7a3\u1100-\u11ff\u3130-\u318f\ua960-\ua97f"
_CJK = "\u4e00-\u9fff\u3400-\u4dbf\uf900-\ufaff\u3040-\u30ff\U00020000-\U0003ffff"
_STEMS = threading.Lock()
_KIWI = threading.Lock()


def words(
    text: str,
    *,
    korean: Korean = "bigrams",
    stem: bool = True,
    lowercase: bool = True,
) -> list[str]:
    """Tokens of a text, in order; punctuation is dropped.

    Args:
        text: any text; it is brought to NFC first.
        korean: ``bigrams`` gives the character bigrams inside each Hangul word (a word of one syllable stays whole),
            ``characters`` its single syllables, ``kiwi`` the morphemes Kiwi finds.
        stem: whether Latin words are stemmed (Snowball English).
        lowercase: whether case is folded.

    Chinese and Japanese runs become character bigrams, other scripts' words stay whole. Numbers are tokens:
    ``3.14`` and ``15.2.1`` stay whole, a grouped ``1,000`` becomes ``1000``.

    Raises:
        MissingExtraError: for ``kiwi`` when kiwipiepy is not installed.
    """
    text = normalise(text).replace("’", "'")
    if lowercase:
        text = text.casefold()
    found: list[str] = []
    for match in _pattern(korean == "kiwi").finditer(text):
        kind, piece = match.lastgroup, match[0]
        if kind == "hangul":
            found.extend(_hangul(piece, korean))
        elif kind == "cjk":
            found.extend(_bigrams(piece))
        elif kind == "grouped":
            found.append(piece.replace(",", ""))
        elif kind == "word" and stem:
            found.append(_stem(piece))
        else:
            found.append(piece)
    return found


def morphemes(text: str) -> list[str]:
    """Kiwi's morphemes for Hangul, plain words for the rest, nothing stemmed; punctuation is dropped.

    Raises:
        MissingExtraError: when kiwipiepy is not installed.
    """
    return words(text, korean="kiwi", stem=False)


def closes_predicate(text: str, start: int) -> bool:
    """Whether a Korean text has a copula or an ending from ``start`` on, and no word that merely looks like one.

    Raises:
        MissingExtraError: when kiwipiepy is not installed.
    """
    return any(token.start == start and token.tag in _PREDICATE for token in _kiwi().tokenize(text))


def kiwi_available() -> bool:
    """Whether Kiwi can be used (extra ``korean``)."""
    return importlib.util.find_spec("kiwipiepy") is not None


def library(korean: Korean) -> str:
    """Return what tokenises Korean, with its version, for signatures."""
    if korean != "kiwi":
        return f"{RULES} ({korean})"
    if not kiwi_available():
        raise MissingExtraError("Korean morphemes (kiwi)", "korean")
    return f"{RULES} (kiwipiepy {importlib.metadata.version('kiwipiepy')})"


@functools.cache
def _pattern(phrases: bool) -> re.Pattern[str]:
    """Return runs of one script. ``phrases`` joins neighbouring Hangul words, so that Kiwi sees their context."""
    letter = rf"[^\W\d_{_HANGUL}{_CJK}]"
    word = f"{letter}(?:{letter}|[{_marks()}])*"
    hangul = f"[{_HANGUL}]+"
    if phrases:
        hangul = rf"{hangul}(?:[ \t]+{hangul})*"
    return re.compile(
        f"(?P<hangul>{hangul})|(?P<cjk>[{_CJK}]+)"
        rf"|(?P<grouped>(?<![\d.,])\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?(?![\d,]))|(?P<number>\d+(?:\.\d+)*)"
        f"|(?P<word>{word}(?:'{word})*)"
    )


def _marks() -> str:
    """Return combining marks of the basic plane as a character class: they belong to the letter before them."""
    marks = [code for code in range(0x300, 0x10000) if unicodedata.category(chr(code)) in ("Mn", "Mc")]
    starts = [code for code in marks if unicodedata.category(chr(code - 1)) not in ("Mn", "Mc")]
    ends = [code for code in marks if unicodedata.category(chr(code + 1)) not in ("Mn", "Mc")]
    return "".join(f"{chr(start)}-{chr(end)}" for start, end in zip(starts, ends, strict=True))


def _hangul(piece: str, korean: Korean) -> list[str]:
    if korean == "characters":
        return list(piece)
    if korean == "bigrams":
        return _bigrams(piece)
    with _KIWI:
        return [token.form for token in _kiwi().tokenize(piece)]


def _bigrams(piece: str) -> list[str]:
    return [piece] if len(piece) == 1 else [piece[i : i + 2] for i in range(len(piece) - 1)]


@functools.cache
def _kiwi() -> Any:
    """Return the one instance of the process; callers hold the lock, since Kiwi's own thread-safety is not promised."""
    if not kiwi_available():
        raise MissingExtraError("Korean morphemes (kiwi)", "korean")
    from kiwipiepy import Kiwi

    return Kiwi(num_workers=1)


@functools.cache
def _stemmer() -> Any:
    import Stemmer

    return Stemmer.Stemmer("english")


@functools.lru_cache(maxsize=1 << 17)
def _stem(word: str) -> str:
    with _STEMS:
        return str(_stemmer().stemWord(word))


SENTENCE_WORDS = WordTable(
    "sentence words",
    {
        "abbreviations": (
            r"mrs?|ms|dr|prof|sr|jr|st|vs|etc|eg|ie|e\.g|i\.e|approx|dept|inc|ltd|corp|al|cf|est|resp|incl|excl|tel"
            r"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
        ),
        "before numbers": r"nos?|figs?|vol|pp?|ch|art|sec|ca",
        "korean endings": "다요죠까네음임함됨",
    },
)
"""What tells the end of a sentence from an abbreviation, and where Korean needs no space behind the full stop."""

_ABBREVIATIONS = re.compile(SENTENCE_WORDS.value["abbreviations"])
_BEFORE_NUMBERS = re.compile(SENTENCE_WORDS.value["before numbers"])
_LIST_ITEM = r"(?:[-*+•·▪◦※]|\(?\d{1,3}[.)]|\(?[a-zA-Z가-힣][.)])[ \t]+"
_BLOCK = re.compile(rf"[ \t]*(?:{_LIST_ITEM}|#{{1,6}}[ \t]|\||>|```|~~~|$)")
_ONE_LINE = re.compile(r"[ \t]*(?:#{1,6}[ \t]|\||```|~~~)")
_CLOSING = "\"'”’)\\]}」』》】〉"
_CANDIDATE = re.compile(
    rf"[。！？]+[{_CLOSING}]*"
    rf"|(?<![.!?…])[.!?…]++[{_CLOSING}]*+(?=\s|$)"
    rf"|(?<=[{SENTENCE_WORDS.value['korean endings']}])[.!?]+(?=[가-힣])"
    r"|\n",
)
_LAST_WORD = re.compile(r"(?<![\w.])[\w.]*+$")


def sentences(text: str) -> list[tuple[int, int]]:
    """Sentences as code point offsets ``(start, end)``: in order, without gaps, each with its trailing white space.

    Rules, no model: a sentence ends at ``. ! ? …`` before white space (not after an abbreviation, an initial or a list
    number, not before a lower-case letter), at ``。！？``, after a Korean final ending even without white space, and at
    a line break where a blank line, heading, list item, table row, quotation or code fence begins or a heading, table
    row or fence ends. Other line breaks are wrapped lines. An empty text has no sentences.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for end in _ends(text):
        if end > start:
            spans.append((start, end))
            start = end
    if start < len(text):
        if spans and not text[start:].strip():
            spans[-1] = (spans[-1][0], len(text))
        else:
            spans.append((start, len(text)))
    return spans


def _ends(text: str) -> Iterator[int]:
    """Where sentences end: behind the white space that follows them."""
    skip_to = len(text) - len(text.lstrip())
    for match in _CANDIDATE.finditer(text):
        if match.start() < skip_to:
            continue
        if match[0] == "\n" and not _line_ends(text, match.start()):
            continue
        if match[0] != "\n" and not _sentence_ends(text, match):
            continue
        end = match.end()
        while end < len(text) and text[end].isspace():
            end += 1
        skip_to = end
        yield end


def _line_ends(text: str, at: int) -> bool:
    """Whether the line break at ``at`` ends a sentence."""
    line_start = text.rfind("\n", 0, at) + 1
    if _ONE_LINE.match(text, line_start, at):
        return True
    line_end = text.find("\n", at + 1)
    return _BLOCK.match(text, at + 1, len(text) if line_end < 0 else line_end) is not None


def _sentence_ends(text: str, match: re.Match[str]) -> bool:
    """Whether the punctuation of ``match`` ends a sentence."""
    if match[0][0] != "." or match[0].startswith(".."):
        return True
    line_start = text.rfind("\n", 0, match.start()) + 1
    before = text[max(line_start, match.start() - 24) : match.start()]
    found = _LAST_WORD.search(before)
    word = found[0] if found else ""
    if _ABBREVIATIONS.fullmatch(word.lower()) or re.fullmatch(r"(?:[A-Za-z]\.)*[A-Z]", word):
        return False
    if word and text[line_start : match.start()].strip() == word and re.fullmatch(r"\d{1,3}|[A-Za-z가-힣]", word):
        return False
    following = text[match.end() : match.end() + 80].lstrip()[:1]
    if following.isdigit() and _BEFORE_NUMBERS.fullmatch(word.lower()):
        return False
    return not (following.islower() and following.isascii())
