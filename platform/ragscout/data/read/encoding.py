"""Bytes to text: the encoding is detected, damage is located, nothing is guessed in silence."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from ragscout.data.findings import Finding
from ragscout.model.text import script

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HIGH = re.compile(rb"[\x80-\xff]")
_SAMPLE = 4096
DAMAGED = "\ufffd"


@dataclass(frozen=True)
class Decoded:
    """Text of a file. ``broken_lines``: lines (from 1) where bytes did not decode and stand as U+FFFD."""

    text: str
    encoding: str
    findings: tuple[Finding, ...] = ()
    broken_lines: frozenset[int] = frozenset()


def decode(data: bytes, file: str = "", encoding: str = "") -> Decoded:
    """Decode by the given encoding, else by byte order mark, UTF-8, UTF-16 without a mark, CP949, then Western.

    A file that is UTF-8 but for a few bytes stays UTF-8: its broken bytes become U+FFFD and their lines are named.
    """
    if encoding:
        return _forced(data, file, encoding)
    for bom, name in _BOMS:
        if data.startswith(bom):
            return _lenient(data, name)
    bare = _bare_utf16(data) if b"\x00" in data[:_SAMPLE] else ""
    if bare:
        return _lenient(data, bare)
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        pass
    if _mostly_utf8(data):
        return _lenient(data, "utf-8")
    korean = _korean(data)
    if korean is not None:
        return korean
    text = data.decode("cp1252", "replace")
    found = Finding(
        "encoding_guessed",
        "warning",
        "the encoding is neither UTF-8, UTF-16 nor CP949; it was read as Windows-1252",
        file,
        remedy="Check the text below, or name the encoding with --encoding, or save the file as UTF-8.",
    )
    return Decoded(text, "cp1252", (found,), _broken(text))


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


def _bare_utf16(data: bytes) -> str:
    """UTF-16 without a mark: some zero bytes (those of Latin letters, commas and line ends), and ASCII or Hangul in one
    byte order only. Swapped ASCII looks like Chinese, so Chinese characters prove nothing."""
    head = data[:_SAMPLE]
    if len(head) < 8 or len(data) % 2 or head.count(0) < 0.02 * len(head):
        return ""
    shares = {name: _plain_share(head.decode(name, "replace")) for name in ("utf-16-le", "utf-16-be")}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= 0.7 and min(shares.values()) < 0.5 else ""


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


def _korean(data: bytes) -> Decoded | None:
    text = data.decode("cp949", "replace")
    high = [char for char in text if ord(char) > 0x7F]
    if not high:
        return None
    hangul = sum(script(char) in ("hangul", "han") for char in high)
    broken = text.count(DAMAGED)
    if hangul < 0.6 * len(high) or broken > 0.05 * len(high):
        return None
    return Decoded(text, "cp949", (), _broken(text))


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
