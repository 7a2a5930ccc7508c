"""``lancedb-fts``: LanceDB's full-text index over words that are made here, so that Korean is found as by ``bm25``."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragscout.model.evalset import Question
from ragscout.model.outcome import Ranking
from ragscout.model.runtime import Runtime
from ragscout.model.step import step
from ragscout.model.values import Chunks
from ragscout.providers.tokenize import Korean, words
from ragscout.steps.labels import MetricLabels
from ragscout.steps.lexicon.base import LexiconStep
from ragscout.steps.rankings import DECIMALS, ranked

if TYPE_CHECKING:
    import numpy as np

K1, B = 1.2, 0.75
"""What LanceDB's index computes with; it offers no other."""
_TABLE, _MARGIN, _ROWS = "words", 64, 8192


@dataclass
class FtsLexicon:
    """A dataset of row and words with a full-text index. ``folder`` may be a temporary one that lives as long as this
    object; ``None`` when no chunk has a word."""

    folder: Path | None
    tokenizer: Korean
    stem: bool
    labels: MetricLabels = field(default_factory=lambda: MetricLabels(0))
    keep_alive: object = None

    def allowed(self, question: Question) -> np.ndarray | None:
        """Which chunks the question's filter admits, bool per chunk; ``None`` without a filter."""
        return self.labels.allowed(question)

    def search(self, text: str, depth: int, keep: np.ndarray | None = None) -> Ranking:
        """Return the ``depth`` best chunks with a score above 0, ties by chunk order; ``keep``: bool per chunk.

        LanceDB breaks ties as it likes, so more is fetched until the last of the first ``depth`` stands above what was
        not fetched.
        """
        tokens = words(text, korean=self.tokenizer, stem=self.stem)
        if not tokens or self.folder is None:
            return Ranking(())
        limit = depth + _MARGIN
        while True:
            rows, scores = self._best(" ".join(tokens), limit)
            cut = len(rows) == limit and limit < self.labels.count
            least = scores[-1] if cut else 0.0
            if keep is not None:
                rows, scores = rows[keep[rows]], scores[keep[rows]]
            if not cut or (len(rows) >= depth and scores[depth - 1] > least + 2 * 10.0**-DECIMALS):
                return ranked(zip(rows.tolist(), scores.tolist(), strict=True), depth)
            limit *= 4

    def _best(self, text: str, limit: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and scores (as ``bm25`` has them) of the ``limit`` best chunks, best first."""
        from lancedb import query

        asked: Any = query.MatchQuery  # its stub knows no default
        search = self._table.search(asked(text, "words"), query_type="fts")
        found = search.select(["row", "_score"]).limit(limit).to_arrow()
        scores = found.column("_score").to_numpy() / (K1 + 1)
        order = (-scores).argsort(kind="stable")
        return found.column("row").to_numpy()[order], scores[order]

    @cached_property
    def _table(self) -> Any:
        assert self.folder is not None
        return _connect(self.folder).open_table(_TABLE)


@step("lexicon", "lancedb-fts", version=1, libraries=("lancedb", "PyStemmer"))
class LanceDBFts(LexiconStep):
    """Okapi BM25 with k1 = 1.2 and b = 0.75 by LanceDB's full-text index, which is built and searched on disk.

    The words are those of ``bm25`` (Hangul by ``tokenizer``, Latin by word and stem): LanceDB only splits at spaces.
    Reports ``tokens``.
    """

    async def run(self, runtime: Runtime, chunk: Chunks) -> FtsLexicon:
        """Index all chunks.

        Raises:
            MissingExtraError: ``kiwi`` without the extra ``korean``.
        """
        made, tokens = await asyncio.to_thread(self._build, chunk)
        runtime.report(self.stage, "tokens", tokens)
        return made

    def _build(self, chunk: Chunks) -> tuple[FtsLexicon, int]:
        import pyarrow as pa
        from lancedb.index import FTS

        place = tempfile.TemporaryDirectory(prefix="ragscout-")
        schema = pa.schema([pa.field("row", pa.int32()), pa.field("words", pa.large_string())])
        count = [0]

        def batches() -> Iterator[Any]:
            held: list[str] = []
            for at, text in enumerate(chunk.indexed, 1):
                tokens = self.words(text)
                count[0] += len(tokens)
                held.append(" ".join(tokens))
                if len(held) == _ROWS or at == len(chunk):
                    rows = pa.array(range(at - len(held), at), pa.int32())
                    yield pa.record_batch([rows, pa.array(held, pa.large_string())], schema=schema)
                    held.clear()

        table = _connect(Path(place.name)).create_table(_TABLE, data=batches(), schema=schema) if len(chunk) else None
        if table is None or not count[0]:
            return FtsLexicon(None, self.tokenizer, self.stem, MetricLabels(len(chunk))), 0
        plain = FTS(
            base_tokenizer="whitespace",
            lower_case=False,
            stem=False,
            remove_stop_words=False,
            ascii_folding=False,
            max_token_length=None,
        )
        table.create_index("words", config=plain)
        return FtsLexicon(Path(place.name), self.tokenizer, self.stem, MetricLabels.of(chunk), place), count[0]


def _connect(folder: Path) -> Any:
    os.environ.setdefault("LANCE_LOG", "error")
    import lancedb

    return lancedb.connect(str(folder))
