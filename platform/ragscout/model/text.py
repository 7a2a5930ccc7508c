"""Text as ragscout sees it: NFC, LF line ends, offsets in code points, scripts and languages."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Literal

Script = Literal["hangul", "han", "kana", "latin", "digit", "other"]
Language = Literal["ko", "en", "other"]

LONE_SURROGATES = re.compile("[\ud800-\udfff]")
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but line break and tab, marks of the direction of writing, halves of surrogate pairs."""


def normalise(text: str) -> str:
    """NFC with ``\\n`` line ends; lone surrogates become U+FFFD, NUL is dropped.

    All offsets of the project are code points into text in this form. Idempotent.
    """
    text = LONE_SURROGATES.sub("\ufffd", text).replace("\x00", "")
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))


_INVISIBLE = (
    *(0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFEFF, 0xFFA0),
    *range(0x180B, 0x180F),
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2070),
    *range(0xFE00, 0xFE10),
    *range(0xFFF9, 0xFFFC),
)
_COMPATIBLE = (*range(0xA0, 0x3130), *range(0x3190, 0x3400), *range(0xFB00, 0x10000), *range(0x1D400, 0x1D800))
_APART = ("<super>", "<sub>", "<fraction>", "<circle>")  # 10⁶ is not 106, ½ is not 12


@functools.cache
def looks() -> Mapping[int, str]:
    """Code points that look like other characters, and what they look like: ligatures, full width, units, NBSP; and
    those that cannot be seen, as nothing. Raised and lowered digits, fractions and circled numbers stay themselves."""
    table = dict.fromkeys(_INVISIBLE, "")
    for code in _COMPATIBLE:
        kind = unicodedata.decomposition(chr(code)).split(" ")
        if kind[0].startswith("<") and kind[0] not in _APART and code not in table and kind[1:2] != ["0020"]:
            table[code] = unicodedata.normalize("NFKC", chr(code))
    return table | {0xA0: " ", 0x202F: " ", 0x2007: " "}


def comparable(text: str) -> str:
    """Return a text as it is compared: what looks equal is equal. For matching only; shown is the text itself."""
    return text if text.isascii() else unicodedata.normalize("NFC", text.translate(looks()))


def harmless(text: str) -> str:
    """Return a text that a terminal only shows: what would steer it becomes U+FFFD."""
    return STEERING.sub("\ufffd", text)


def script(char: str) -> Script:
    """Script class of one code point (Unicode blocks that matter for tokenising)."""
    code = ord(char)
    if code < 0x80:
        if char.isalpha():
            return "latin"
        return "digit" if char.isdigit() else "other"
    if 0xAC00 <= code <= 0xD7A3 or 0x1100 <= code <= 0x11FF or 0x3130 <= code <= 0x318F or 0xA960 <= code <= 0xA97F:
        return "hangul"
    if 0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF or 0xF900 <= code <= 0xFAFF:
        return "han"
    if 0x3040 <= code <= 0x30FF:
        return "kana"
    if char.isdigit():
        return "digit"
    if char.isalpha():
        return "latin"
    return "other"


def script_runs(text: str) -> Iterator[tuple[Script, int, int]]:
    """Maximal runs of one script as ``(script, start, end)`` in code points, covering the text."""
    start = 0
    for kind, group in groupby(text, key=script):
        end = start + sum(1 for _ in group)
        yield kind, start, end
        start = end


def hangul_share(text: str) -> float:
    """Share of Hangul among the letters of a text, 0..1; 0 when there are no letters."""
    letters = [script(char) for char in text if char.isalpha()]
    return sum(kind == "hangul" for kind in letters) / len(letters) if letters else 0.0


def language(text: str) -> Language:
    """Language of one text: ``ko`` from 20 % Hangul letters on (Korean technical prose mixes in
    English words), ``en`` for Latin letters, else ``other``."""
    counts = {"hangul": 0, "latin": 0, "rest": 0}
    for char in text:
        if char.isalpha():
            kind = script(char)
            counts[kind if kind in counts else "rest"] += 1
    total = sum(counts.values())
    if not total:
        return "other"
    if counts["hangul"] / total >= 0.2:
        return "ko"
    return "en" if counts["latin"] / total >= 0.5 else "other"


def display_width(text: str) -> int:
    """Terminal columns a text takes: wide and full-width characters count two, combining marks none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def padded(text: str, width: int) -> str:
    """Return a text with spaces behind it, so that it takes ``width`` terminal columns at least."""
    return text + " " * max(0, width - display_width(text))
