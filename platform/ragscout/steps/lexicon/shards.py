"""BM25 over more tokens than fit into memory: built and searched shard by shard, with the figures of the whole.

Scores are those of bm25s's default (Lucene's): idf = log(1 + (N - df + 0.5) / (df + 0.5)), tf / (tf + k1 (1 - b + b
length / mean length)), with N, df and the mean over all shards.
"""

from __future__ import annotations

import json
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_VOCABULARY, _FACTS = "vocabulary.txt", "shards.json"


@dataclass
class Shards:
    """A folder of shards. ``folder`` may be a temporary one that lives as long as this object."""

    folder: Path
    keep_alive: object = None

    @cached_property
    def _facts(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = json.loads((self.folder / _FACTS).read_text(encoding="utf-8"))
        return found

    @cached_property
    def vocabulary(self) -> dict[str, int]:
        """Token to its number."""
        text = (self.folder / _VOCABULARY).read_text(encoding="utf-8")
        return {token: number for number, token in enumerate(text.split("\n")[:-1])}

    @property
    def number(self) -> int:
        """Number of shards."""
        return len(self._facts["rows"])

    @property
    def count(self) -> int:
        """Number of chunks."""
        return sum(self._facts["rows"])

    def scores(self, tokens: Sequence[str]) -> np.ndarray:
        """Score of every chunk, float32 of shape (chunks,)."""
        import numpy as np

        numbers = [self.vocabulary[token] for token in tokens if token in self.vocabulary]
        total = np.zeros(self.count, dtype=np.float32)
        at = 0
        for shard, rows in enumerate(self._facts["rows"]):
            starts, docs, values = (self._array(shard, name) for name in ("starts", "docs", "values"))
            part = total[at : at + rows]
            for number in numbers:
                if number + 1 < len(starts):
                    low, high = int(starts[number]), int(starts[number + 1])
                    part[docs[low:high]] += values[low:high]
            at += rows
        return total

    def _array(self, shard: int, name: str) -> np.ndarray:
        import numpy as np

        found: np.ndarray = np.load(self.folder / f"{shard}.{name}.npy", mmap_mode="r", allow_pickle=False)
        return found


def build(texts: Iterable[list[str]], k1: float, b: float, most: int) -> Shards:
    """Index tokenised texts in shards of at most about ``most`` tokens.

    Memory: some forty bytes per token of one shard, and the vocabulary.
    """
    import numpy as np

    place = tempfile.TemporaryDirectory(prefix="ragscout-")
    folder = Path(place.name)
    vocabulary: dict[str, int] = {}
    frequency = array("q")
    rows: list[int] = []
    tokens = 0
    for ids, lengths in _cut(texts, vocabulary, most):
        pairs, counts = _counted(ids, lengths)
        frequency.extend([0] * (len(vocabulary) - len(frequency)))
        seen = np.bincount(pairs[:, 0], minlength=len(vocabulary))
        total = np.frombuffer(frequency, dtype=np.int64)
        total += seen
        del total  # an array that is looked into cannot grow
        _save(folder, len(rows), pairs=pairs.astype(np.int32), counts=counts.astype(np.float32), lengths=lengths)
        rows.append(len(lengths))
        tokens += len(ids)
    number, mean = sum(rows), max(1.0, tokens / max(1, sum(rows)))
    df = np.frombuffer(frequency, dtype=np.int64).astype(np.float64)
    idf = np.log1p((number - df + 0.5) / (df + 0.5))
    for shard in range(len(rows)):
        _score(folder, shard, idf, mean, k1, b)
    (folder / _VOCABULARY).write_text("".join(f"{token}\n" for token in vocabulary), encoding="utf-8")
    (folder / _FACTS).write_text(json.dumps({"rows": rows}), encoding="utf-8")
    return Shards(folder, place)


def _cut(texts: Iterable[list[str]], vocabulary: dict[str, int], most: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Token numbers and text lengths, a shard at a time."""
    import numpy as np

    ids, lengths = array("i"), array("i")
    for tokens in texts:
        ids.extend(vocabulary.setdefault(token, len(vocabulary)) for token in tokens)
        lengths.append(len(tokens))
        if len(ids) >= most:
            yield np.frombuffer(ids, dtype=np.int32), np.frombuffer(lengths, dtype=np.int32)
            ids, lengths = array("i"), array("i")
    if lengths:
        yield np.frombuffer(ids, dtype=np.int32), np.frombuffer(lengths, dtype=np.int32)


def _counted(ids: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct (token, text) pairs, sorted, int64 of shape (pairs, 2); and how often each occurs."""
    import numpy as np

    texts = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    joined, counts = np.unique(ids.astype(np.int64) * len(lengths) + texts, return_counts=True)
    return np.stack([joined // len(lengths), joined % len(lengths)], axis=1), counts


def _score(folder: Path, shard: int, idf: np.ndarray, mean: float, k1: float, b: float) -> None:
    """Replace a shard's counts by scores, when the figures of the whole are known."""
    import numpy as np

    held = {
        name: np.load(folder / f"{shard}.{name}.npy", allow_pickle=False) for name in ("pairs", "counts", "lengths")
    }
    token, text = held["pairs"][:, 0], held["pairs"][:, 1]
    norm = k1 * (1 - b + b * held["lengths"].astype(np.float64) / mean)
    values = idf[token] * held["counts"] / (held["counts"] + norm[text])
    starts = np.searchsorted(token, np.arange(int(token[-1]) + 2 if len(token) else 1))
    _save(folder, shard, starts=starts.astype(np.int64), docs=text.astype(np.int32), values=values.astype(np.float32))
    for name in held:
        (folder / f"{shard}.{name}.npy").unlink()


def _save(folder: Path, shard: int, **arrays: np.ndarray) -> None:
    import numpy as np

    for name, values in arrays.items():
        np.save(folder / f"{shard}.{name}.npy", values, allow_pickle=False)
