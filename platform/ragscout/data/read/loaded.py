"""A structured file as records, whatever its container: CSV, workbook, JSON, JSON lines, Parquet, Arrow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ragscout.data.findings import Finding

STRUCTURED = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xls": "xls",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}


@dataclass(frozen=True)
class Record:
    """One row or object. ``line`` counts from 1: a line of a text file, else a row of a sheet or table."""

    line: int
    values: Mapping[str, Any]


@dataclass
class Loaded:
    """A structured file. ``whole`` is the top object of a JSON file that is not a list of objects.

    ``kind`` is what the content is (``csv``, ``json``, ``jsonl``, ``xlsx``, ``parquet``, ``arrow``), not what the
    name says; ``textual`` tells that every cell is text, so that a list arrives written out; ``parts`` are further
    lists of objects inside one JSON object.
    """

    path: str
    kind: str
    columns: tuple[str, ...] = ()
    records: list[Record] = field(default_factory=list)
    whole: Any = None
    encoding: str = ""
    findings: list[Finding] = field(default_factory=list)
    textual: bool = False
    parts: list[Loaded] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether a problem was found that forbids loading."""
        return any(item.severity == "error" for item in self.findings)

    def has(self, *names: str) -> bool:
        """Whether all these columns exist."""
        return all(name in self.columns for name in names)


def bad_row(skip: bool, kind: str, message: str, file: str, line: int, **more: Any) -> Finding:
    """Return a problem of one row: an error, or a warning when the user asked to skip bad rows."""
    if skip:
        return Finding(kind, "warning", f"row left out: {message}", file, line, **more)
    remedy = more.pop("remedy", "") or "Correct the row"
    return Finding(
        kind,
        "error",
        message,
        file,
        line,
        remedy=f"{remedy.rstrip('.')}, or pass --skip-bad-rows to load the rest.",
        **more,
    )


def union_of_keys(records: list[Record]) -> tuple[str, ...]:
    """Column names of records, in order of first appearance."""
    seen: dict[str, None] = {}
    for record in records:
        for key in record.values:
            seen.setdefault(key)
    return tuple(seen)
