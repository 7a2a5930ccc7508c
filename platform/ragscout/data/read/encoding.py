"""Bytes to text: the encoding is detected, damage is located, nothing is guessed in silence."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, replace

from ragscout.data.findings import Finding
from ragscout.providers.parsers.decode import DAMAGED, SURE, detect

__all__ = ["DAMAGED", "Decoded", "decode", "ungarbled"]
NAMES = {"cp1252": "Windows-1252", "cp949": "CP949", "cp1250": "Windows-1250", "cp1251": "Windows-1251"}


@dataclass(frozen=True)
class Decoded:
    """Text of a file. ``broken_lines``: lines (from 1) where bytes did not decode and stand as U+FFFD."""

    text: str
    encoding: str
    findings: tuple[Finding, ...] = ()
    broken_lines: frozenset[int] = frozenset()


def decode(data: bytes, file: str = "", encoding: str = "") -> Decoded:
    """Decode by the given encoding, else by the one that the bytes speak for; a guess is said with its confidence.

    A file that is UTF-8 but for a few bytes stays UTF-8: its broken bytes become U+FFFD and their lines are named.
    """
    if encoding:
        return _forced(data, file, encoding)
    guess = detect(data)
    made = _lenient(data, guess.encoding)
    if guess.confidence == 1.0:
        return made
    found = Finding(
        "encoding_guessed",
        "info" if guess.confidence >= SURE and guess.encoding == "cp949" else "warning",
        f"no byte order mark and no UTF-8: it was read as {NAMES.get(guess.encoding, guess.encoding)} (confidence "
        f"{guess.confidence:.0%})",
        file,
        remedy="Check the text below, or name the encoding with --encoding, or save the file as UTF-8.",
    )
    return replace(made, findings=(found,))


def _forced(data: bytes, file: str, encoding: str) -> Decoded:
    try:
        codecs.lookup(encoding)
    except LookupError:
        found = Finding(
            "unknown_encoding",
            "error",
            "the encoding is unknown",
            file,
            value=encoding,
            remedy="Use for example utf-8 or cp949.",
        )
        return Decoded("", encoding, (found,))
    return _lenient(data, encoding)


def _lenient(data: bytes, encoding: str) -> Decoded:
    text = data.decode(encoding, "replace")
    try:
        strict = data.decode(encoding)
    except UnicodeDecodeError:
        return Decoded(text.removeprefix("\ufeff"), encoding, (), _broken(text))
    return Decoded(strict.removeprefix("\ufeff"), encoding)


def _broken(text: str) -> frozenset[int]:
    if DAMAGED not in text:
        return frozenset()
    return frozenset(number for number, line in enumerate(text.split("\n"), 1) if DAMAGED in line)


def ungarbled(text: str) -> str:
    """Return what a text was before its UTF-8 bytes were taken for Windows-1252; empty when it was not."""
    if not any("\u00c2" <= char <= "\u00f4" for char in text):
        return ""
    try:
        return b"".join(map(_western_byte, text)).decode("utf-8")
    except UnicodeError:
        return ""


def _western_byte(char: str) -> bytes:
    """Return the byte that Windows-1252 shows as this character; its five gaps are shown as control characters."""
    return bytes((ord(char),)) if ord(char) in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else char.encode("cp1252")
