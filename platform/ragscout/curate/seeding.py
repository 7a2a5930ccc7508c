"""Where generated questions start: spans of the documents, spread evenly, some of them in pairs."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from ragscout.model.evalset import Document
from ragscout.model.text import language
from ragscout.model.values import Corpus
from ragscout.providers.tokenize import sentences
from ragscout.steps.measure.tokens import content_words

SHORTEST, LONGEST = 60, 450
"""Characters of a span (half as many in Korean, whose syllables say more)."""
_SHARED = 2
_NOT_PROSE = re.compile(r"\s*(#|\||```|>|!\[)")
PERSONAS = {
    "en": ("a new colleague", "somebody in a hurry", "somebody who describes the situation instead of the right term"),
    "ko": ("새로 온 직원", "시간이 없는 사용자", "정확한 용어를 모르고 상황을 설명하는 사용자"),
}


@dataclass(frozen=True)
class SeedPlace:
    """A span of a document, code points."""

    document: str
    title: str
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Seed:
    """What one question is made from: one span, or two of different documents; who asks."""

    places: tuple[SeedPlace, ...]
    persona: str
    language: str

    @property
    def hops(self) -> int:
        """How many spans the question needs."""
        return len(self.places)


def seeds(corpus: Corpus, count: int, seed: int, multi_hop: float, personas: Sequence[str] = ()) -> list[Seed]:
    """``count`` starting points, fewer when the documents hold no more; the same for the same arguments.

    Documents take turns, each with its spans in an order drawn by ``seed``. A share of ``multi_hop`` (0..1) gets a
    second span: the one of another document that shares the rarest words with it.
    """
    drawn = _drawn(corpus, seed)
    places = drawn[:count]
    partners = _partners(places, drawn) if multi_hop else {}
    made, pairs = [], 0
    for number, place in enumerate(places, 1):
        lang = "ko" if language(place.text) == "ko" else "en"
        asking = personas or PERSONAS[lang]
        chosen: tuple[SeedPlace, ...] = (place,)
        if number - 1 in partners and pairs + 1 <= number * multi_hop:
            chosen, pairs = (place, partners[number - 1]), pairs + 1
        made.append(Seed(chosen, asking[(number - 1) % len(asking)], lang))
    return made


def _drawn(corpus: Corpus, seed: int) -> list[SeedPlace]:
    def order(place: SeedPlace) -> str:
        return hashlib.sha256(f"{seed}\x00{place.document}\x00{place.start}".encode()).hexdigest()

    by_document = [sorted(_places(document), key=order) for document in corpus.documents]
    return [place for place in chain.from_iterable(zip_longest(*by_document)) if place is not None]


def _places(document: Document) -> list[SeedPlace]:
    """Return runs of sentences of one paragraph, long enough to hold a fact; headings, tables and code are left out."""
    found: list[SeedPlace] = []
    start = end = -1

    def close() -> None:
        nonlocal start, end
        text = document.text[start:end] if start >= 0 else ""
        least = SHORTEST // 2 if language(text) == "ko" else SHORTEST
        if len(text) >= least:
            found.append(SeedPlace(document.id, document.title or document.id, start, end, text))
        start = end = -1

    for first, last in sentences(document.text):
        piece = document.text[first:last]
        kept = piece.strip()
        at = first + (len(piece) - len(piece.lstrip()))
        if not kept or _NOT_PROSE.match(piece):
            close()
            continue
        if start >= 0 and (at + len(kept) - start > LONGEST or "\n\n" in document.text[end:at]):
            close()
        start, end = at if start < 0 else start, at + len(kept)
    close()
    return found


def _partners(places: Sequence[SeedPlace], others: Sequence[SeedPlace]) -> dict[int, SeedPlace]:
    """Position to the span of another document that shares at least two words, the rarest most."""
    words = [frozenset(content_words(place.text)) for place in others]
    counts = Counter(word for found in words for word in found)
    index: dict[str, list[int]] = defaultdict(list)
    for at, found in enumerate(words):
        for word in found:
            index[word].append(at)
    made = {}
    for position, place in enumerate(places):
        votes: Counter[int] = Counter()
        shared: Counter[int] = Counter()
        for word in content_words(place.text):
            for at in index[word] if 1 < counts[word] <= max(3, len(others) // 5) else ():
                if others[at].document != place.document:
                    votes[at] += 1000 // counts[word]
                    shared[at] += 1
        best = max((at for at in votes if shared[at] >= _SHARED), key=lambda at: (votes[at], -at), default=None)
        if best is not None:
            made[position] = others[best]
    return made
