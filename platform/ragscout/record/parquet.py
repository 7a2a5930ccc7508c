"""Tables as Parquet bytes."""

from __future__ import annotations

import io

from ragscout.record.runs import LoggedTable, Value


def parquet(table: LoggedTable) -> bytes:
    """Return a table as one Parquet file; a column's type follows from its values, a column without any is of text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {name: pa.array(values, type=_type(values)) for name, values in table.columns.items()}
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def _type(values: list[Value]) -> object:
    import pyarrow as pa

    known = [value for value in values if value is not None]
    if known and all(isinstance(value, bool) for value in known):
        return pa.bool_()
    if known and all(isinstance(value, int) and not isinstance(value, bool) for value in known):
        return pa.int64()
    if known and all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        return pa.float64()
    return pa.string()
