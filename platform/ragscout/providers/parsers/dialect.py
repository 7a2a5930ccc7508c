"""How a table of delimited text is written: its separator, and what a quotation mark means in it.

Nothing says so inside the file, so the ways that are used are tried and what comes out is compared: the right one gives
rows of one width.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, zip_longest
from typing import Literal

Style = Literal["plain", "spaced", "backslash", "unquoted"]

STYLES: dict[Style, str] = {
    "plain": 'a quotation mark inside a quoted cell is written ""',
    "spaced": "a blank between the separator and a quotation mark is not part of the cell",
    "backslash": 'a quotation mark inside a quoted cell is written \\"',
    "unquoted": "quotation marks are text like any other character",
}
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_ORDER: tuple[Style, ...] = ("plain", "spaced", "backslash")
_SAMPLE = 2_000_000  # characters of a table that are tried
_HEAD = 30  # lines that tell the separator
_TITLES = 10  # lines among which the header is looked for
_SEPARATOR_LINE = re.compile(r"\ufeff?\"?sep=([^\r\n\"])\"?(?=\r|\n|$)", re.IGNORECASE)
_ESCAPE = re.compile(r'\\(["\\])')
_HELD = "\ufdd0"  # a code point that no text holds stands for an escaped quotation mark while cells are cut
_NEWLINE = re.compile(r"\r\n|\n|\r")
_NULL = "\\N"  # how databases write a missing value where a backslash escapes


@dataclass(frozen=True)
class Dialect:
    """A separator and a style; see ``STYLES`` for what a style means."""

    delimiter: str = ","
    style: Style = "plain"

    def rows(self, lines: Iterable[str], strict: bool = True) -> Iterator[list[str]]:
        """Yield the cells of each row. After ``csv.Error`` the iterator goes on with the next row."""
        return _Rows(lines, self, strict)


class _Rows:
    def __init__(self, lines: Iterable[str], dialect: Dialect, strict: bool) -> None:
        self._escaped = dialect.style == "backslash"
        if dialect.style == "unquoted":
            self._reader = csv.reader(lines, delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE, strict=strict)
        else:
            held = map(_hold, lines) if self._escaped else lines
            spaced = dialect.style != "plain"
            self._reader = csv.reader(held, delimiter=dialect.delimiter, skipinitialspace=spaced, strict=strict)

    def __iter__(self) -> Iterator[list[str]]:
        return self

    def __next__(self) -> list[str]:
        cells = next(self._reader)
        if not self._escaped:
            return cells
        return ["" if cell == _NULL else cell.replace(_HELD, '"') for cell in cells]


def _hold(line: str) -> str:
    return _ESCAPE.sub(lambda mark: _HELD if mark[1] == '"' else "\\", line)


def physical_lines(text: str) -> Iterator[str]:
    """Lines of a text, whatever ends them, each ended by ``\\n`` but for a last one that is not ended."""
    position = 0
    for end in _NEWLINE.finditer(text):
        yield text[position : end.start()] + "\n"
        position = end.end()
    if position < len(text):
        yield text[position:]


def separator_line(text: str) -> tuple[str, str]:
    """Return the separator that a first line ``sep=;`` names, and the text with that line emptied; else no separator
    and the text as it is."""
    said = _SEPARATOR_LINE.match(text)
    return (said[1], text[said.end() :]) if said else ("", text)


def find_dialect(
    text: str, known: Callable[[list[str]], int] = lambda _row: 0, delimiter: str = "", style: Style | None = None
) -> Dialect:
    """Return the way a table is written.

    ``known`` says how many names of a row are column names; ``delimiter`` and ``style`` are not tried where they are
    given. A style other than ``plain`` is chosen only when fewer rows fall out of line with it.
    """
    lines = list(physical_lines(text[:_SAMPLE]))
    if len(text) > _SAMPLE:
        lines.pop()
    marks = [delimiter] if delimiter else list(DELIMITERS)
    found = [Dialect(mark, style or _style(lines, mark)) for mark in marks]
    return max(found, key=lambda one: (_fit(lines[:_HEAD], one, known), -found.index(one)))


def _fit(head: Sequence[str], dialect: Dialect, known: Callable[[list[str]], int]) -> tuple[int, float]:
    """How well a dialect explains the first lines: known column names, then evenness of the number of cells."""
    try:
        rows = [row for row in dialect.rows(head, strict=False) if row]
    except csv.Error:
        return 0, 0.0
    if not rows:
        return 0, 0.0
    widths = [len(row) for row in rows]
    common = max(set(widths), key=widths.count)
    return max(map(known, rows[:_TITLES])), (widths.count(common) / len(widths) if common > 1 else 0.0)


def _style(lines: Sequence[str], delimiter: str) -> Style:
    """Return the style with the fewest rows out of line, the plainest of equals."""
    quoted = [line for line in lines if '"' in line]
    if not quoted:
        return "plain"
    signs: dict[Style, str] = {"plain": '"', "spaced": f'{delimiter} "', "backslash": '\\"'}
    counts = {
        style: _odd(lines, Dialect(delimiter, style))
        for style in _ORDER
        if any(signs[style] in line for line in quoted)
    }
    counts.setdefault("plain", _odd(lines, Dialect(delimiter)))
    best = min(counts, key=lambda style: (counts[style], _ORDER.index(style)))
    if counts[best] and delimiter == "\t" and _unquoted(lines, delimiter):
        return "unquoted"
    return best


def _odd(lines: Sequence[str], dialect: Dialect) -> int:
    """How many rows of a table are not read well: of another width than most, with a quotation mark out of place."""
    reader = dialect.rows(lines)
    widths: list[int] = []
    odd = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error:
            odd += 1
            continue
        if any(cell.strip() for cell in cells):
            widths.append(len(cells))
            odd += any(map(_blank_first, cells))
    return odd + len(widths) - max(map(widths.count, set(widths)), default=0)


def _blank_first(cell: str) -> bool:
    """Whether blanks stand before a quoted cell, so that its quotation marks became text."""
    bare = cell.lstrip()
    return bare != cell and len(bare) > 1 and bare[0] == bare[-1] == '"'


def _unquoted(lines: Sequence[str], delimiter: str) -> bool:
    """Whether quotation marks are plain text: without quoting all rows have one width, and fewer cells are wrapped in
    quotation marks than only begin with one."""
    rows = [line.rstrip("\n").split(delimiter) for line in lines if line.strip()]
    if len({len(row) for row in rows}) != 1:
        return False
    begun = [cell for row in rows for cell in row if cell.startswith('"')]
    wrapped = sum(re.fullmatch(r'"(?:[^"]|"")*"', cell) is not None for cell in begun)
    return len(begun) > 2 * wrapped


def records(lines: Iterable[str], dialect: Dialect, bad: list[int]) -> Iterator[dict[str, str]]:
    """Yield the rows under the first one as texts by column name; ``bad`` gets the numbers of rows that cannot be
    read."""
    csv.field_size_limit(sys.maxsize)
    reader = dialect.rows(lines, strict=False)
    header: list[str] = []
    for number in count(1):
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            bad.append(number)
            continue
        if not header:
            header = [name.strip() for name in cells] if any(cells) else []
        elif cells:
            yield {name: cell for name, cell in zip_longest(header, cells[: len(header)], fillvalue="") if name}
