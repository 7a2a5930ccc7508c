"""Tables that leave the program, as csv and xlsx: a spreadsheet takes no cell of theirs for a formula.

In csv an apostrophe stands before what could be one, and reading takes it away again. In xlsx every text is typed as
text, which needs no mark.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CELL_LIMIT = 32_767
"""Characters that Excel allows in a cell."""
_HIDDEN = r"\s'\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"  # what programs skip or do not show
_FORMULA = re.compile(rf"[{_HIDDEN}]*+[=+\-@＝＋－＠]|'*+[\t\r\n]")
_NUMBER = re.compile(r"[+-]?[\d.,]+%?")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_CUT = " […]"


@dataclass(frozen=True)
class SheetPage:
    """One page of a workbook, the header among its rows. ``frozen``: the first cell that moves; ``widths``: of the
    columns, in characters; ``wrapped``: long texts take several lines and the first row is bold."""

    title: str
    rows: Iterable[Sequence[object]]
    frozen: str = ""
    widths: Mapping[str, float] = field(default_factory=dict)
    wrapped: bool = False


def guarded(text: str) -> str:
    """Return a cell of csv that no spreadsheet program takes for a formula."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def unguarded(cell: str) -> str:
    """Return the text of a cell without the apostrophe that ``guarded`` put before it."""
    return cell[1:] if cell[:1] == "'" and _FORMULA.match(cell, 1) else cell


def csv_table(rows: Iterable[Iterable[object]], line_end: str = "\r\n") -> str:
    """Return rows as csv: numbers as they are, empty for ``None``, texts guarded."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=line_end)
    for row in rows:
        writer.writerow(["" if value is None else guarded(value) if isinstance(value, str) else value for value in row])
    return out.getvalue()


def workbook(pages: Iterable[SheetPage]) -> bytes:
    """Return pages as xlsx. Numbers are numbers; characters that the format forbids become U+FFFD, and a text that is
    longer than ``CELL_LIMIT`` is cut and says so."""
    import openpyxl
    from openpyxl.styles import Alignment, Font

    book = openpyxl.Workbook(write_only=True)
    for page in pages:
        sheet = book.create_sheet(page.title)
        sheet.freeze_panes = page.frozen or None
        for column, width in page.widths.items():
            sheet.column_dimensions[column].width = width
        for number, row in enumerate(page.rows):
            cells = [_typed(sheet, value) for value in row]
            for cell in cells if page.wrapped else ():
                cell.alignment, cell.font = Alignment(wrap_text=True, vertical="top"), Font(bold=number == 0)
            sheet.append(cells)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _typed(sheet: Any, value: object) -> Any:
    from openpyxl.cell import WriteOnlyCell

    if not isinstance(value, str):
        return WriteOnlyCell(sheet, value)
    text = _FORBIDDEN.sub("\ufffd", value)
    cell = WriteOnlyCell(sheet, "")
    cell.value = text if len(text) <= CELL_LIMIT else text[: CELL_LIMIT - len(_CUT)] + _CUT
    cell.data_type = "s"  # after the value: openpyxl takes a leading "=" for a formula
    return cell
