"""``hashing``: no model at all."""

from __future__ import annotations

import functools
import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import field
from typing import TYPE_CHECKING

from ragscout.model.runtime import Runtime
from ragscout.model.step import step
from ragscout.providers.tokenize import words
from ragscout.steps.embed.base import EmbedStep, Side

if TYPE_CHECKING:
    import numpy as np


@step("embed", "hashing", version=1, libraries=("PyStemmer",))
class Hashing(EmbedStep):
    """Words hashed to signed components (the hashing trick), weighted 1 + ln(count).

    English and Korean alike, no download, no window; it knows no synonyms. A floor for the others and for tests.
    """

    dim: int = field(default=512, metadata={"help": "components of a vector", "ge": 8, "le": 65536})

    def encode(self, runtime: Runtime, texts: Sequence[str], side: Side) -> np.ndarray:
        """One row per text."""
        import numpy as np

        rows = np.zeros((len(texts), self.dim), dtype=np.float64)
        for row, text in zip(rows, texts, strict=True):
            for word, count in Counter(words(text)).items():
                place, sign = _place(word)
                row[place % self.dim] += sign * (1.0 + math.log(count))
        return rows


@functools.lru_cache(maxsize=1 << 17)
def _place(word: str) -> tuple[int, float]:
    hashed = hashlib.blake2b(word.encode(), digest_size=8).digest()
    return int.from_bytes(hashed[:7], "big"), 1.0 if hashed[7] & 1 else -1.0
