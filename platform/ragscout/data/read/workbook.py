"""Excel workbooks. Cells are read as stored: formulas are never computed, macros and links are never followed."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from ragscout.data.findings import Finding
from ragscout.data.options import ReadOptions
from ragscout.data.read.archive import check_members
from ragscout.data.read.csvfile import HEADER_WITHIN, too_many_rows, unique_names
from ragscout.data.read.loaded import Loaded, Record
from ragscout.data.read.merged import Row, Spans, merged_spans, unmerged
from ragscout.data.roles import is_documents, question_roles, recognised
from ragscout.model.errors import EvalSetError
from ragscout.providers.parsers.cells import cell_text
from ragscout.providers.parsers.sheet_rows import TableLimitError, sheet_rows

# openpyxl answers damaged files with whatever its parts happen to raise.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    LookupError,
    ValueError,
    TypeError,
    OSError,
    EOFError,
    AttributeError,
    SyntaxError,
    RuntimeError,
    ArithmeticError,
    AssertionError,
    MemoryError,
)
_Table = tuple[str, list[tuple[int, list[str]]]]
_HEADER = 5  # what ``recognised`` says of a row that names the question and something else
_ASKING = 0.3  # share of rows that ask, from which a table is one of sentences
_HEAD = 65536  # bytes of an XML part in which a document type would have to stand


def load_workbook(path: str, data: bytes, options: ReadOptions) -> Loaded:
    """Every visible sheet with a question column (or the sheet named in the options), one after the other.

    Title rows above a header are skipped and listed; hidden sheets are left out with a warning; a formula counts by
    the value stored beside it, and one without a stored value is reported.
    """
    found = Loaded(path, "xlsx", textual=True)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            check_members(path, archive.infolist(), len(data), options.limits)
            _refuse_entities(path, archive)
        _join(_tables(found, data, options), found, merged_spans(data))
    except EvalSetError as error:
        found.findings.append(Finding("bad_workbook", "error", str(error).removeprefix(f"{path}: "), path))
    except TableLimitError as error:
        remedy = "Remove what lies far from the rest, or save the sheet as csv."
        found.findings.append(Finding("bad_workbook", "error", str(error), path, remedy=remedy))
    except _DAMAGE as error:
        found.records.clear()
        text = f"the workbook cannot be read ({type(error).__name__})"
        remedy = "Open it in a spreadsheet program and save it again as xlsx."
        found.findings.append(Finding("bad_workbook", "error", text, path, remedy=remedy))
    return found


def _refuse_entities(path: str, archive: zipfile.ZipFile) -> None:
    """No spreadsheet program writes a document type into a workbook; an attacker who wants entities expanded does."""
    for member in archive.infolist():
        if not member.filename.endswith((".xml", ".rels", ".vml")):
            continue
        with archive.open(member) as stream:
            head = stream.read(_HEAD).replace(b"\x00", b"").upper()
        if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
            raise EvalSetError(
                f"{path}: the workbook declares XML entities; got them in {member.filename!r}. Save it again with a "
                "spreadsheet program."
            )


def _tables(found: Loaded, data: bytes, options: ReadOptions) -> list[_Table]:
    """Name and rows of the sheets that count; findings about the others."""
    path, values, formulas = found.path, _open(data, True), _open(data, False)
    names = [sheet.title for sheet in values.worksheets]
    tables: list[_Table] = []
    if options.sheet and options.sheet not in names:
        text, remedy = f"there is no sheet {options.sheet!r}", f"Sheets: {', '.join(names)}."
        found.findings.append(Finding("sheet_option", "error", text, path, remedy=remedy))
        return tables
    for sheet, twin in zip(values.worksheets, formulas.worksheets, strict=True):
        if options.sheet and sheet.title != options.sheet:
            continue
        rows = _rows(sheet, twin, found, options)
        if not rows:
            continue
        if sheet.sheet_state != "visible" and not options.sheet:
            found.findings.append(
                Finding(
                    "hidden_sheet",
                    "warning",
                    f"the hidden sheet {sheet.title!r} with {len(rows)} rows was left out",
                    path,
                    remedy=f"Unhide it, or pass --sheet {sheet.title!r}.",
                )
            )
            continue
        tables.append((sheet.title, rows))
    return tables


def _open(data: bytes, values: bool) -> Any:
    import openpyxl

    return openpyxl.load_workbook(io.BytesIO(data), data_only=values, read_only=True, keep_links=False)


def _rows(sheet: Any, twin: Any, found: Loaded, options: ReadOptions) -> list[tuple[int, list[str]]]:
    rows: list[tuple[int, list[str]]] = []
    bare: list[str] = []
    wrong: list[str] = []
    pairs = zip(sheet_rows(sheet), sheet_rows(twin), strict=False)
    for number, (cells, originals) in enumerate(pairs, 1):
        texts = []
        for cell, original in zip(cells, originals, strict=False):
            formula = getattr(original, "data_type", "") == "f"
            if formula and cell.value is None:
                bare.append(original.coordinate)
            if getattr(cell, "data_type", "") == "e":
                wrong.append(cell.coordinate)
                texts.append("")
            else:
                texts.append(cell_text(cell))
        while texts and not texts[-1].strip():
            texts.pop()
        if texts:
            rows.append((number, texts))
        if len(rows) > options.limits.rows:
            found.findings.append(too_many_rows(found.path, options.limits.rows))
            break
    for kind, coordinates, text, remedy in (
        (
            "formula",
            bare,
            "formulas without a stored value were read as empty",
            "Open the workbook in a spreadsheet program and save it, or paste the values.",
        ),
        ("error_cell", wrong, "cells that hold an Excel error were read as empty", "Correct the formulas."),
    ):
        if coordinates:
            text = f"sheet {sheet.title!r}: {text}"
            found.findings.append(Finding(kind, "warning", text, found.path, remedy=remedy, rows=tuple(coordinates)))
    return rows


def _join(tables: list[_Table], found: Loaded, merged: Mapping[str, Spans]) -> None:
    """Sheets with questions are joined; without any, the first sheet stands for the workbook."""
    headed = [(title, rows, _header(rows)) for title, rows in _apart(tables, found)]
    chosen = [item for item in headed if "question" in question_roles(item[1][item[2]][1])[0]]
    if not chosen:
        chosen = [item for item in headed if is_documents(item[1][item[2]][1])] or headed[:1]
    for title, rows, _ in headed:
        if not any(title == picked[0] for picked in chosen):
            text = f"sheet {title!r} with {len(rows)} rows holds no questions and was left out"
            found.findings.append(Finding("sheet_left_out", "info", text, found.path))
    for title, rows, at in chosen:
        if at:
            text = f"sheet {title!r}: rows above the header are not part of the table"
            skipped = tuple(str(number) for number, _ in rows[:at])
            found.findings.append(Finding("title_rows", "info", text, found.path, rows=skipped))
        line, header = rows[at]
        names = unique_names(header, found.path, line, found.findings)
        found.columns = tuple(dict.fromkeys((*found.columns, *names)))
        body = _unmerged(title, rows[at], rows[at + 1 :], merged.get(title, ()), found)
        for number, cells in body:
            extra = [cell for cell in cells[len(names) :] if cell.strip()]
            if extra:
                text = f"sheet {title!r}: a cell outside the header's columns was left out"
                found.findings.append(Finding("cell_outside", "warning", text, found.path, number, value=extra[0]))
            values = dict.fromkeys(names, "") | dict(zip(names, cells, strict=False))
            found.records.append(Record(number, values))


def _apart(tables: list[_Table], found: Loaded) -> list[_Table]:
    """Return the tables of all sheets; a table below another that asks nothing is left out, said."""
    made: list[_Table] = []
    for title, rows in tables:
        for kind, part in _tables_of(rows):
            if kind != "other":
                made.append((title, part))
                continue
            text = f"sheet {title!r}: a second table below the questions was left out"
            span = (f"{part[0][0]}-{part[-1][0]}",)
            remedy = "If these rows are questions, take out the empty rows above them."
            found.findings.append(Finding("second_table", "warning", text, found.path, rows=span, remedy=remedy))
    return made


def _unmerged(title: str, header: Row, rows: Sequence[Row], spans: Spans, found: Loaded) -> Sequence[Row]:
    """Return the rows of a sheet, each with the values of the merged cells that it lies in; what was joined is said."""
    if not spans:
        return rows
    body, joined, lost = unmerged(header, rows, spans)
    if joined:
        text = f"sheet {title!r}: rows of one merged question were read as one question"
        found.findings.append(Finding("merged_cells", "info", text, found.path, rows=tuple(joined)))
    for column in lost:
        text = f"sheet {title!r}: rows of one merged question differ in this column; the first value was used"
        remedy = "Unmerge the cells and write the question into every row."
        found.findings.append(Finding("merged_cells", "warning", text, found.path, column=column, remedy=remedy))
    return body


def _header(rows: Sequence[Row]) -> int:
    """Index of the header: the first row with a question column and another known one, else the best row."""
    scores = [recognised(cells) for _, cells in rows[:HEADER_WITHIN]]
    sure = next((number for number, score in enumerate(scores) if score >= _HEADER), None)
    return sure if sure is not None else scores.index(max(scores)) if max(scores) > 0 else 0


def _tables_of(rows: Sequence[Row]) -> list[tuple[str, list[Row]]]:
    """Tables of one sheet, with what each is: ``first``, ``headed`` (it has a header with a question column), or
    ``other``. Empty rows inside a table of questions part nothing."""
    made: list[tuple[str, list[Row]]] = [("first", [])]
    for block in _blocks(rows):
        head = block[0][1]
        if made[0][1] and "question" in question_roles(head)[0] and recognised(head) >= _HEADER:
            made.append(("headed", block))
        elif len(block) > 1 and _asking(made[0][1]) > _ASKING and not _asking(block):
            made.append(("other", block))
        else:
            kind = made[-1][0]
            made[-1 if kind == "headed" else 0][1].extend(block)
    return made


def _blocks(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows parted where rows between them are empty."""
    made: list[list[Row]] = []
    for row in rows:
        if made and row[0] == made[-1][-1][0] + 1:
            made[-1].append(row)
        else:
            made.append([row])
    return made


def _asking(rows: Sequence[Row]) -> float:
    """Share of rows, headers apart, with a cell that asks: a question mark, or a sentence of four words."""
    held = [cells for _, cells in rows if recognised(cells) < _HEADER]
    asks = [any("?" in cell or "\uff1f" in cell or len(cell.split()) >= 4 for cell in cells) for cells in held]
    return sum(asks) / len(asks) if asks else 0.0
