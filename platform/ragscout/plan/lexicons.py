"""How the lexicons of a sweep will be built, known before anything runs: in one piece or in shards, in which memory.

A lexicon step builds in one piece up to ``max_tokens`` words and in shards of that size above. ``max_tokens`` is a
parameter of the step and the chunks are its input, so both sides of that choice are in the node's key. Here the words
are estimated from the size of the files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ragscout.model.config import Node, plan
from ragscout.model.cost import Workload
from ragscout.model.key import short
from ragscout.model.text import language
from ragscout.plan.setup import Setup
from ragscout.steps.lexicon.base import LexiconStep
from ragscout.store.store import Store

WORDS_PER_CHARACTER = {"en": 0.17, "ko": 0.45}
"""Words of an index per character: English words (0.16 to 0.17 on the bundled sets), Korean bigrams (0.44 to 0.45)."""
BYTES_PER_CHARACTER = {"en": 1.0, "ko": 2.2}
BASE, PER_WORD = 150e6, 95
"""Bytes of memory that a build takes anyway, and for every word of the piece at hand: what was measured with
``benchmarks/scale.py``, 70 bytes with a vocabulary of 50,000 words and 95 with one of half a million."""


@dataclass(frozen=True)
class LexiconPlan:
    """How one lexicon will be built. ``words``: estimated; ``threshold``: words of one piece at most, 0 where LanceDB
    builds on disk; ``shards``: 1 for one piece; ``memory``: bytes at most while it is built, estimated, 0 where
    LanceDB decides; ``cached``: it is in the store already."""

    step: str
    node: str
    words: int
    threshold: int
    shards: int
    memory: int
    cached: bool

    @property
    def how(self) -> str:
        """In one piece, in shards, or by LanceDB."""
        if not self.threshold:
            return "by LanceDB, on disk"
        if self.shards == 1:
            return f"in one piece (up to {self.threshold:,})"
        return f"in about {self.shards} shards of {self.threshold:,}"


def lines(planned: Sequence[LexiconPlan]) -> list[str]:
    """For people: one line for all lexicons of a step that are built in the same way."""
    alike: dict[tuple[str, str], list[LexiconPlan]] = {}
    for item in planned:
        alike.setdefault((item.step, item.how), []).append(item)
    found = []
    for (step, how), items in alike.items():
        count = f"{len(items)} of them, " if len(items) > 1 else ""
        memory = max(item.memory for item in items if not item.cached) if not all(item.cached for item in items) else 0
        held = f"; about {memory / 1e6:,.0f} MB of memory to build" if memory else ""
        known = sum(item.cached for item in items)
        held += f"; {'all' if known == len(items) else known} in the store" if known else ""
        found.append(f"Lexicon {step}: {count}about {max(item.words for item in items):,} words, {how}{held}.")
    return found


def lexicons(prepared: Setup, store: Store) -> tuple[LexiconPlan, ...]:
    """One entry per lexicon node, in the order of the plan. Reads sizes and keys."""
    files = {file.sha256 for file in prepared.eval_set.files}
    size = sum(store.blobs.size(digest) for digest in files if store.blobs.exists(digest))
    lang = "ko" if any(language(question.text) == "ko" for question in prepared.questions[:20]) else "en"
    nodes = [item for item in plan(prepared.space.configurations).values() if isinstance(item.step, LexiconStep)]
    return tuple(_planned(node, size / BYTES_PER_CHARACTER[lang], lang, store) for node in nodes)


def _planned(node: Node, characters: float, lang: str, store: Store) -> LexiconPlan:
    assert isinstance(node.step, LexiconStep)
    words = math.ceil(characters * WORDS_PER_CHARACTER[lang] * _repeated(node, characters))
    threshold = node.step.piece
    shards = max(1, math.ceil(words / threshold)) if threshold else 1
    memory = int(BASE + PER_WORD * min(words, threshold)) if threshold else 0
    cached = store.ledger.value(node.key) is not None
    return LexiconPlan(node.step.label(), short(node.key), words, threshold, shards, memory, cached)


def _repeated(node: Node, characters: float) -> float:
    """How often a character is indexed: more than once where chunks overlap."""
    material = Workload(characters=characters)
    for item in node.ancestors():
        material = item.step.after(material) if item.step is not None else material
    return material.repeated
