"""PDF text layers, page by page, and what is wrong with them."""

from __future__ import annotations

import io
import logging
import struct
import unicodedata
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from ragscout.providers.parsers.pages import Line, broken, repeated_lines, spaceless, two_columns
from ragscout.providers.parsers.typeset import unset

Ocr = Callable[[Any], str]
"""Text of a page's pictures."""

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

SAID = {
    "unreadable": "cannot be read",
    "no_text": "without text (a picture or empty)",
    "broken_map": "with a broken character map: the text would be unreadable, export the file again",
    "two_columns": "in two columns: check that the text runs down one column before the next",
    "no_spaces": "with words run together (spaces lost between Hangul words): export the file again",
    "recognised": "read by text recognition: check a sample",
}
"""Kind of trouble to what is said of the pages that have it."""


@dataclass
class PdfText:
    """``text``: pages joined by an empty line; ``offsets``: where each begins, in code points of the normal form;
    ``troubles``: kind (a key of ``SAID``, or ``repeated``) to page numbers from 1."""

    text: str = ""
    warnings: list[str] = field(default_factory=list)
    offsets: tuple[int, ...] = ()
    title: str = ""
    troubles: dict[str, tuple[int, ...]] = field(default_factory=dict)


def pdf_text(data: bytes, *, mode: Literal["plain", "layout"] = "plain", ocr: Ocr | None = None) -> PdfText:
    """Text, warnings that name the pages, and the title the file states.

    Troubles: pages that cannot be read, have no text layer, have a broken character map (more than 5 % of the letters
    are U+FFFD, private use or control characters), two columns, lost spaces between Hangul words, or headers and
    footers that repeat. A file that needs a password gives no text and a warning. ``ocr`` reads the pictures of pages
    without text.
    """
    import pypdf
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.ERROR)  # its remarks on odd files would reach the user's terminal
    errors = (PyPdfError, *_PAGE_ERRORS)
    try:
        reader = pypdf.PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            return PdfText("", ["it is locked with a password: save an unlocked copy"], troubles={"password": ()})
        count = len(reader.pages)
        title = _title(reader)
    except errors as error:
        said = f"it cannot be read as PDF ({type(error).__name__}): open it and save it again"
        return PdfText("", [said], troubles={"unreadable": ()})
    pages: list[str] = []
    troubles: dict[str, list[int]] = {kind: [] for kind in SAID}
    for number in range(count):
        lines: list[Line] = []
        try:
            page = reader.pages[number]
            text = _page_text(page, mode, lines)
            if not text.strip() and ocr is not None:
                text = ocr(page)
                troubles["recognised"] += [number + 1] if text.strip() else []
        except errors:
            text = ""
            troubles["unreadable"].append(number + 1)
        pages.append(text.replace("\r\n", "\n").replace("\x00", "").strip())
        _look(pages[-1], lines, number + 1, troubles)
    if mode == "plain":
        pages = unset(pages)
    repeated = repeated_lines(pages)
    found = {kind: tuple(numbers) for kind, numbers in troubles.items() if numbers}
    if repeated:
        found["repeated"] = tuple(sorted({number for numbers in repeated.values() for number in numbers}))
    return PdfText("\n\n".join(pages), _warnings(count, found, repeated), _offsets(pages), title, found)


def _page_text(page: Any, mode: Literal["plain", "layout"], lines: list[Line]) -> str:
    if mode == "layout":
        return str(page.extract_text(extraction_mode="layout"))
    width = float(page.mediabox.width)

    def visit(text: str, _cm: Any, tm: Any, _font: Any, _size: Any) -> None:
        if text.strip() and len(lines) < 20_000:
            lines.append((float(tm[4]) / width if width else 0.0, float(tm[5]), len(text.strip())))

    return str(page.extract_text(visitor_text=visit))


def _look(text: str, lines: list[Line], number: int, troubles: dict[str, list[int]]) -> None:
    if not text:
        troubles["no_text"] += [] if number in troubles["unreadable"] else [number]
        return
    for kind, there in (
        ("broken_map", broken(text) > 0.05),
        ("two_columns", two_columns(lines)),
        ("no_spaces", spaceless(text)),
    ):
        if there:
            troubles[kind].append(number)


def _offsets(pages: list[str]) -> tuple[int, ...]:
    offsets: list[int] = []
    at = 0
    for page in pages:
        offsets.append(at)
        at += len(unicodedata.normalize("NFC", page)) + 2
    return tuple(offsets)


def _title(reader: Any) -> str:
    stated = reader.metadata.title if reader.metadata else ""
    return stated.strip() if isinstance(stated, str) else ""


def _warnings(count: int, troubles: dict[str, tuple[int, ...]], repeated: dict[str, list[int]]) -> list[str]:
    found: list[str] = []
    for kind, said in SAID.items():
        numbers = troubles.get(kind, ())
        if kind == "no_text" and count and len(numbers) == count:
            found.append(
                "no page has a text layer (scanned?): run text recognition first, or parse with ocr: tesseract"
            )
        elif numbers:
            found.append(f"{_pages(numbers)} {said}")
    for line, at in list(repeated.items())[:3]:
        found.append(f"{_pages(at)} with the same header or footer {line[:60]!r}: drop it with a transform")
    return found


def _pages(numbers: Iterable[int]) -> str:
    listed = list(numbers)
    shown = ", ".join(map(str, listed[:12])) + (f" and {len(listed) - 12} more" if len(listed) > 12 else "")
    return f"{'page' if len(listed) == 1 else 'pages'} {shown}"
