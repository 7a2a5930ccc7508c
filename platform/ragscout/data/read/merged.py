"""Merged cells of a workbook: one cell that stands for several rows."""

from __future__ import annotations

import io
import json
import zipfile
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from ragscout.data.roles import question_roles

Row = tuple[int, list[str]]
Spans = Sequence[tuple[int, int, int]]
"""Column (from 0), first and last row (from 1) of cells that were merged downwards."""
_BOOK, _RELATIONS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
_MARK = b"mergeCell "
_STEP = 1 << 20
_LISTS = ("reference", "alternatives", "document", "quote")


def merged_spans(data: bytes) -> Mapping[str, Spans]:
    """Return the cells of each sheet that stand for more than one row; sheets without any are absent.

    Only what the file says of merged cells is read: no cell is made for them, however many they claim to be. Of two
    that overlap in their first column, which no program writes, the upper one counts.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = _parts(archive)
        found = {title: _spans(archive, part) for title, part in parts.items() if _any_merged(archive, part)}
    return {title: spans for title, spans in found.items() if spans}


def _parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the part of each sheet by its title; empty where the package is laid out in another way."""
    names = set(archive.namelist())
    if not {_BOOK, _RELATIONS} <= names:
        return {}
    relations = ElementTree.fromstring(archive.read(_RELATIONS))
    targets = {item.get("Id", ""): item.get("Target", "") for item in relations}
    found = {}
    for sheet in ElementTree.fromstring(archive.read(_BOOK)).iter():
        if sheet.tag.endswith("}sheet"):
            target = targets.get(next((value for key, value in sheet.items() if key.endswith("}id")), ""), "")
            part = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
            if part in names:
                found[sheet.get("name", "")] = part
    return found


def _any_merged(archive: zipfile.ZipFile, part: str) -> bool:
    with archive.open(part) as stream:
        tail = b""
        while piece := stream.read(_STEP):
            if _MARK in tail + piece:
                return True
            tail = piece[-len(_MARK) :]
    return False


def _spans(archive: zipfile.ZipFile, part: str) -> list[tuple[int, int, int]]:
    from openpyxl.utils import range_boundaries

    stated = []
    with archive.open(part) as stream:
        for _, element in ElementTree.iterparse(stream):
            if element.tag.endswith("}mergeCell"):
                try:
                    column, first, _, last = range_boundaries(element.get("ref", ""))
                except ValueError:
                    continue
                if column and first and last and last > first:
                    stated.append((column - 1, first, last))
            element.clear()
    found: list[tuple[int, int, int]] = []
    for span in sorted(stated):
        if not found or found[-1][0] != span[0] or span[1] > found[-1][2]:
            found.append(span)
    return found


def unmerged(header: Row, rows: Sequence[Row], spans: Spans) -> tuple[list[Row], list[str], list[str]]:
    """Rows with every merged value in each of its rows; rows of one merged question become one row.

    What such rows say differently is a list where a question may have several (references, documents, quotes).

    Returns:
        The rows, the numbers of rows that were joined (``2-3``), and the columns whose values differed without being
        a list: their first value counts.
    """
    held = dict(rows)
    numbered, width = sorted(held), len(header[1])
    for column, first, last in spans:
        if first <= header[0] or column >= width:
            continue
        value = _cell(held.get(first, []), column)
        for number in numbered[bisect_right(numbered, first) : bisect_right(numbered, last)]:
            cells = held[number]
            cells += [""] * (column + 1 - len(cells))
            cells[column] = value
    roles = question_roles(header[1])[0]
    asked = next((number for number, name in enumerate(header[1]) if name == roles.get("question")), -1)
    lists = {number for number, name in enumerate(header[1]) if name in [roles.get(role) for role in _LISTS]}
    joined, lost = [], []
    for column, first, last in spans:
        numbers = numbered[bisect_left(numbered, first) : bisect_right(numbered, last)]
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
