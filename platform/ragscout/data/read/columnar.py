"""Parquet and Arrow files (Feather, and the shards of a ``datasets`` folder)."""

from __future__ import annotations

import io
from typing import Any

from ragscout.data.findings import Finding
from ragscout.data.options import ReadOptions
from ragscout.data.read.csvfile import too_many_rows
from ragscout.data.read.loaded import Loaded, Record

BATCH = 4096


def load_parquet(path: str, data: bytes, options: ReadOptions) -> Loaded:
    """Rows of a Parquet file, read in batches."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = Loaded(path, "parquet")
    try:
        file = pq.ParquetFile(io.BytesIO(data))
        if file.metadata.num_rows > options.limits.rows:
            found.findings.append(too_many_rows(path, options.limits.rows))
            return found
        size = sum(file.metadata.row_group(number).total_byte_size for number in range(file.metadata.num_row_groups))
        if size > options.limits.file_bytes:
            text = f"the table unpacks to {size:,} bytes"
            remedy = f"At most {options.limits.file_bytes:,} are allowed (setting 'file_bytes')."
            found.findings.append(Finding("too_large", "error", text, path, remedy=remedy))
            return found
        found.columns = tuple(file.schema_arrow.names)
        _take(file.iter_batches(batch_size=BATCH), found, options)
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        _failed(found, error)
    return found


def load_arrow(path: str, data: bytes, options: ReadOptions) -> Loaded:
    """Rows of an Arrow stream or file; the stream form is what a saved ``datasets`` folder holds."""
    import pyarrow as pa

    found = Loaded(path, "arrow")
    try:
        if data.startswith(b"ARROW1"):
            reader = pa.ipc.open_file(io.BytesIO(data))
            batches: Any = (reader.get_batch(number) for number in range(reader.num_record_batches))
        else:
            reader = pa.ipc.open_stream(io.BytesIO(data))
            batches = iter(reader)
        found.columns = tuple(reader.schema.names)
        _take(batches, found, options)
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        _failed(found, error)
    return found


def _take(batches: Any, found: Loaded, options: ReadOptions) -> None:
    for batch in batches:
        for values in batch.to_pylist():
            found.records.append(Record(len(found.records) + 1, values))
        if len(found.records) > options.limits.rows:
            found.findings.append(too_many_rows(found.path, options.limits.rows))
            return


def _failed(found: Loaded, error: Exception) -> None:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    found.records.clear()
    found.findings.append(
        Finding("bad_table", "error", f"the file cannot be read: {reason}", found.path, remedy="Export the file again.")
    )
