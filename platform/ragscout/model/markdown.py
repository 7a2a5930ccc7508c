"""Markdown of other people's text: one escape and one table for all pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_SPECIAL = frozenset("\\|*_`<[")


def escape(text: str) -> str:
    """Return text for inside Markdown: one line, with no markup of its own and no table bars."""
    flat = " ".join(text.split())
    escaped = "".join(f"\\{char}" if char in _SPECIAL else char for char in flat)
    return f"\\{escaped}" if escaped.startswith("#") else escaped


def heading_text(line: str) -> str:
    """Return what a heading says; ``line``: what stands behind its ``#`` and blanks. Closing ``#`` are no part of it,
    and its first character always is."""
    return line[:1] + line[1:].rstrip("#").rstrip(" \t")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[bool]) -> list[str]:
    """Return the lines of a table of plain texts, which are escaped here.

    Args:
        heads: headings of the columns.
        rows: cells of each row, as many as headings.
        left: per column, whether it is aligned to the left; the others are aligned to the right.
    """
    rule = "|" + "|".join(":--" if is_left else "--:" for is_left in left) + "|"
    return [_line(heads), rule, *map(_line, rows)]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(escape, cells)) + " |"
