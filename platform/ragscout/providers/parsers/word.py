"""Word documents (docx) to readable text: every word that a reader sees, in reading order.

Content controls, tracked insertions, text boxes and hyperlinks are text; what was deleted or hidden is not. Notes,
headers and footers follow the body. Comments are left out.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from xml.etree import ElementTree

from ragscout.providers.parsers.tables import table_text

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_STRICT = b"http://purl.oclc.org/ooxml/wordprocessingml/main"
_USUAL = b"http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_MAIN = "word/document.xml"
_AFTER = re.compile(r"word/(?:header|footer)\d*\.xml|word/(?:footnotes|endnotes)\.xml")
_GONE = frozenset(f"{_W}{name}" for name in ("del", "moveFrom", "delText", "instrText", "pPr", "rPr", "tblPr", "sdtPr"))
_CHARS = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-", f"{_W}ptab": "\t"}
_SEPARATORS = ("separator", "continuationSeparator", "continuationNotice")
_Element = ElementTree.Element


def docx_text(data: bytes) -> str:
    """Return paragraphs and tables, headings as ``#``.

    Raises:
        ValueError: the package holds no Word document.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        names = package.namelist()
        if _MAIN not in names:
            raise ValueError("not a Word package")
        styles = _styles(_read(package, "word/styles.xml")) if "word/styles.xml" in names else {}
        parts = list(_blocks(_read(package, _MAIN), styles))
        for name in sorted(filter(_AFTER.fullmatch, names)):
            for text in _blocks(_read(package, name), styles):
                if text not in parts:
                    parts.append(text)
    return "\n\n".join(parts)


def _read(package: zipfile.ZipFile, name: str) -> _Element:
    try:
        return ElementTree.fromstring(package.read(name).replace(_STRICT, _USUAL))
    except ElementTree.ParseError as error:
        raise ValueError(f"{name} is not XML") from error


def _styles(root: _Element) -> dict[str, str]:
    """Return style id to name, in lower case."""
    found = {}
    for style in root.iter(f"{_W}style"):
        name = style.find(f"{_W}name")
        found[style.get(f"{_W}styleId", "")] = "" if name is None else name.get(f"{_W}val", "").lower()
    return found


def _inside(element: _Element) -> Iterator[_Element]:
    """Children that a reader sees; of alternatives the first."""
    if element.tag == f"{_MC}AlternateContent":
        yield from list(element)[:1]
        return
    if element.tag in (f"{_W}footnote", f"{_W}endnote") and element.get(f"{_W}type") in _SEPARATORS:
        return
    yield from (child for child in element if child.tag not in _GONE)


def _blocks(element: _Element, styles: dict[str, str]) -> Iterator[str]:
    """Paragraphs and tables below an element, whatever they are wrapped in."""
    for child in _inside(element):
        if child.tag == f"{_W}p":
            boxes: list[_Element] = []
            text = "".join(_inline(child, boxes)).strip()
            if text:
                yield _prefix(child, styles) + text
            for box in boxes:
                yield from _blocks(box, styles)
        elif child.tag == f"{_W}tbl":
            text = table_text(_row(row, styles) for row in _wrapped(child, f"{_W}tr"))
            if text.strip("| \n"):
                yield text
        else:
            yield from _blocks(child, styles)


def _inline(element: _Element, boxes: list[_Element]) -> Iterator[str]:
    """Text of a paragraph; text boxes that are anchored in it are kept for later."""
    for child in _inside(element):
        if child.tag == f"{_W}t":
            yield child.text or ""
        elif child.tag in _CHARS:
            yield _CHARS[child.tag]
        elif child.tag == f"{_W}txbxContent":
            boxes.append(child)
        elif not (child.tag == f"{_W}r" and _hidden(child)):
            yield from _inline(child, boxes)


def _hidden(run: _Element) -> bool:
    mark = run.find(f"{_W}rPr/{_W}vanish")
    return mark is not None and mark.get(f"{_W}val", "true") not in ("0", "false", "off")


def _wrapped(element: _Element, tag: str) -> Iterator[_Element]:
    """Rows of a table or cells of a row, also those inside content controls and tracked insertions."""
    for child in _inside(element):
        if child.tag == tag:
            yield child
        elif child.tag != f"{_W}tbl":
            yield from _wrapped(child, tag)


def _row(row: _Element, styles: dict[str, str]) -> list[str]:
    """Return cells of a row; a cell over several columns stands once, in the first."""
    if row.find(f"{_W}trPr/{_W}del") is not None:
        return []
    cells: list[str] = []
    for cell in _wrapped(row, f"{_W}tc"):
        cells.append(" ".join(_flat(_blocks(cell, styles))))
        span = cell.find(f"{_W}tcPr/{_W}gridSpan")
        width = "1" if span is None else span.get(f"{_W}val", "1")
        cells += [""] * (min(int(width), 64) - 1 if width.isdigit() else 0)
    return cells


def _flat(blocks: Iterable[str]) -> Iterator[str]:
    """Text of a cell's blocks on one line; a table inside a cell loses its bars."""
    for block in blocks:
        yield " ".join(part for part in block.replace("|", " ").split()) if block.startswith("| ") else block


def _prefix(paragraph: _Element, styles: dict[str, str]) -> str:
    mark = paragraph.find(f"{_W}pPr/{_W}pStyle")
    style = styles.get(mark.get(f"{_W}val", ""), "") if mark is not None else ""
    if style == "title":
        return "# "
    if style.startswith("heading ") and style[8:].isdigit():
        return "#" * min(6, int(style[8:])) + " "
    return "- " if style.startswith("list") else ""
