"""Arrow files of whole values: one table per folder, with small facts in the schema's metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ragscout.model.errors import StoreError

_NAME = "value.arrow"
_FACTS = b"ragscout"


def save_columns(folder: Path, columns: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Write columns of equal length and JSON-able facts into a folder."""
    import pyarrow as pa

    table = pa.table(dict(columns)).replace_schema_metadata({_FACTS: json.dumps(facts, ensure_ascii=False)})
    with pa.OSFile(str(folder / _NAME), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=65536)


def load_columns(folder: Path, stage: str) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """Columns and facts as written.

    Raises:
        StoreError: when the folder holds no such file or a damaged one.
    """
    import pyarrow as pa

    try:
        with pa.memory_map(str(folder / _NAME)) as source:
            table = pa.ipc.open_file(source).read_all()
            facts = json.loads((table.schema.metadata or {})[_FACTS])
            return {name: table.column(name).to_pylist() for name in table.column_names}, facts
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise StoreError(
            f"{stage}: the stored value cannot be read; got {type(error).__name__} in {folder.name}. "
            "Delete it with `ragscout store check` and run again."
        ) from error
