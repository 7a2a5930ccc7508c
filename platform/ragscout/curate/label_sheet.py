"""A sheet of answers for people to label, as xlsx or csv, and blind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ragscout.data.options import ReadOptions
from ragscout.data.read.loaders import load
from ragscout.data.write.sheets import SheetPage, csv_table, workbook
from ragscout.model.errors import EvalSetError
from ragscout.model.text import normalise

COLUMNS = ("id", "question", "reference", "passages", "answer", "label", "comment")
LONGEST = 32_000
"""Characters of a cell."""
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


def write_sheet(path: Path, rows: Sequence[SheetRow], guide: Sequence[str]) -> None:
    """Write a sheet; what each label means (``guide``) stands on a second sheet of an xlsx file.

    Raises:
        EvalSetError: the suffix is neither .xlsx nor .csv, or the file cannot be written.
    """
    columns = [name for name in COLUMNS if name != "passages" or any(row.passages for row in rows)]
    lines = [columns, *([_clean(_cell(row, name)) for name in columns] for row in rows)]
    if path.suffix.lower() == ".csv":
        data = csv_table(lines).encode("utf-8-sig")
    elif path.suffix.lower() == ".xlsx":
        widths = {letter: _WIDTHS[name] for letter, name in zip("ABCDEFG", columns, strict=False)}
        notes = SheetPage("how to label", [[text] for text in guide], widths={"A": 100})
        data = workbook([SheetPage("answers", lines, "A2", widths, wrapped=True), notes])
    else:
        raise EvalSetError(f"{path}: the suffix says the format; got {path.suffix!r}. Use .xlsx or .csv.")
    try:
        path.write_bytes(data)
    except OSError as error:
        raise EvalSetError(f"{path}: cannot be written; got {error.strerror}. Name another place.") from None


def _clean(text: str) -> str:
    """Text that a person can read in a cell: without control characters, cut where it is too long."""
    clean = _FORBIDDEN.sub(" ", text)
    return clean if len(clean) <= LONGEST else clean[:LONGEST] + " […]"


def _cell(row: SheetRow, name: str) -> str:
    if name == "reference":
        return "\n".join(row.references)
    if name == "passages":
        return "\n\n".join(row.passages)
    return str(getattr(row, name))


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
