"""Texts that are nearly the same, found exactly and without comparing all pairs."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

Pair = tuple[int, int, float]
_NOISE = re.compile(r"[\W_]+")


def squeeze(text: str) -> str:
    """Letters and digits only, without case: what two askings of one question share whatever their punctuation."""
    return _NOISE.sub("", text.casefold())


def shingles(text: str, size: int = 3) -> frozenset[str]:
    """Return runs of ``size`` characters of the squeezed text; a shorter text is one run."""
    plain = squeeze(text)
    if len(plain) <= size:
        return frozenset((plain,)) if plain else frozenset()
    return frozenset(plain[at : at + size] for at in range(len(plain) - size + 1))


def jaccard(one: frozenset[str], two: frozenset[str]) -> float:
    """Size of the intersection over size of the union, 0..1; 0 for two empty sets."""
    union = len(one | two)
    return len(one & two) / union if union else 0.0


def near_pairs(texts: Sequence[str], least: float = 0.8, size: int = 3) -> list[Pair]:
    """Pairs (i, j, similarity) with i < j and a Jaccard similarity of at least ``least``.

    Prefix filtering: two sets of that similarity share one of their rarest ``len - ceil(least * len) + 1`` shingles
    (Chaudhuri, Ganti and Kaushik 2006), so only texts that do are compared.
    """
    sets = [shingles(text, size) for text in texts]
    counts = Counter(shingle for found in sets for shingle in found)
    index: dict[str, list[int]] = defaultdict(list)
    pairs: list[Pair] = []
    for j, found in enumerate(sets):
        rare = sorted(found, key=lambda shingle: (counts[shingle], shingle))
        prefix = rare[: len(rare) - math.ceil(least * len(rare)) + 1]
        candidates = {i for shingle in prefix for i in index[shingle]}
        for i in sorted(candidates):
            small, large = sorted((len(sets[i]), len(found)))
            if small >= least * large and (ratio := jaccard(sets[i], found)) >= least:
                pairs.append((i, j, ratio))
        for shingle in prefix:
            index[shingle].append(j)
    return pairs


def shared_run(needle: str, hay: str, size: int) -> float:
    """Share of the runs of ``size`` characters of one squeezed text that another holds, 0..1."""
    runs = [needle[at : at + size] for at in range(len(needle) - size + 1)]
    return sum(run in hay for run in runs) / len(runs) if runs else 0.0
