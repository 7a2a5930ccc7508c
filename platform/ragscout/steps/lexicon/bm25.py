"""``bm25``: Okapi BM25 over words, stems and Korean bigrams or morphemes."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragscout.model.errors import StoreError
from ragscout.model.outcome import Ranking
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step, step
from ragscout.model.values import Chunks
from ragscout.providers.tokenize import Korean, library, words
from ragscout.steps.rankings import DECIMALS, ranked

_FACTS = "lexicon.json"


@dataclass
class BM25Lexicon:
    """A built or loaded index; ``index`` is ``None`` when no chunk has a word."""

    index: Any
    tokenizer: Korean
    stem: bool

    def search(self, text: str, depth: int) -> Ranking:
        """The ``depth`` best chunks with a score above 0, ties by chunk order."""
        import numpy as np

        known = self.index.vocab_dict if self.index is not None else {}
        tokens = [token for token in words(text, korean=self.tokenizer, stem=self.stem) if token in known]
        if not tokens:
            return Ranking(())
        scores = np.asarray(self.index.get_scores(tokens))
        rows = np.flatnonzero(scores > 0.5 * 10.0**-DECIMALS)
        if len(rows) > depth:
            least = np.partition(scores[rows], len(rows) - depth)[len(rows) - depth]
            rows = rows[scores[rows] >= least - 2 * 10.0**-DECIMALS]
        return ranked(zip(rows.tolist(), scores[rows].tolist(), strict=True), depth)


@step("lexicon", "bm25", version=1, libraries=("bm25s", "PyStemmer"))
class BM25(Step):
    """Okapi BM25 as Lucene scores it (Robertson and Zaragoza 2009), by bm25s.

    Words are made per run of script, also inside one word: Hangul by ``tokenizer``, Latin by word and stem.
    """

    k1: float = field(default=1.5, metadata={"help": "how soon repeated words stop counting", "ge": 0.0, "le": 10.0})
    b: float = field(default=0.75, metadata={"help": "how much long chunks are discounted", "ge": 0.0, "le": 1.0})
    tokenizer: Korean = field(
        default="bigrams",
        metadata={
            "help": "Hangul by bigrams, syllables or Kiwi morphemes",
            "choices": ("bigrams", "characters", "kiwi"),
        },
    )
    stem: bool = field(default=True, metadata={"help": "whether Latin words are stemmed"})

    def key(self, inputs: Mapping[str, str]) -> str:
        """Kiwi's version shapes the index only where Kiwi is used."""
        return super().key({**inputs, "kiwi": library("kiwi")} if self.tokenizer == "kiwi" else inputs)

    async def run(self, runtime: Runtime, chunk: Chunks) -> BM25Lexicon:
        """Index all chunks.

        Raises:
            MissingExtraError: ``kiwi`` without the extra ``korean``.
        """
        return await asyncio.to_thread(self._build, chunk)

    def _build(self, chunk: Chunks) -> BM25Lexicon:
        tokens = [words(text, korean=self.tokenizer, stem=self.stem) for text in chunk.text]
        if not any(tokens):
            return BM25Lexicon(None, self.tokenizer, self.stem)
        index = _bm25s().BM25(k1=self.k1, b=self.b)
        index.index(tokens, show_progress=False)
        return BM25Lexicon(index, self.tokenizer, self.stem)


class LexiconCodec:
    """A folder as bm25s writes it (numpy arrays and JSON, no pickle) with the tokenizer beside it."""

    def save(self, value: BM25Lexicon, folder: Path) -> None:
        """Write the index and the tokenizer's settings."""
        facts = {"tokenizer": value.tokenizer, "stem": value.stem, "empty": value.index is None}
        (folder / _FACTS).write_text(json.dumps(facts, sort_keys=True), encoding="utf-8")
        if value.index is not None:
            value.index.save(str(folder), show_progress=False, allow_pickle=False)

    def load(self, folder: Path) -> BM25Lexicon:
        """Open it; the arrays stay on disk and are mapped.

        Raises:
            StoreError: when the folder holds no lexicon.
        """
        try:
            facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
            index = None if facts["empty"] else _bm25s().BM25.load(str(folder), mmap=True, allow_pickle=False)
            return BM25Lexicon(index, facts["tokenizer"], facts["stem"])
        except (OSError, ValueError, KeyError) as error:
            raise StoreError(
                f"lexicon: the stored index cannot be read; got {type(error).__name__} in {folder.name}. "
                "Delete it with `ragscout store check` and run again."
            ) from error


def _bm25s() -> Any:
    logging.getLogger("bm25s").setLevel(logging.WARNING)
    import bm25s

    return bm25s
