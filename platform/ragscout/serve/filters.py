"""The filter of a question that is asked: read as an evaluation set's, checked against what the documents carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ragscout.data.read.cellvalues import CellError, filter_of
from ragscout.model.errors import ParameterError
from ragscout.model.text import normalise
from ragscout.model.values import Chunks

Filter = Mapping[str, str | Sequence[str]] | str
"""Metadata column to the value, or the values of which a document must carry one; or ``name=value; name=one|other``."""

_SHOWN = 20


def read_filter(given: Filter | None, chunks: object) -> dict[str, tuple[str, ...]]:
    """Return the filter in its normal form, empty without one. ``chunks``: those of the pipeline, if it has any.

    Raises:
        ParameterError: it cannot be read, nothing is retrieved that it could hold for, or no document carries a column.
    """
    if given is None:
        return {}
    try:
        read = filter_of(given)
    except CellError as error:
        raise ParameterError(f"filter: {error}; got {given!r}. Write for example department=hr.") from None
    found = {normalise(name): tuple(normalise(value) for value in held) for name, held in sorted(read.items())}
    if not found:
        return {}
    if not isinstance(chunks, Chunks):
        raise ParameterError(
            f"filter: this pipeline retrieves nothing that a filter could hold for; got {given!r}. Leave it out."
        )
    columns = sorted({name for meta in chunks.meta.values() for name in meta})
    for name in found:
        if name not in columns:
            known = ", ".join(columns[:_SHOWN]) or "none"
            raise ParameterError(f"filter: no document carries this column; got {name!r}. Columns: {known}.")
    return found


def joined(pairs: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Several ``name=value`` as one filter; values of the same name are alternatives.

    Raises:
        ParameterError: one of them cannot be read.
    """
    found: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        try:
            read = filter_of(pair)
        except CellError as error:
            raise ParameterError(f"--filter: {error}; got {pair!r}. Write for example department=hr.") from None
        for name, values in read.items():
            found[name] = tuple(dict.fromkeys((*found.get(name, ()), *values)))
    return found
