"""PDF text layers, page by page, and what is wrong with them."""

from __future__ import annotations

import io
import logging
import struct
import unicodedata
import zlib
from collections.abc import Iterable
from typing import Any, Literal

_PAGE_ERRORS = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    NotImplementedError,
    struct.error,
    zlib.error,
)
"""What pypdf is known to raise on damaged pages beside its own errors."""


def pdf_text(data: bytes, *, mode: Literal["plain", "layout"] = "plain") -> tuple[str, list[str], tuple[int, ...], str]:
    """Text, warnings, the offset of each page in the text, and the title the file states.

    Warnings name the pages: no text layer, a page that cannot be read, a broken character map (more than 5 % of the
    letters are U+FFFD, private use or control characters). A file that needs a password gives no text and a warning.
    """
    import pypdf
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.ERROR)  # its remarks on odd files would reach the user's terminal
    errors = (PyPdfError, *_PAGE_ERRORS)
    try:
        reader = pypdf.PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            return "", ["it is locked with a password: save an unlocked copy"], (), ""
        count = len(reader.pages)
        title = _title(reader)
    except errors as error:
        return "", [f"it cannot be read as PDF ({type(error).__name__}): open it and save it again"], (), ""
    pages: list[str] = []
    damaged: list[int] = []
    for number in range(count):
        try:
            pages.append(reader.pages[number].extract_text(extraction_mode=mode))
        except errors:
            pages.append("")
            damaged.append(number + 1)
    pages = [page.replace("\r\n", "\n").replace("\x00", "").strip() for page in pages]
    warnings = _warnings(pages, damaged)
    offsets: list[int] = []
    at = 0
    for page in pages:
        offsets.append(at)
        at += len(unicodedata.normalize("NFC", page)) + 2
    return "\n\n".join(pages), warnings, tuple(offsets), title


def _title(reader: Any) -> str:
    stated = reader.metadata.title if reader.metadata else ""
    return stated.strip() if isinstance(stated, str) else ""


def _warnings(pages: list[str], damaged: list[int]) -> list[str]:
    empty = [number for number, page in enumerate(pages, 1) if not page and number not in damaged]
    broken = [number for number, page in enumerate(pages, 1) if page and _broken(page) > 0.05]
    found = []
    if damaged:
        found.append(f"{_pages(damaged)} cannot be read")
    if pages and len(empty) == len(pages):
        found.append("no page has a text layer (scanned?): run text recognition first")
    elif empty:
        found.append(f"{_pages(empty)} without text (a picture or empty)")
    if broken:
        found.append(
            f"{_pages(broken)} with a broken character map: the text would be unreadable, export the file again"
        )
    return found


def _broken(page: str) -> float:
    """Share of characters that no reader could mean, 0..1."""
    bad = sum(char == "\ufffd" or (unicodedata.category(char) in ("Co", "Cc") and char not in "\n\t") for char in page)
    return bad / len(page)


def _pages(numbers: Iterable[int]) -> str:
    listed = list(numbers)
    shown = ", ".join(map(str, listed[:12])) + (f" and {len(listed) - 12} more" if len(listed) > 12 else "")
    return f"{'page' if len(listed) == 1 else 'pages'} {shown}"
