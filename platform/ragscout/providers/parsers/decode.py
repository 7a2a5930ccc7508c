"""Bytes to text: which encoding a file was written in, and how sure that is. Tables and documents share it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

from ragscout.model.text import script

DAMAGED = "\ufffd"
SURE = 0.8
"""Confidence from which on an encoding needs no second look."""
_LIKELY = 0.7  # confidence from which on no other encoding is tried
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_.:-]+)""", re.IGNORECASE)
_KOREAN_NAMES = ("euc-kr", "ks_c_5601-1987", "ksc5601")
_GUESSES = ["shift_jis", "euc_jp", "gb18030", "big5", "cp1250", "cp1251", "koi8_r", "iso8859_7"]
_HIGH = re.compile(rb"[\x80-\xff]")
_RUN = re.compile("[^\x00-\x7f]+")
_SAMPLE = 1 << 20
_HEAD = 4096
_LETTERS = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜÝßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÿŒœŠšŽžŸ")
_INSIDE = frozenset("’‘´·–—\xa0\xad")  # marks that stand between letters too
_MARKS = frozenset("“”„‚‹›«»…•†‡‰™€£¥¢§©®°±²³µ¶¹º¼½¾×÷¿¡ª") | _INSIDE


class Guess(NamedTuple):
    """An encoding and how sure it is, 0..1; 1 where a mark, a declaration or the bytes themselves prove it."""

    encoding: str
    confidence: float = 1.0


def decode(data: bytes, *, markup: bool = False) -> tuple[str, Guess]:
    """Text and the encoding it was read with. Bytes that do not decode become U+FFFD, which callers count."""
    guess = detect(data, markup=markup)
    return data.decode(guess.encoding, errors="replace"), guess


def guessed(guess: Guess) -> list[str]:
    """Return what is to be said of an encoding that is not sure: nothing or one sentence."""
    if guess.confidence >= SURE:
        return []
    return [f"its encoding was guessed: {guess.encoding} (confidence {guess.confidence:.0%}); save it as UTF-8"]


def detect(data: bytes, *, markup: bool = False) -> Guess:
    """Return the encoding of a file.

    Tried in order: byte order mark, UTF-8, UTF-16 without a mark, the encoding an HTML or XML head declares
    (``markup``), UTF-8 with a few broken bytes, CP949 (which contains EUC-KR) and Windows-1252 by what their
    characters would be, charset-normalizer's guess. No language is inferred from a single character.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            return Guess(name)
    utf8 = _decodes(data, "utf-8")
    wide = _utf16(data) if b"\x00" in data[:_SAMPLE] else ""
    if wide:
        return Guess(wide)
    if utf8:
        return Guess("utf-8")
    if markup:
        declared = _DECLARED.search(data[:2048])
        name = declared[1].decode("ascii").lower() if declared else ""
        name = "cp949" if name in _KOREAN_NAMES else name
        if name and _decodes(data, name):
            return Guess(name)
    sample = data[:_SAMPLE]
    if len(data) > _SAMPLE:
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    if _mostly_utf8(sample):
        return Guess("utf-8")
    return _legacy(sample)


def _legacy(sample: bytes) -> Guess:
    """Korean, Western or another encoding of one country, by what the characters would be."""
    korean, western = _korean(sample), _western(sample)
    best = max(korean, western, key=lambda guess: guess.confidence)
    if best.confidence >= _LIKELY:
        return best
    from charset_normalizer import from_bytes

    other = from_bytes(sample, cp_isolation=_GUESSES).best()
    many = len(_HIGH.findall(sample)) >= 20
    if other is not None and many and _decodes(sample, other.encoding):
        return Guess(other.encoding, max(0.5, min(0.75, 1 - other.chaos)))
    return best if best.confidence else Guess("cp1252", 0.0)


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return False
    return True


def _utf16(data: bytes) -> str:
    """Name of UTF-16 without a mark; empty when the bytes are something else.

    Some zero bytes (those of Latin letters and line ends), and ASCII or Hangul in one byte order only; or zero bytes on
    one side only. Swapped ASCII looks like Chinese, so Chinese characters prove nothing.
    """
    head = data[:_HEAD]
    if len(head) < 8 or len(data) % 2 or head.count(0) < 0.02 * len(head):
        return ""
    shares = {name: _plain_share(head.decode(name, "replace")) for name in ("utf-16-le", "utf-16-be")}
    best = max(shares, key=lambda name: shares[name])
    if shares[best] >= 0.7 and min(shares.values()) < 0.5:
        return best
    even, odd = head[0::2].count(0), head[1::2].count(0)
    name = "utf-16-le" if odd > even else "utf-16-be"
    return name if min(even, odd) * 8 <= max(even, odd) and _decodes(data, name) else ""


def _plain_share(text: str) -> float:
    """Share of printable ASCII, line ends and Hangul among the characters of a text, 0..1."""
    plain = sum(char in "\t\r\n" or " " <= char <= "~" or script(char) == "hangul" for char in text)
    return plain / len(text) if text else 0.0


def _mostly_utf8(data: bytes) -> bool:
    """Whether nearly all non-ASCII bytes belong to valid UTF-8 sequences (CP949 text practically never does)."""
    text = data.decode("utf-8", "replace")
    broken = text.count(DAMAGED)
    good = sum(1 for char in text if ord(char) > 0x7F and char != DAMAGED)
    return good >= 8 * broken or (broken <= 2 and good >= broken and len(_HIGH.findall(data)) > 2)


def _korean(data: bytes) -> Guess:
    """How surely a text is Korean: the syllables that Korean is written with are 2,350 of the 11,172 that CP949 has;
    Western letters beside ASCII give the others."""
    usual = odd = 0
    for char in data.decode("cp949", "replace"):
        if ord(char) < 0x80:
            continue
        if "가" <= char <= "힣":
            common = _decodes_as_two(char)
            usual, odd = usual + common, odd + (not common)
        elif char == DAMAGED or script(char) != "other":
            odd += 1
    if not usual:
        return Guess("cp949", 0.0)
    return Guess("cp949", _sure(usual / (usual + odd), usual))


def _decodes_as_two(char: str) -> bool:
    """Whether a syllable is one of the 2,350 of KS X 1001 (two bytes in EUC-KR)."""
    try:
        return len(char.encode("euc_kr")) == 2
    except UnicodeEncodeError:
        return False


def _western(data: bytes) -> Guess:
    """How surely a text is Windows-1252: accented letters stand alone or in pairs within words, marks stand where
    marks stand."""
    text = data.decode("cp1252", "replace")
    good = total = 0
    for fits in _western_runs(text):
        total += 1
        good += fits
    return Guess("cp1252", _sure(good / total, good) if total else 0.0)


def _western_runs(text: str) -> Iterator[bool]:
    for run in _RUN.finditer(text):
        before, behind = text[run.start() - 1 : run.start()], text[run.end() : run.end() + 1]
        chars = run[0]
        letters = sum(char in _LETTERS for char in chars)
        marks = sum(char in _MARKS for char in chars)
        inside = before.isalpha() and behind.isalpha()
        fits = letters + marks == len(chars) and letters <= 2 and len(chars) <= 4
        if letters:
            fits = fits and (before.isalpha() or behind.isalpha() or letters == len(chars) == 1)
        elif inside:
            fits = fits and all(char in _INSIDE for char in chars)
        yield fits


def _sure(share: float, count: int) -> float:
    """Confidence from the share of characters that fit and their number: one alone is never sure."""
    return round(share * count / (count + 1), 2) if share >= 0.6 else 0.0
