"""Where the characters of a changed text come from: maps of offsets, in code points."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

Piece = tuple[int, int, int]
"""``(source, target, length)``: that many characters from ``source`` on stand unchanged from ``target`` on."""


@dataclass(frozen=True)
class Origin:
    """Where a document's text comes from.

    ``document`` and ``digest``: id of the parsed document and SHA-256 of its text. ``pieces``: what was kept, in
    order of source and of target, without overlaps; every other character was dropped or replaced.
    """

    document: str
    digest: str
    pieces: tuple[Piece, ...]

    def place(self, start: int, end: int) -> tuple[int, int] | None:
        """Where ``start..end`` of the source lies now: from its first to its last character that was kept.

        ``None`` when none of it was kept.
        """
        first = next(self._kept(start, end), None)
        if first is None:
            return None
        *_, last = self._kept(start, end)
        return first[0], last[1]

    def kept(self, start: int, end: int) -> int:
        """How many characters of ``start..end`` of the source are still there."""
        return sum(high - low for low, high in self._kept(start, end))

    def _kept(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        at = max(0, bisect.bisect_right(self.pieces, start, key=lambda piece: piece[0]) - 1)
        for source, target, length in self.pieces[at:]:
            if source >= end:
                return
            low, high = max(start, source), min(end, source + length)
            if low < high:
                yield target + low - source, target + high - source


def identity(length: int) -> tuple[Piece, ...]:
    """Return the map of an unchanged text."""
    return ((0, 0, length),) if length else ()


def compose(first: Sequence[Piece], second: Sequence[Piece]) -> tuple[Piece, ...]:
    """Return the map of doing ``first`` and then ``second`` to its result."""
    made: list[Piece] = []
    at = 0
    for source, target, length in second:
        while at and first[at - 1][1] + first[at - 1][2] > source:
            at -= 1
        while at < len(first) and first[at][1] + first[at][2] <= source:
            at += 1
        while at < len(first) and first[at][1] < source + length:
            low, high = max(source, first[at][1]), min(source + length, first[at][1] + first[at][2])
            made.append((first[at][0] + low - first[at][1], target + low - source, high - low))
            at += 1
    return joined(made)


def joined(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Return the same map with neighbours that belong together made one."""
    made: list[Piece] = []
    for source, target, length in pieces:
        if made and made[-1][0] + made[-1][2] == source and made[-1][1] + made[-1][2] == target:
            made[-1] = (made[-1][0], made[-1][1], made[-1][2] + length)
        elif length:
            made.append((source, target, length))
    return tuple(made)


def edited(text: str, edits: Iterable[tuple[int, int, str]]) -> tuple[str, tuple[Piece, ...]]:
    """Return a text with spans replaced, and the map. ``edits``: ``(start, end, replacement)`` in order, not
    overlapping."""
    parts: list[str] = []
    pieces: list[Piece] = []
    at = size = 0
    for start, end, new in (*edits, (len(text), len(text), "")):
        if start > at:
            parts.append(text[at:start])
            pieces.append((at, size, start - at))
            size += start - at
        parts.append(new)
        size += len(new)
        at = end
    return "".join(parts), joined(pieces)


def shifted(pieces: Sequence[Piece], at: int) -> int:
    """Where a position of the source lies in the result: that of the next character that was kept."""
    end = 0
    for source, target, length in pieces:
        if at < source + length:
            return target + max(0, at - source)
        end = target + length
    return end
