"""What several formats do alike: walk over records, turn a row's problem into a finding, note the columns' roles."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ragscout.data.draft import Draft, DraftQuestion
from ragscout.data.findings import shorten
from ragscout.data.options import ReadOptions
from ragscout.data.read.cellvalues import CellError
from ragscout.data.read.loaded import Loaded, Record, bad_row

SAMPLES = 3


def each_question(
    item: Loaded, draft: Draft, options: ReadOptions, make: Callable[[Record], DraftQuestion | None]
) -> None:
    """Make a question of every record; where ``make`` gives ``None`` it has kept what it made itself.

    A ``CellError`` or a missing key is a problem of that row alone.
    """
    for record in item.records:
        try:
            made = make(record)
        except CellError as error:
            column, _, text = str(error).rpartition("\x00")
            value = str(record.values.get(column, ""))
            skip = options.skip_bad_rows
            draft.findings.append(bad_row(skip, "bad_value", text, item.path, record.line, column=column, value=value))
            continue
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
            text = f"the row does not have the shape of the format {draft.formats.get(item.path, '')!r} ({error})"
            draft.findings.append(
                bad_row(options.skip_bad_rows, "bad_row", text, item.path, record.line, value=str(dict(record.values)))
            )
            continue
        if made is not None:
            draft.questions.append(made)
            if len(draft.samples) < SAMPLES:
                draft.samples.append({name: shorten(str(value)) for name, value in record.values.items()})


def in_column(column: str, read: Callable[..., object], *args: object) -> object:
    """Call a cell reader; its ``CellError`` names the column."""
    try:
        return read(*args)
    except CellError as error:
        raise CellError(f"{column}\x00{error}") from None


def note_roles(draft: Draft, item: Loaded, roles: Mapping[str, str]) -> None:
    """Remember which column (key) was read as which role (value), for columns that exist."""
    draft.roles.setdefault(item.path, {}).update({column: role for column, role in roles.items() if item.has(column)})
