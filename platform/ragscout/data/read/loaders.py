"""Bytes to a ``Loaded``: the content decides, not the name."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import PurePosixPath

from ragscout.data.findings import Finding
from ragscout.data.options import ReadOptions
from ragscout.data.read.columnar import load_arrow, load_parquet
from ragscout.data.read.csvfile import load_csv
from ragscout.data.read.encoding import decode
from ragscout.data.read.jsonfile import load_json, load_jsonl
from ragscout.data.read.loaded import STRUCTURED, Loaded
from ragscout.data.read.workbook import load_workbook

_BINARY = {
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Office file (xls, doc, hwp)",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"\x1f\x8b": "a gzip archive",
    b"SQLite format 3": "an SQLite database",
}
_ZIP = "a zip archive"
_NAMES = {"csv": "a delimited text table", "json": "JSON", "jsonl": "JSON lines", "xlsx": "an Excel workbook"}
_NAMES |= {"parquet": "Parquet", "arrow": "Arrow", "empty": "nothing"}


def load(path: str, data: bytes, options: ReadOptions) -> Loaded:
    """Read a structured file. Problems are findings of the result, never exceptions."""
    name = "file_bytes" if options.limits.file_bytes <= options.limits.table_bytes else "table_bytes"
    limit = getattr(options.limits, name)
    if len(data) > limit:
        text, remedy = f"the file is larger than {limit:,} bytes", f"Split it or raise the limit {name!r}."
        return Loaded(path, "", findings=[Finding("too_large", "error", text, path, remedy=remedy)])
    if not data.strip(b" \t\r\n\x00\xef\xbb\xbf"):
        text = "the file is empty"
        return Loaded(path, "empty", findings=[Finding("empty", "error", text, path, remedy="Upload it with rows.")])
    said = STRUCTURED.get(PurePosixPath(path).suffix.lower(), "")
    kind = _magic(data)
    if kind in (*_BINARY.values(), _ZIP):
        text, remedy = f"the content is {kind}, not a table", "Save it as xlsx, csv or jsonl."
        return Loaded(path, "", findings=[Finding("not_a_table", "error", text, path, remedy=remedy)])
    found = _load(path, data, kind, said, options)
    related = {found.kind, said} <= {"json", "jsonl"}
    if said and found.kind and found.kind != said and not related:
        text = f"the content is {_NAMES.get(found.kind, found.kind)}, the name says {_NAMES.get(said, said)}"
        found.findings.append(Finding("name_lies", "warning", text, path, remedy="Rename the file."))
    return found


def _load(path: str, data: bytes, kind: str, said: str, options: ReadOptions) -> Loaded:
    if kind == "xlsx":
        return load_workbook(path, data, options)
    if kind == "parquet":
        return load_parquet(path, data, options)
    if kind == "arrow" or said == "arrow":
        return load_arrow(path, data, options)
    decoded = decode(data, path, options.encoding)
    if any(item.severity == "error" for item in decoded.findings):
        return Loaded(path, said, encoding=decoded.encoding, findings=list(decoded.findings))
    if said in ("parquet", "xlsx", "xls") and "\x00" in decoded.text:
        text = f"the file is not {_NAMES.get(said, said)} although its name says so, or it is damaged"
        remedy = "Export the file again."
        return Loaded(path, "", findings=[Finding("name_lies", "error", text, path, remedy=remedy)])
    shape = _shape(decoded.text, said)
    if shape == "jsonl":
        return load_jsonl(path, decoded, options)
    if shape == "json":
        return load_json(path, decoded, options)
    return load_csv(path, decoded, options)


def _magic(data: bytes) -> str:
    if data.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                names = archive.namelist()
        except (zipfile.BadZipFile, ValueError, OSError):
            return "xlsx"
        return "xlsx" if any(name.startswith("xl/") for name in names) else _ZIP
    if data.startswith(b"PAR1"):
        return "parquet"
    if data.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return "arrow"
    return next((name for mark, name in _BINARY.items() if data.startswith(mark)), "")


def _shape(text: str, said: str) -> str:
    """``json``, ``jsonl`` or ``csv`` by the first characters."""
    head = text.lstrip()
    if head.startswith("{"):
        first = head.split("\n", 1)[0].strip()
        try:
            json.loads(first)
        except (ValueError, RecursionError):
            return said if said in ("json", "jsonl") else "json"
        return "jsonl" if "\n" in head.strip() or said == "jsonl" else "json"
    if head.startswith("["):
        return "jsonl" if said == "jsonl" and "\n[" in head else "json"
    return said if said in ("json", "jsonl") else "csv"
