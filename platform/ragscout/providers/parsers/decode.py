"""Bytes to text: which encoding a file was written in."""

from __future__ import annotations

import codecs
import re

from ragscout.model.text import script

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_.:-]+)""", re.IGNORECASE)
_GUESSES = ["cp949", "shift_jis", "euc_jp", "gb18030", "big5", "cp1250", "cp1251", "cp1252", "koi8_r", "iso8859_7"]
_SAMPLE = 1 << 20


def decode(data: bytes, *, markup: bool = False) -> tuple[str, str]:
    """Text and the name of the encoding it was read with.

    Tried in order: byte order mark, UTF-8, UTF-16 without a mark, the encoding an HTML or XML head declares
    (``markup``), CP949 (which contains EUC-KR) when what comes out is Korean, charset-normalizer's guess. What no
    encoding reads becomes UTF-8 with U+FFFD, which callers count.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data.decode(name, errors="replace"), name
    text = _strict(data, "utf-8")
    if text is not None and "\x00" not in text[:_SAMPLE]:
        return text, "utf-8"
    wide = _utf16(data)
    if wide is not None:
        return wide
    if text is not None:
        return text, "utf-8"
    if markup:
        declared = _DECLARED.search(data[:2048])
        name = declared[1].decode("ascii").lower() if declared else ""
        name = "cp949" if name in ("euc-kr", "ks_c_5601-1987", "ksc5601") else name
        text = _strict(data, name) if name else None
        if text is not None:
            return text, name
    text = _strict(data, "cp949")
    if text is not None and _korean(text[:_SAMPLE]):
        return text, "cp949"
    return _guess(data)


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _utf16(data: bytes) -> tuple[str, str] | None:
    """UTF-16 without a mark: text with Latin letters or line ends has its zero bytes on one side only."""
    sample = data[:4096]
    if len(sample) < 4 or len(data) % 2:
        return None
    even, odd = sample[0::2].count(0) / len(sample), sample[1::2].count(0) / len(sample)
    if max(even, odd) < 0.02 or min(even, odd) * 8 > max(even, odd):
        return None
    name = "utf-16-le" if odd > even else "utf-16-be"
    text = _strict(data, name)
    return None if text is None else (text, name)


def _korean(text: str) -> bool:
    wide = [char for char in text if ord(char) > 0x7F]
    return bool(wide) and sum(script(char) == "hangul" for char in wide) / len(wide) >= 0.6


def _guess(data: bytes) -> tuple[str, str]:
    from charset_normalizer import from_bytes

    best = from_bytes(data[:_SAMPLE], cp_isolation=_GUESSES).best()
    if best is not None:
        text = _strict(data, best.encoding)
        if text is not None:
            return text, best.encoding
    return data.decode("utf-8", errors="replace"), "utf-8"
