"""Where text may be cut: sliding windows with preferred boundaries, and packing of whole units."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ragscout.providers.tokenize import sentences
from ragscout.steps.chunk.base import Span

TOLERANCE = 0.15
"""How much of its size a window gives up to end at a better place."""
_JOINERS = "\u200d\ufe0e\ufe0f"


def windows(
    count: int, size: int, overlap: int, cut: Callable[[int, int, int], int], begin: Callable[[int, int], int]
) -> list[Span]:
    """Windows of at most ``size`` over positions 0..count.

    ``cut(floor, low, high)`` chooses where a window ends, preferably in low < end <= high, in any case above floor;
    ``begin(low, high)`` where the next one starts, in low <= start <= high. Windows leave no gap and each ends beyond
    the one before.
    """
    spans: list[Span] = []
    start = 0
    while start < count:
        reached = spans[-1][1] if spans else 0
        high = min(start + size, count)
        if high < count:
            floor = max(reached, start)
            high = cut(floor, max(high - int(size * TOLERANCE), floor), high)
        spans.append((start, high))
        if high >= count:
            break
        start = begin(max(start + 1, high - overlap), high) if overlap else high
    return spans


class CharacterCuts:
    """Preferred places in one text: sentence ends, then white space, never inside a combined character."""

    def __init__(self, text: str) -> None:
        """Find the sentence ends once."""
        self._text = text
        self._ends = [end for _, end in sentences(text)]

    def cut(self, floor: int, low: int, high: int) -> int:
        """Return the last sentence end in low < end <= high, else white space there, else the end of a whole
        character."""
        at = bisect_right(self._ends, high) - 1
        if at >= 0 and self._ends[at] > low:
            return self._ends[at]
        for end in range(high, low, -1):
            if self._text[end - 1].isspace() or (end < len(self._text) and self._text[end].isspace()):
                return end
        for end in range(high, floor, -1):
            if not self.joined(end):
                return end
        return high

    def begin(self, low: int, high: int) -> int:
        """Return the first start in low <= start <= high at the head of a word, else of a whole character.

        White space is looked for in the first half only, so that most of the overlap stays.
        """
        for start in range(low, low + (high - low) // 2 + 1):
            if self._text[start - 1].isspace():
                return start
        for start in range(low, high + 1):
            if not self.joined(start):
                return start
        return high

    def joined(self, at: int) -> bool:
        """Whether the characters around position ``at`` belong to one (combining mark, joiner, modifier)."""
        if not 0 < at < len(self._text):
            return False
        after, before = self._text[at], self._text[at - 1]
        return (
            after in _JOINERS
            or before == "\u200d"
            or unicodedata.category(after) in ("Mn", "Mc", "Me")
            or 0x1F3FB <= ord(after) <= 0x1F3FF
        )


def character_windows(text: str, start: int, end: int, size: int, overlap: int) -> list[Span]:
    """Windows of at most ``size`` code points over ``text[start:end]``, as offsets into ``text``."""
    part = text[start:end]
    cuts = CharacterCuts(part)
    return [(start + a, start + b) for a, b in windows(len(part), size, overlap, cuts.cut, cuts.begin)]


@dataclass(frozen=True)
class Unit:
    """A piece that stays whole where it fits. ``opens``: a section begins here; ``glued``: it stays with the next."""

    start: int
    end: int
    opens: bool = False
    glued: bool = False


def packed(text: str, units: Sequence[Unit], size: int, overlap: int) -> list[Span]:
    """Chunks of at most ``size`` code points made of whole neighbouring units; a longer unit is cut into windows.

    A unit that opens a section begins a chunk unless what came before is shorter than a quarter of the size. The
    overlap is made of whole units and never reaches into the section before.
    """
    spans: list[Span] = []
    current: list[Unit] = []

    def close(carry: bool) -> None:
        if not current:
            return
        spans.append((current[0].start, current[-1].end))
        kept: list[Unit] = []
        if carry:
            for unit in reversed(current[1:]):
                if current[-1].end - unit.start > overlap:
                    break
                kept.insert(0, unit)
                if unit.opens:
                    break
        current[:] = kept

    for number, unit in enumerate(units):
        # what is glued to its successor needs room for that one too, where both fit into a chunk at all
        need = units[number + 1].end if unit.glued and number + 1 < len(units) else unit.end
        need = need if need - unit.start <= size else unit.end
        if current and unit.opens and 4 * (unit.start - current[0].start) >= size:
            close(carry=False)
        if current and need - current[0].start > size:
            close(carry=True)
        while current and need - current[0].start > size:
            current.pop(0)
        if unit.end - unit.start > size:
            spans.extend(character_windows(text, unit.start, unit.end, size, overlap))
            current.clear()
        else:
            current.append(unit)
    close(carry=False)
    return spans
