"""File names as their makers meant them: UTF-8, or the bytes of a Korean Windows."""

from __future__ import annotations

import os

from ragscout.model.text import hangul_share


def readable_name(name: str) -> str:
    """Return a name that the file system gave, as text; empty when its bytes are neither UTF-8 nor Korean CP949."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return korean_name(os.fsencode(name))
    return name


def korean_name(raw: bytes) -> str:
    """Return the name that bytes stand for in CP949; empty when what comes out is not Korean."""
    try:
        text = raw.decode("cp949")
    except UnicodeDecodeError:
        return ""
    return text if hangul_share("".join(char for char in text if ord(char) > 0x7F)) > 0.5 else ""


def shown_name(name: str) -> str:
    """Return a name for messages: bytes that are no text stand as ``\\xe9``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
