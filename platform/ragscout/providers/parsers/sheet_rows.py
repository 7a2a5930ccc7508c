"""Rows of a workbook's sheet, as far as a real program would have written them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MOST_ROWS = 1 << 20
"""Rows of a sheet, as in Excel."""
MOST_PLACES = 10_000_000
"""Places of a sheet, empty ones in front of written cells too."""


class TableLimitError(ValueError):
    """A table claims more rows or columns than a program writes; ``str`` says what is wrong."""


def sheet_rows(sheet: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of an openpyxl sheet that is opened for reading, from row 1 on. The size that the file claims is
    not believed.

    Raises:
        TableLimitError: a cell stands below ``MOST_ROWS`` rows, or the rows take more than ``MOST_PLACES`` places.
    """
    sheet.reset_dimensions()
    places = 0
    for number, row in enumerate(sheet.iter_rows(), 1):
        places += len(row)
        if number > MOST_ROWS or places > MOST_PLACES:
            raise TableLimitError(
                f"the cells of sheet {sheet.title!r} are spread over more than {MOST_PLACES:,} places or "
                f"{MOST_ROWS:,} rows"
            )
        yield row
