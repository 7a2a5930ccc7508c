"""``sample``: a part of the documents, on which retrieval is ranked before the whole corpus is paid for."""

from __future__ import annotations

import asyncio
import hashlib
import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from ragscout.model.evalset import Document
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step, step
from ragscout.model.text import normalise
from ragscout.model.values import Corpus
from ragscout.providers.tokenize import words
from ragscout.steps.batches import Spill
from ragscout.steps.document_names import LOOSER

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POOLED, NEAREST = 5, 10
"""Documents per question: that stand for unknown evidence, and that count as its nearest distractors."""
_K1, _B = 1.2, 0.75


@step("corpus", "sample", version=1)
class Sample(Step):
    """Documents of another corpus: all that carry gold evidence, the nearest distractors, random ones, in that order
    until ``size`` is reached; evidence is never left out.

    A question without evidence has its five best documents pooled in its stead. Near is what BM25 (Robertson and
    Zaragoza 2009; k1 1.2, b 0.75) ranks highest among whole documents, ten a question at most; random is the order of
    a hash of ``seed`` and the document's id, so that the same documents come again when the corpus grows. The corpus'
    order is kept. Reports ``documents``, ``of``, ``evidence``, ``nearest`` and ``random`` as counts.
    """

    offered: ClassVar[bool] = False
    uses: ClassVar[tuple[str, ...]] = ("corpus",)

    size: int = field(default=0, metadata={"help": "documents; 0: the share decides", "ge": 0})
    share: float = field(default=0.0, metadata={"help": "share of the documents", "ge": 0.0, "le": 1.0})
    seed: int = field(default=0, metadata={"help": "seed of the random documents"})
    evidence: tuple[tuple[str, str], ...] = field(
        default=(), metadata={"help": "document (empty: unknown) and quote of every gold span"}
    )
    pooled: tuple[str, ...] = field(default=(), metadata={"help": "questions without evidence"})
    questions: tuple[str, ...] = field(default=(), metadata={"help": "questions whose distractors are wanted"})

    async def run(self, runtime: Runtime, corpus: Corpus) -> Corpus:
        """Choose; a sample that is not smaller than the corpus is the corpus."""
        chosen = await asyncio.to_thread(self._chosen, corpus)
        for name, number in chosen.counts.items():
            runtime.report(self.stage, name, number)
        rows = set(chosen.rows)
        kept = Spill().keep(document for row, document in enumerate(corpus.documents) if row in rows)
        return Corpus(kept, corpus.aliases)

    def _chosen(self, corpus: Corpus) -> _ChosenDocuments:
        total = len(corpus.documents)
        target = self.size or math.ceil(self.share * total)
        taken = dict.fromkeys(_holding(corpus, self.evidence))
        ranks = _Ranks(corpus.documents, (*self.pooled, *self.questions)) if self._ranked(len(taken), target) else None
        if ranks is not None:
            taken |= dict.fromkeys(row for text in self.pooled for row in ranks.best(text, POOLED))
        known = len(taken)
        if ranks is not None:
            # rank by rank over all questions, so that a small sample holds the nearest of each
            best = [ranks.best(text, NEAREST) for text in self.questions]
            near = (rows[rank] for rank in range(NEAREST) for rows in best if rank < len(rows))
            _fill(taken, near, target)
        nearest = len(taken) - known
        _fill(taken, self._drawn(corpus.documents) if len(taken) < target else (), target)
        counts = {"documents": len(taken), "of": total, "evidence": known, "nearest": nearest}
        return _ChosenDocuments(tuple(sorted(taken)), {**counts, "random": len(taken) - known - nearest})

    def _ranked(self, known: int, target: int) -> bool:
        """Whether the documents must be read and ranked at all."""
        return bool(self.pooled) or (bool(self.questions) and known < target)

    def _drawn(self, documents: Sequence[Document]) -> list[int]:
        """All rows in random order."""
        drawn = [
            (hashlib.sha256(f"{self.seed}\x00{document.id}".encode()).digest(), row)
            for row, document in enumerate(documents)
        ]
        return [row for _, row in sorted(drawn)]


@dataclass(frozen=True)
class _ChosenDocuments:
    rows: tuple[int, ...]
    counts: Mapping[str, int]


def _fill(taken: dict[int, None], rows: Iterable[int], target: int) -> None:
    for row in rows:
        if len(taken) >= target:
            return
        taken[row] = None


def _holding(corpus: Corpus, evidence: Sequence[tuple[str, str]]) -> list[int]:
    """Rows that carry evidence: by the document's id, or what it was cut out of or repeated by; a name that is not
    known, by the quote. A loose name that fits several finds them all: one more in the sample does no harm."""
    found: dict[int, None] = {}
    by_name: dict[str, list[int]] = defaultdict(list)
    for row, document in enumerate(corpus.documents):
        source = document.origin.document if document.origin is not None else document.id
        for name in {document.id, source}:
            for spelling in _spellings(name):
                by_name[spelling].append(row)
    quotes: dict[str, None] = {}
    for name, quote in evidence:
        wanted = corpus.aliases.get(name, name)
        rows = next((by_name[way] for way in _spellings(wanted) if wanted and way in by_name), [])
        found |= dict.fromkeys(rows)
        if not rows and quote:
            quotes[_squeezed(quote)] = None
    if quotes:
        for row, document in enumerate(corpus.documents):
            text = _squeezed(document.text)
            if any(quote in text for quote in quotes):
                found[row] = None
    return list(found)


def _spellings(name: str) -> list[str]:
    return list(dict.fromkeys((name, *(way(name) for way in LOOSER))))


def _squeezed(text: str) -> str:
    return "".join(normalise(text).split()).casefold()


class _Ranks:
    """BM25 over whole documents for known queries: one pass over the corpus, only words of the queries are kept."""

    def __init__(self, documents: Sequence[Document], texts: Sequence[str]) -> None:
        import numpy as np

        self._words = {text: sorted(Counter(words(text)).items()) for text in dict.fromkeys(texts)}
        wanted = {word for counted in self._words.values() for word, _ in counted}
        rows: dict[str, array[int]] = defaultdict(lambda: array("q"))
        counts: dict[str, array[int]] = defaultdict(lambda: array("q"))
        lengths = array("q")
        for row, document in enumerate(documents):
            tokens = words(f"{document.title}\n{document.text}")
            lengths.append(len(tokens))
            for word, number in Counter(token for token in tokens if token in wanted).items():
                rows[word].append(row)
                counts[word].append(number)
        self._total = len(lengths)
        long = np.array(lengths, dtype=np.float64)
        norm = _K1 * (1 - _B + _B * long / max(1.0, float(long.mean()) if self._total else 1.0))
        self._scores: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
        for word, held in rows.items():
            at, often = np.array(held, dtype=np.int64), np.array(counts[word], dtype=np.float64)
            idf = math.log(1 + (self._total - len(at) + 0.5) / (len(at) + 0.5))
            self._scores[word] = at, idf * often * (_K1 + 1) / (often + norm[at])

    def best(self, text: str, depth: int) -> list[int]:
        """Rows with a score above 0, the best first, ties by the corpus' order; at most ``depth``."""
        import numpy as np

        scores = np.zeros(self._total)
        for word, often in self._words[text]:
            if word in self._scores:
                at, values = self._scores[word]
                scores[at] += often * values
        scores = np.round(scores, 9)
        rows = np.flatnonzero(scores > 0)
        order = np.lexsort((rows, -scores[rows]))[:depth]
        return [int(row) for row in rows[order]]
