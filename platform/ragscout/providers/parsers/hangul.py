"""Hangul office documents: hwpx (zip and XML, read here) and hwp (the older binary form, read by dochan)."""

from __future__ import annotations

import errno
import importlib
import io
import re
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

_SECTION = re.compile(r"Contents/section(\d+)\.xml")
_OUTLINE = re.compile(r"(?:개요|제목|outline|heading)\s*(\d)", re.IGNORECASE)
_HWP = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLD = b"HWP Document File"
_SKIPPED = frozenset(("secPr", "linesegarray", "shapeComment", "parameters", "fieldBegin", "fieldEnd"))
CONVERT = "save it as hwpx or PDF in Hangul, or convert it with LibreOffice"


def hwpx_text(data: bytes) -> str:
    """Paragraphs and tables of all sections in reading order, outline styles as ``#``. The caller has looked through
    the archive; entities are absent.

    Raises:
        ValueError: no hwpx package, or one locked with a password.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        if "META-INF/manifest.xml" in names and b"encryption-data" in archive.read("META-INF/manifest.xml"):
            raise ValueError("locked with a password")
        found = {int(match[1]): match[0] for name in names if (match := _SECTION.fullmatch(name))}
        if not found:
            raise ValueError("no section")
        levels = _levels(archive.read("Contents/header.xml")) if "Contents/header.xml" in names else {}
        parts = [
            part for number in sorted(found) for part in _section(_tree(archive.read(found[number])), levels) if part
        ]
    return "\n\n".join(parts)


def _tree(data: bytes) -> Element:
    try:
        return ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise ValueError("damaged XML") from error


def _levels(header: bytes) -> dict[str, int]:
    """Style id to heading level, for styles named after the outline."""
    found = {}
    for item in _tree(header).iter():
        if _name(item) == "style":
            match = _OUTLINE.search(item.get("name", "")) or _OUTLINE.search(item.get("engName", ""))
            if match:
                found[item.get("id", "")] = min(6, max(1, int(match[1])))
    return found


def _section(root: Element, levels: dict[str, int]) -> Iterator[str]:
    for item in root:
        if _name(item) == "p":
            text, tables = _paragraph(item)
            level = levels.get(item.get("styleIDRef", ""), 0)
            yield ("#" * level + " " if level and text else "") + text
            yield from tables


def _paragraph(item: Element) -> tuple[str, list[str]]:
    """Text of one paragraph and the tables that hang on it."""
    text: list[str] = []
    tables: list[str] = []
    for piece in _pieces(item):
        if isinstance(piece, str):
            text.append(piece)
        else:
            tables.append(_table(piece))
    return "".join(text).strip(), [table for table in tables if table]


def _pieces(item: Element) -> Iterator[str | Element]:
    """Texts and tables below an element, in order; an own stack, since drawings nest deeply."""
    stack: list[Element | str] = [item]
    while stack:
        one = stack.pop()
        if isinstance(one, str):
            yield one
            continue
        name = _name(one)
        if name == "tbl":
            yield one
        elif name == "t":
            yield one.text or ""
            for child in one:
                yield {"tab": "\t", "lineBreak": "\n", "nbSpace": " ", "fwSpace": " "}.get(_name(child), "")
                yield child.tail or ""
        elif name in ("footNote", "endNote"):
            stack.extend([")", *reversed(list(one)), " ("])
        elif name not in _SKIPPED:
            stack.extend(reversed(list(one)))


def _table(table: Element) -> str:
    rows = []
    for row in table:
        if _name(row) == "tr":
            cells = [" ".join("".join(_cell(cell)).split()) for cell in row if _name(cell) == "tc"]
            rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _cell(cell: Element) -> Iterator[str]:
    for paragraph in (item for part in cell if _name(part) == "subList" for item in part if _name(item) == "p"):
        text, tables = _paragraph(paragraph)
        yield " ".join([text, *tables]) + " "


def _name(item: Element) -> str:
    return item.tag.rpartition("}")[2] if isinstance(item.tag, str) else ""


def hwp_text(data: bytes) -> tuple[str, str]:
    """Text of a binary hwp file (5.0), and what is wrong with it.

    dochan reads it where it is installed; without it, and for what it cannot read, the problem says how to convert.
    """
    if data.startswith(b"PK"):
        return "", "the name says hwp, the content is a zip: rename it to .hwpx"
    if data.startswith(_OLD):
        return "", f"it is of Hangul 3.0 or older, which no maintained converter reads: {CONVERT}"
    if not data.startswith(_HWP):
        return "", f"it is no hwp file or damaged: {CONVERT}"
    try:
        reader = importlib.import_module("dochan").Dochan
    except ImportError:
        return "", f"hwp needs the package dochan (pip install 'ragscout[hwp]'), which is not installed; or {CONVERT}"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "document.hwp"
        file.write_bytes(data)
        try:
            opened = reader(str(file))
            text, said = str(opened.to_markdown()), [str(line) for line in opened.errors]
        except (ValueError, LookupError, AttributeError, TypeError, OSError, RuntimeError, EOFError) as error:
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                raise  # this machine is in trouble (too many open files, say); bad content has no number or this one
            return "", f"it cannot be read as hwp ({type(error).__name__}): {CONVERT}"
    if not text.strip():
        reason = " ".join(said[0].split())[:120] if said else "it holds no text"
        return "", f"it cannot be read as hwp ({reason}): {CONVERT}"
    return text, f"{len(said)} parts could not be read: {' '.join(said[0].split())[:120]}" if said else ""
