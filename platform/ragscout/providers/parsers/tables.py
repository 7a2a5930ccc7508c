"""Tables of office documents as lines of text."""

from __future__ import annotations

from collections.abc import Iterable


def table_text(rows: Iterable[Iterable[str]]) -> str:
    """Rows as ``| a | b |`` lines; rows without cells are left out."""
    held = [[" ".join(cell.split()) for cell in row] for row in rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in held if cells)
