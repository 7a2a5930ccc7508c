"""Merged cells of a workbook: one cell that stands for several rows."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence

from ragscout.data.roles import question_roles

Row = tuple[int, list[str]]
Spans = Sequence[tuple[int, int, int]]
"""Column (from 0), first and last row (from 1) of cells that were merged downwards."""
_MARK = b"mergeCell "
_STEP = 1 << 20
_LISTS = ("reference", "alternatives", "document", "quote")


def merged_spans(data: bytes) -> Mapping[str, Spans]:
    """Return the cells of each sheet that stand for more than one row; sheets without any are absent."""
    if not _any_merged(data):
        return {}
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(data), keep_links=False)
    found = {
        sheet.title: [
            (area.min_col - 1, area.min_row, area.max_row)
            for area in sheet.merged_cells.ranges
            if area.max_row > area.min_row
        ]
        for sheet in book.worksheets
    }
    return {title: sorted(spans) for title, spans in found.items() if spans}


def _any_merged(data: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if not (name.startswith("xl/worksheets/") and name.endswith(".xml")):
                continue
            with archive.open(name) as stream:
                tail = b""
                while part := stream.read(_STEP):
                    if _MARK in tail + part:
                        return True
                    tail = part[-len(_MARK) :]
    return False


def unmerged(header: Row, rows: Sequence[Row], spans: Spans) -> tuple[list[Row], list[str], list[str]]:
    """Rows with every merged value in each of its rows; rows of one merged question become one row.

    What such rows say differently is a list where a question may have several (references, documents, quotes).

    Returns:
        The rows, the numbers of rows that were joined (``2-3``), and the columns whose values differed without being
        a list: their first value counts.
    """
    held = dict(rows)
    width = len(header[1])
    for column, first, last in spans:
        if first <= header[0] or column >= width:
            continue
        value = _cell(held.get(first, []), column)
        for number in range(first + 1, last + 1):
            if number in held:
                cells = held[number]
                cells += [""] * (column + 1 - len(cells))
                cells[column] = value
    roles = question_roles(header[1])[0]
    asked = next((number for number, name in enumerate(header[1]) if name == roles.get("question")), -1)
    lists = {number for number, name in enumerate(header[1]) if name in [roles.get(role) for role in _LISTS]}
    joined, lost = [], []
    for column, first, last in spans:
        numbers = [number for number in range(first, last + 1) if number in held]
        if column != asked or first <= header[0] or len(numbers) < 2:
            continue
        group = [held.pop(number) for number in numbers]
        held[first] = [_together([_cell(cells, place) for cells in group], place in lists) for place in range(width)]
        joined.append(f"{first}-{last}")
        for place in range(width):
            if place not in lists and len({text for cells in group if (text := _cell(cells, place).strip())}) > 1:
                lost.append(header[1][place])
    return sorted(held.items()), joined, list(dict.fromkeys(lost))


def _cell(cells: Sequence[str], column: int) -> str:
    return cells[column] if column < len(cells) else ""


def _together(texts: Sequence[str], listed: bool) -> str:
    kept = list(dict.fromkeys(text.strip() for text in texts if text.strip()))
    if listed and len(kept) > 1:
        return json.dumps(kept, ensure_ascii=False)
    return kept[0] if kept else ""
