"""``bm25``: Okapi BM25 over words, stems and Korean bigrams or morphemes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ragscout.model.evalset import Question
from ragscout.model.outcome import Ranking
from ragscout.model.runtime import Runtime
from ragscout.model.step import step
from ragscout.model.values import Chunks
from ragscout.providers.tokenize import Korean, words
from ragscout.steps.labels import MetricLabels
from ragscout.steps.lexicon.base import LexiconStep
from ragscout.steps.lexicon.shards import Shards, build
from ragscout.steps.rankings import DECIMALS, ranked

if TYPE_CHECKING:
    import numpy as np


@dataclass
class BM25Lexicon:
    """A built or loaded index: of bm25s, or ``Shards``; ``index`` is ``None`` when no chunk has a word."""

    index: Any
    tokenizer: Korean
    stem: bool
    labels: MetricLabels = field(default_factory=lambda: MetricLabels(0))

    def allowed(self, question: Question) -> np.ndarray | None:
        """Which chunks the question's filter admits, bool per chunk; ``None`` without a filter."""
        return self.labels.allowed(question)

    def search(self, text: str, depth: int, keep: np.ndarray | None = None) -> Ranking:
        """Return the ``depth`` best chunks with a score above 0, ties by chunk order; ``keep``: bool per chunk."""
        import numpy as np

        sharded = isinstance(self.index, Shards)
        known = {} if self.index is None else self.index.vocabulary if sharded else self.index.vocab_dict
        tokens = [token for token in words(text, korean=self.tokenizer, stem=self.stem) if token in known]
        if not tokens:
            return Ranking(())
        scores = self.index.scores(tokens) if sharded else np.asarray(self.index.get_scores(tokens))
        scores = scores if keep is None else np.where(keep, scores, 0.0)
        rows = np.flatnonzero(scores > 0.5 * 10.0**-DECIMALS)
        if len(rows) > depth:
            least = np.partition(scores[rows], len(rows) - depth)[len(rows) - depth]
            rows = rows[scores[rows] >= least - 2 * 10.0**-DECIMALS]
        return ranked(zip(rows.tolist(), scores[rows].tolist(), strict=True), depth)


@step("lexicon", "bm25", version=2, libraries=("bm25s", "PyStemmer"))
class BM25(LexiconStep):
    """Okapi BM25 as Lucene scores it (Robertson and Zaragoza 2009), by bm25s.

    Above ``max_tokens`` words in all, the index is built in shards of that size, on disk. Reports ``tokens`` and
    ``shards``.
    """

    k1: float = field(default=1.5, metadata={"help": "how soon repeated words stop counting", "ge": 0.0, "le": 10.0})
    b: float = field(default=0.75, metadata={"help": "how much long chunks are discounted", "ge": 0.0, "le": 1.0})
    max_tokens: int = field(
        default=8_000_000, metadata={"help": "words indexed in one piece; more are built in shards", "ge": 1000}
    )

    @property
    def piece(self) -> int:
        """See ``LexiconStep.piece``."""
        return self.max_tokens

    async def run(self, runtime: Runtime, chunk: Chunks) -> BM25Lexicon:
        """Index all chunks.

        Raises:
            MissingExtraError: ``kiwi`` without the extra ``korean``.
        """
        made, tokens, shards = await asyncio.to_thread(self._build, chunk)
        runtime.report(self.stage, "tokens", tokens)
        runtime.report(self.stage, "shards", shards)
        return made

    def _build(self, chunk: Chunks) -> tuple[BM25Lexicon, int, int]:
        rest = (self.words(text) for text in chunk.indexed)
        held: list[list[str]] = []
        size = 0
        for tokens in rest:
            held.append(tokens)
            size += len(tokens)
            if size > self.max_tokens:
                count = [0]
                index = build(_counting(_drained(held, rest), count), self.k1, self.b, self.max_tokens)
                lexicon = BM25Lexicon(index, self.tokenizer, self.stem, MetricLabels.of(chunk))
                return lexicon, count[0], index.number
        if not size:
            return BM25Lexicon(None, self.tokenizer, self.stem, MetricLabels(len(chunk))), 0, 0
        plain = bm25s_library().BM25(k1=self.k1, b=self.b)
        plain.index(held, show_progress=False)
        return BM25Lexicon(plain, self.tokenizer, self.stem, MetricLabels.of(chunk)), size, 1


def _drained(held: list[list[str]], rest: Iterator[list[str]]) -> Iterator[list[str]]:
    """Yield what is held, let go of while it is taken, then the rest."""
    held.reverse()
    while held:
        yield held.pop()
    yield from rest


def _counting(texts: Iterator[list[str]], count: list[int]) -> Iterator[list[str]]:
    for tokens in texts:
        count[0] += len(tokens)
        yield tokens


def bm25s_library() -> Any:
    """Return the library, which says less than it wants to."""
    logging.getLogger("bm25s").setLevel(logging.WARNING)
    import bm25s

    return bm25s
