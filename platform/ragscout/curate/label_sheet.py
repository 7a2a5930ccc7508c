"""A sheet of answers for people to label, as xlsx or csv: blind, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ragscout.data.options import ReadOptions
from ragscout.data.read.loaders import load
from ragscout.model.errors import EvalSetError
from ragscout.model.text import normalise

COLUMNS = ("id", "question", "reference", "passages", "answer", "label", "comment")
CELL_LIMIT = 32_000
"""Characters of a cell; Excel takes 32,767."""
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_WIDTHS = {"id": 18, "question": 40, "reference": 40, "passages": 60, "answer": 60, "label": 10, "comment": 30}
RIGHT = frozenset({"right", "correct", "true", "yes", "y", "o", "ok", "맞음", "맞다", "정답", "예", "네", "○"})
WRONG = frozenset({"wrong", "incorrect", "false", "no", "n", "x", "틀림", "틀리다", "오답", "아니오", "아니요", "×"})


@dataclass(frozen=True)
class SheetRow:
    """One answer. ``label``: what a person wrote, empty when nothing."""

    id: str
    question: str
    references: tuple[str, ...]
    answer: str
    passages: tuple[str, ...] = ()
    label: str = ""
    comment: str = ""
    line: int = 0


def safe_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula, without characters that its format forbids."""
    clean = _FORBIDDEN.sub(" ", text)
    if len(clean) > CELL_LIMIT:
        clean = clean[:CELL_LIMIT] + " […]"
    risky = clean.lstrip()[:1] in ("=", "+", "-", "@") or clean[:1] in ("\t", "\r", "\n")
    return f"'{clean}" if risky else clean


def write_sheet(path: Path, rows: Sequence[SheetRow], guide: Sequence[str]) -> None:
    """Write a sheet; what each label means (``guide``) stands on a second sheet of an xlsx file.

    Raises:
        EvalSetError: the suffix is neither .xlsx nor .csv.
    """
    columns = [name for name in COLUMNS if name != "passages" or any(row.passages for row in rows)]
    lines = [[safe_cell(_cell(row, name)) for name in columns] for row in rows]
    if path.suffix.lower() == ".csv":
        out = io.StringIO()
        csv.writer(out, lineterminator="\r\n").writerows([columns, *lines])
        path.write_text(out.getvalue(), encoding="utf-8-sig", newline="")
    elif path.suffix.lower() == ".xlsx":
        _workbook(path, columns, lines, guide)
    else:
        raise EvalSetError(f"{path}: the suffix says the format; got {path.suffix!r}. Use .xlsx or .csv.")


def _cell(row: SheetRow, name: str) -> str:
    if name == "reference":
        return "\n".join(row.references)
    if name == "passages":
        return "\n\n".join(row.passages)
    return str(getattr(row, name))


def _workbook(path: Path, columns: Sequence[str], lines: Sequence[Sequence[str]], guide: Sequence[str]) -> None:
    import openpyxl
    from openpyxl.styles import Alignment, Font

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "answers"
    for number, line in enumerate([columns, *lines], 1):
        for place, text in enumerate(line, 1):
            cell = sheet.cell(number, place)
            cell.value = text
            # openpyxl takes a leading "=" for a formula: the type is set after the value
            cell.data_type = "s"
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            cell.font = Font(bold=number == 1)
    for place, name in enumerate(columns, 1):
        sheet.column_dimensions[openpyxl.utils.get_column_letter(place)].width = _WIDTHS[name]
    sheet.freeze_panes = "A2"
    notes = book.create_sheet("how to label")
    for number, text in enumerate(guide, 1):
        notes.cell(number, 1).value = safe_cell(text)
    notes.column_dimensions["A"].width = 100
    book.save(path)


def read_sheet(path: Path) -> list[SheetRow]:
    """Rows of a labelled sheet (xlsx or csv), in order.

    Raises:
        EvalSetError: the file cannot be read, or has no columns ``id`` and ``label``.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EvalSetError(f"{path}: the sheet cannot be read; got {error.strerror!r}. Correct the path.") from None
    loaded = load(path.name, data, ReadOptions())
    for finding in loaded.findings:
        if finding.severity == "error":
            raise EvalSetError(f"{path}: {finding.message}. Use the sheet that `judge label --export` wrote.")
    if not loaded.has("id", "label"):
        raise EvalSetError(
            f"{path}: the columns id and label are needed; got {list(loaded.columns)}. Use the sheet that "
            "`judge label --export` wrote."
        )
    return [_read(record.values, record.line) for record in loaded.records]


def _read(values: Mapping[str, object], line: int) -> SheetRow:
    def text(name: str) -> str:
        value = values.get(name)
        return "" if value is None else normalise(str(value)).strip()

    return SheetRow(
        text("id"), text("question"), (text("reference"),), text("answer"), (), text("label"), text("comment"), line
    )


def level_of(label: str, levels: int) -> tuple[int, int] | None:
    """``(level, levels)`` of what a person wrote: a level, or right or wrong in either language (then of 2 levels);
    ``None`` when it is neither."""
    plain = label.strip().lower().rstrip(".")
    if plain in RIGHT:
        return 2, 2
    if plain in WRONG:
        return 1, 2
    found = re.fullmatch(r"(\d{1,2})(?:\.0+)?(?:\s*(?:/\s*(\d{1,2})|점))?", plain)
    if found is None or (found[2] and int(found[2]) != levels) or not 1 <= int(found[1]) <= levels:
        return None
    return int(found[1]), levels
