"""Finding a quote in a text: exactly, up to white space, or nearly."""

from __future__ import annotations

import functools
import re
from collections import Counter, defaultdict
from difflib import SequenceMatcher

from ragscout.model.text import comparable, looks

_GRAM = 4
_SHORTEST_LOOSE = 12
_MOST = 20
_FOLD = str.maketrans("“”„«»‘’‚‐‑‒–—―", '"""""\'\'\'------')


def occurrences(text: str, quote: str) -> list[tuple[int, int]]:
    """Where a quote stands, at most 20 places: word for word with any white space between its words; a quote of at
    least 12 characters also with white space, case and typographic marks ignored (Korean spacing varies, PDF lines
    break anywhere). Characters that look equal are equal: ligatures, full width; those that cannot be seen are none."""
    words = quote.split()
    if not words:
        return []
    pattern = re.compile(r"\s+".join(map(re.escape, words)))
    found = [match.span() for match, _ in zip(pattern.finditer(text), range(_MOST), strict=False)]
    if found:
        return found
    found = _looking_equal(text, " ".join(words))
    if found:
        return found
    needle, _ = _squeezed(quote)
    if len(needle) < _SHORTEST_LOOSE:
        return []
    hay, places = _squeezed(text)
    at = hay.find(needle)
    while at >= 0 and len(found) < _MOST:
        found.append((places[at], places[at + len(needle) - 1] + 1))
        at = hay.find(needle, at + len(needle))
    return found


def _looking_equal(text: str, quote: str) -> list[tuple[int, int]]:
    """Where a quote stands when characters are compared by their look."""
    needle = " ".join(comparable(quote).split())
    if not needle or (text.isascii() and quote.isascii()):
        return []
    hay, places = _seen(text)
    found: list[tuple[int, int]] = []
    at = hay.find(needle)
    while at >= 0 and len(found) < _MOST:
        found.append((places[at], places[at + len(needle) - 1] + 1))
        at = hay.find(needle, at + len(needle))
    return found


def nearly(text: str, quote: str, least: float) -> tuple[int, int, float] | None:
    """Return the best place of a changed quote with its ratio (2 x matching characters / both lengths, 0..1, after
    Ratcliff and Obershelp), ``None`` below ``least``.

    Windows are proposed by shared runs of four characters, so that a long document costs one pass.
    """
    needle, _ = _squeezed(quote)
    hay, places = _squeezed(text)
    if len(needle) < _SHORTEST_LOOSE or not hay:
        return None
    grams: defaultdict[str, list[int]] = defaultdict(list)
    for at in range(len(needle) - _GRAM + 1):
        grams[needle[at : at + _GRAM]].append(at)
    width = max(8, len(needle) // 4)
    votes: Counter[int] = Counter()
    for at in range(len(hay) - _GRAM + 1):
        for inside in grams.get(hay[at : at + _GRAM], ()):
            votes[(at - inside) // width] += 1
    best: tuple[float, int, int] | None = None
    for bucket, _ in sorted(votes.items(), key=lambda item: (-item[1], item[0]))[:5]:
        low = max(0, (bucket - 1) * width)
        high = min(len(hay), (bucket + 2) * width + len(needle))
        found = _within(hay[low:high], needle)
        if found is not None and (best is None or found[0] > best[0]):
            best = (found[0], low + found[1], low + found[2])
    if best is None or best[0] < least:
        return None
    return places[best[1]], places[best[2] - 1] + 1, best[0]


def _within(window: str, needle: str) -> tuple[float, int, int] | None:
    """Ratio and place of a needle in a window that is somewhat longer; stray matches at the far ends are left out."""
    blocks = [
        block for block in SequenceMatcher(None, window, needle, autojunk=False).get_matching_blocks() if block.size
    ]
    best: tuple[float, int, int] | None = None
    for first in range(len(blocks)):
        matched = 0
        for block in blocks[first:]:
            matched += block.size
            start, end = blocks[first].a, block.a + block.size
            ratio = 2 * matched / (end - start + len(needle))
            if best is None or ratio > best[0]:
                best = (ratio, start, end)
    return best


@functools.lru_cache(maxsize=64)
def _squeezed(text: str) -> tuple[str, list[int]]:
    """Text without white space, case, typographic variants and looks, and the place of each character in the
    original."""
    chars: list[str] = []
    places: list[int] = []
    for at, char in enumerate(text.translate(_FOLD)):
        for seen in looks().get(ord(char), char):
            if not seen.isspace():
                lower = seen.lower()
                chars.append(lower if len(lower) == 1 else seen)
                places.append(at)
    return "".join(chars), places


@functools.lru_cache(maxsize=64)
def _seen(text: str) -> tuple[str, list[int]]:
    """Text as it is compared, each run of white space one blank, and the place of each character in the original."""
    chars: list[str] = []
    places: list[int] = []
    for at, char in enumerate(text):
        for seen in looks().get(ord(char), char):
            blank = seen.isspace()
            if not blank or (chars and chars[-1] != " "):
                chars.append(" " if blank else seen)
                places.append(at)
    return "".join(chars), places
