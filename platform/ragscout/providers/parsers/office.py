"""docx, pptx, xlsx and hwpx to readable text. Archives are looked through before they are opened."""

from __future__ import annotations

import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from ragscout.model.errors import MissingExtraError
from ragscout.providers.parsers.cells import cell_text
from ragscout.providers.parsers.hangul import hwpx_text
from ragscout.providers.parsers.sheet_rows import MOST_PLACES, TableLimitError, sheet_rows
from ragscout.providers.parsers.tables import table_text
from ragscout.providers.parsers.word import docx_text

_DECLARATION = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
    *(RuntimeError, NotImplementedError, ValueError, LookupError, OverflowError, MemoryError),
)
_TROUBLE = (
    *(ValueError, LookupError, AttributeError, TypeError, OSError, SyntaxError, RecursionError),
    *(ArithmeticError, AssertionError, NotImplementedError, RuntimeError),
)
"""What the libraries are known to raise on damaged packages beside their own errors."""
UNPACKED_LIMIT = 1 << 29  # bytes an office file may unpack to


def office_text(kind: str, data: bytes) -> tuple[str, str]:
    """Text of a ``docx``, ``pptx``, ``xlsx`` or ``hwpx`` file, and what is wrong with it (empty when nothing is).

    Raises:
        MissingExtraError: pptx without the extra ``documents``.
    """
    problem = _archive_problem(data)
    if problem:
        return "", problem
    read = {"docx": docx_text, "pptx": _pptx_text, "xlsx": _xlsx_text, "hwpx": hwpx_text}[kind]
    try:
        return read(data), ""
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError):
        return "", "it is damaged: open it and save it again"
    except TableLimitError as error:
        return "", f"{error}: remove what lies far from the rest, or save it as csv"
    except _TROUBLE as error:
        return "", f"it cannot be read as {kind} ({type(error).__name__}): open it and save it again"


def _archive_problem(data: bytes) -> str:
    """Why an archive must not be opened, empty when it may: damage, size when unpacked, XML entities."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(item.file_size for item in archive.infolist()) > UNPACKED_LIMIT:
                return f"it unpacks to more than {UNPACKED_LIMIT >> 20} MiB"
            for item in archive.infolist():
                if item.filename.endswith((".xml", ".rels", ".vml", ".hpf")) and _declares(archive.read(item)):
                    return "its XML declares entities, which no office program writes"
    except _DAMAGE:
        return "it is damaged or locked with a password"
    return ""


def _declares(xml: bytes) -> bool:
    """Whether a declaration stands anywhere: comments may push it far behind the beginning."""
    return bool(_DECLARATION.search(xml if b"\x00" not in xml[:64] else xml.replace(b"\x00", b"")))


def _pptx_text(data: bytes) -> str:
    """Texts, tables and notes of the slides, one ``##`` heading per slide."""
    try:
        import pptx
        from pptx.exc import PackageNotFoundError
    except ImportError:
        raise MissingExtraError("Reading pptx files", "documents") from None
    parts: list[str] = []
    try:
        show = pptx.Presentation(io.BytesIO(data))
    except PackageNotFoundError as error:
        raise ValueError("not a PowerPoint package") from error
    for number, slide in enumerate(show.slides, 1):
        title = slide.shapes.title
        parts.append(f"## {title.text_frame.text.strip() if title is not None else number}")
        for shape in _shapes(slide.shapes):
            if title is not None and shape.shape_id == title.shape_id:
                continue
            if shape.has_text_frame and shape.text_frame.text.strip():
                parts.append(shape.text_frame.text.strip())
            elif shape.has_table:
                parts.append(table_text([cell.text for cell in row.cells] for row in shape.table.rows))
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            parts.append(slide.notes_slide.notes_text_frame.text.strip())
    return "\n\n".join(part for part in parts if part)


def _shapes(shapes: Iterable[Any]) -> Iterator[Any]:
    """Shapes with those inside groups."""
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _shapes(shape.shapes)
        else:
            yield shape


def _xlsx_text(data: bytes) -> str:
    """Sheets as tables, one ``##`` heading per sheet; cells as people see them, formulas are not run."""
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except InvalidFileException as error:
        raise ValueError("not an Excel workbook") from error
    parts: list[str] = []
    for sheet in book.worksheets:
        rows = [[cell_text(cell) for cell in row] for row in sheet_rows(sheet)]
        rows = [row for row in rows if any(cell.strip() for cell in row)]
        width = max((len(row) for row in rows), default=0)
        if width * len(rows) <= MOST_PLACES:
            rows = [row + [""] * (width - len(row)) for row in rows]
        if rows:
            parts.append(f"## {sheet.title}\n\n{table_text(rows)}")
    book.close()
    return "\n\n".join(parts)
