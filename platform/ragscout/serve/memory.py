"""A memo in memory, for answering questions: nothing is written to disk while a pipeline serves."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ragscout.model.outcome import Unfilled
from ragscout.model.runtime import VectorRef

if TYPE_CHECKING:
    import numpy as np

TEXTS_AT_ONCE = 1024
"""Texts encoded at once, as in the store's memo: the slices shape the last bits of some encoders' vectors."""


@dataclass(frozen=True)
class _Held(VectorRef):
    """A reference that carries its vector, so that nothing forgotten by the memo is lost to who still uses it."""

    vector: np.ndarray = field(compare=False, repr=False, kw_only=True)


class MemoryMemo:
    """``model.runtime.Memo`` that remembers the latest ``keep`` values, and everything without a limit.

    With ``keep=0`` every item is computed anew (a latency probe wants that).
    """

    def __init__(self, keep: int | None) -> None:
        """Args: keep = values (and, apart from them, vectors) remembered at most; ``None`` = all."""
        self._keep = keep
        self._values: OrderedDict[tuple[str, str], Any] = OrderedDict()
        self._held: OrderedDict[tuple[str, str], _Held] = OrderedDict()
        self._written: dict[VectorRef, np.ndarray] = {}
        self._batches = 0

    async def items(
        self, kind: str, keys: Sequence[str], compute: Callable[[Sequence[int]], Awaitable[Sequence[Any]]]
    ) -> list[Any]:
        """See ``Memo.items``."""
        place = {key: position for position, key in reversed(list(enumerate(keys)))}
        found = {key: self._values[kind, key] for key in place if (kind, key) in self._values}
        missing = [key for key in place if key not in found]
        if missing:
            fresh = await compute([place[key] for key in missing])
            found |= dict(zip(missing, fresh, strict=True))
            self._values |= {(kind, key): found[key] for key in missing if not isinstance(found[key], Unfilled)}
            self._forget(self._values)
        return [found[key] for key in keys]

    async def vectors(
        self, encoder: str, texts: Sequence[str], compute: Callable[[Sequence[str]], Awaitable[np.ndarray]]
    ) -> list[VectorRef]:
        """See ``Memo.vectors``."""
        import numpy as np

        digests = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
        by_digest = dict(zip(digests, texts, strict=True))
        refs = {item: self._held[encoder, item] for item in by_digest if (encoder, item) in self._held}
        missing = sorted(by_digest.keys() - refs.keys(), key=lambda item: (len(by_digest[item]), item))
        for start in range(0, len(missing), TEXTS_AT_ONCE):
            part = missing[start : start + TEXTS_AT_ONCE]
            rows = np.ascontiguousarray(await compute([by_digest[item] for item in part]), dtype=np.float32)
            self._batches += 1
            shard = f"{encoder}:{self._batches}"
            refs |= {item: _Held(shard, row, vector=rows[row]) for row, item in enumerate(part)}
        self._held |= {(encoder, item): refs[item] for item in missing}
        self._forget(self._held)
        if self._keep is None:  # a codec writes references down and reads them back without their vectors
            self._written |= {VectorRef(refs[item].shard, refs[item].row): refs[item].vector for item in missing}
        return [refs[item] for item in digests]

    def matrix(self, refs: Sequence[VectorRef]) -> np.ndarray:
        """See ``Memo.matrix``."""
        import numpy as np

        if not refs:
            return np.zeros((0, 0), dtype=np.float32)
        return np.stack([ref.vector if isinstance(ref, _Held) else self._written[ref] for ref in refs])

    def _forget(self, values: OrderedDict[tuple[str, str], Any]) -> None:
        while self._keep is not None and len(values) > self._keep:
            values.popitem(last=False)
