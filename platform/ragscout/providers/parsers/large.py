"""Large files of rows, read row by row: jsonl and csv in UTF-8, parquet."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from itertools import chain, islice

from ragscout.model.evalset import Document
from ragscout.model.text import normalise
from ragscout.providers.parsers import rows
from ragscout.providers.parsers.dialect import find_dialect, records, separator_line

LARGE = 16 << 20
"""Bytes from which a file of rows is read row by row."""
_SAMPLE = 1 << 20  # bytes that tell how a table is written
_LOOK = 1000  # rows that tell which columns there are


def can_stream(path: str, kind: str, data: bytes) -> bool:
    """Whether a file is large and of a form that can be read row by row."""
    if len(data) <= LARGE or data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    return kind in ("csv", "parquet") or (kind == "json" and data[:100].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{")


def stream(path: str, kind: str, data: bytes, problems: list[str]) -> Iterator[Document]:
    """Documents of a large file, one at a time, by the rules of ``parse``; at the end ``problems`` are complete.

    Columns are found in the first 1,000 rows. Bytes that are no UTF-8 become U+FFFD and are counted.
    """
    bad: list[int] = []
    lost = [0]
    read = {"json": _json, "csv": _csv, "parquet": _parquet}[kind]
    rest = read(data, bad, lost)
    head = list(islice(rest, _LOOK))
    names = {str(name): None for row in head for name in row}
    text_column = rows.column(names, rows.TEXTS)
    if text_column is None:
        accepted = ", ".join(rows.TEXTS)
        problems.append(f"no column holds the text; it has {', '.join(names)}. Name it one of: {accepted}")
        return
    id_column, title_column = rows.column(names, rows.IDS), rows.column(names, rows.TITLES)
    known: dict[str, bytes] = {}
    empty = number = repeated = 0
    for number, row in enumerate(chain(head, rest), 1):
        text = normalise(_plain(row.get(text_column)))
        if not text.strip():
            empty += 1
            continue
        name = normalise(_plain(row.get(id_column)).strip()) if id_column else ""
        name = name or f"{path}#{number}"
        digest = hashlib.sha256(text.encode()).digest()[:16]
        if name in known:
            repeated += 1
            if known[name] == digest:
                continue
            name = f"{name}#{number}"
        known[name] = digest
        title = normalise(_plain(row.get(title_column))) if title_column else ""
        yield Document(name, text, title, rows.metadata(row, (id_column, title_column, text_column)))
    if bad:
        shown = ", ".join(map(str, bad[:10])) + (f" and {len(bad) - 10:,} more" if len(bad) > 10 else "")
        problems.append(f"line {shown}: not a row that can be read")
    if empty:
        problems.append(f"{empty:,} of {number:,} rows without text are left out")
    if repeated:
        problems.append(f"{repeated:,} rows repeat an id: equal ones are dropped")
    if lost[0]:
        problems.append(f"{lost[0]:,} lines hold bytes that are no UTF-8: save it as UTF-8")


def _plain(value: object) -> str:
    return "" if value is None else str(value)


def _lines(data: bytes, lost: list[int]) -> Iterator[str]:
    for raw in io.BytesIO(data):
        try:
            yield raw.decode("utf-8")
        except UnicodeDecodeError:
            lost[0] += 1
            yield raw.decode("utf-8", "replace")


def _json(data: bytes, bad: list[int], lost: list[int]) -> Iterator[rows.Row]:
    for number, line in enumerate(_lines(data, lost), 1):
        if not line.strip("\ufeff \t\r\n"):
            continue
        try:
            value = json.loads(line.lstrip("\ufeff"))
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            yield value
        else:
            bad.append(number)


def _csv(data: bytes, bad: list[int], lost: list[int]) -> Iterator[rows.Row]:
    head = data[:_SAMPLE].decode("utf-8", "replace").lstrip("\ufeff")
    named, head = separator_line(head)
    lines = _lines(data, lost)
    if named:
        next(lines)
    dialect = find_dialect(head[: head.rfind("\n") + 1], delimiter=named)
    yield from records((line.lstrip("\ufeff") for line in lines), dialect, bad)


def _parquet(data: bytes, bad: list[int], lost: list[int]) -> Iterator[rows.Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        for batch in pq.ParquetFile(pa.BufferReader(data)).iter_batches(batch_size=1024):
            yield from batch.to_pylist()
    except (pa.ArrowException, OSError, ValueError, OverflowError):
        bad.append(0)


def parquet_columns(data: bytes) -> tuple[str, ...]:
    """Names of a parquet file's columns; none when it cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return tuple(pq.read_schema(pa.BufferReader(data)).names)
    except (pa.ArrowException, OSError, ValueError):
        return ()
