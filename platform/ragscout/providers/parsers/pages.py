"""What can be told from the text of pages: broken maps, lost spaces, columns, lines that repeat."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence

Line = tuple[float, float, int]
"""A run of text on a page: left edge as a share of the page's width, baseline in points, characters."""

_HANGUL = re.compile(r"[가-힣]+")
_DIGITS = re.compile(r"\d+")
_EDGE = 3  # lines at each end of a page that may be a header or footer
_LONG = 15  # Hangul syllables in a row: words have three or four, compounds hardly twelve
_LEAST = 60  # Hangul syllables a page must have before its spacing is judged


def broken(page: str) -> float:
    """Share of characters that no reader could mean, 0..1."""
    bad = sum(char == "\ufffd" or (unicodedata.category(char) in ("Co", "Cc") and char not in "\n\t") for char in page)
    return bad / len(page) if page else 0.0


def spaceless(page: str) -> bool:
    """Whether most Hangul stands in runs far longer than words."""
    runs = [len(run) for run in _HANGUL.findall(page)]
    total = sum(runs)
    return total >= _LEAST and sum(run for run in runs if run >= _LONG) > 0.5 * total


def two_columns(lines: Sequence[Line]) -> bool:
    """Whether the text stands in two columns side by side: two left edges, at 0..25 % and 45..70 % of the width, with
    at least five runs of ten characters each, most of them on common heights, and little that begins between."""
    long = [(x, y) for x, y, size in lines if size >= 10]
    left = [y for x, y in long if x < 0.25]
    right = [y for x, y in long if 0.45 <= x <= 0.7]
    if min(len(left), len(right)) < 5 or len(left) + len(right) < 0.8 * len(long):
        return False
    low, high = max(min(left), min(right)), min(max(left), max(right))
    shared = sum(low - 1 <= y <= high + 1 for y in (*left, *right))
    return shared >= 0.6 * (len(left) + len(right))


def repeated_lines(pages: Sequence[str]) -> dict[str, list[int]]:
    """Lines at the top or bottom that stand on at least three pages and on half of those with text, numbers apart;
    the line of the first such page to the page numbers."""
    seen: dict[str, dict[int, str]] = defaultdict(dict)
    full = 0
    for number, page in enumerate(pages, 1):
        lines = [line.strip() for line in page.split("\n") if line.strip()]
        full += bool(lines)
        for line in dict.fromkeys((*lines[:_EDGE], *lines[-_EDGE:])):
            if len(lines) > 1:
                seen[edge_key(line)].setdefault(number, line)
    found = {}
    for numbers in seen.values():
        if len(numbers) >= max(3, (full + 1) // 2):
            found[next(iter(numbers.values()))] = sorted(numbers)
    return found


def edge_key(line: str) -> str:
    """Return a line as it is compared with those of other pages: without white space, every number the same."""
    return _DIGITS.sub("#", "".join(line.split()).casefold())
