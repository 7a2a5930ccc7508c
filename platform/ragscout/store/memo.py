"""The memo over a store: pure item functions, computed once for all configurations, sweeps and processes."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import json
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ragscout.model.errors import StepError, StoreError
from ragscout.model.outcome import Unfilled
from ragscout.model.runtime import VectorRef
from ragscout.store.blobs import DamagedBlobError, verify
from ragscout.store.leases import TIMER
from ragscout.store.owners import new_owner
from ragscout.store.rows import batches
from ragscout.store.store import Store

if TYPE_CHECKING:
    import numpy as np

TEXTS_AT_ONCE = 1024
"""Texts encoded and committed at once: what a kill can lose."""


class StoreMemo:
    """``model.runtime.Memo`` over a store. For one event loop; several processes may share the store."""

    def __init__(self, store: Store, owner: str = "", keep_bytes: int = 256 << 20) -> None:
        """Args: store; owner = this process in the ledger; keep_bytes = vector shards held open at most."""
        self.store = store
        self.owner = owner or new_owner("memo")
        self._flying: dict[tuple[str, str], asyncio.Future[None]] = {}
        self._encoding: dict[str, asyncio.Lock] = {}
        self._shards: OrderedDict[str, np.ndarray] = OrderedDict()
        self._shards_lock = threading.Lock()
        self._keep_bytes = keep_bytes

    async def items(
        self, kind: str, keys: Sequence[str], compute: Callable[[Sequence[int]], Awaitable[Sequence[Any]]]
    ) -> list[Any]:
        """See ``Memo.items``. Values come back as their JSON does, computed or found. An ``Unfilled`` is handed back
        and not recorded.

        Raises:
            ValueError: when ``compute`` returns another number of values than it was asked for, or NaN.
        """
        place: dict[str, int] = {}
        for position, key in enumerate(keys):
            place.setdefault(key, position)
        found: dict[str, Any] = {}
        while missing := [key for key in place if key not in found]:
            free = [key for key in missing if (kind, key) not in self._flying]
            busy = [self._flying[kind, key] for key in missing if (kind, key) in self._flying]
            if free:
                with self._single_flight(kind, free):
                    found |= await self._get_or_compute(kind, free, place, compute)
            if busy:
                await asyncio.wait(busy)
                others = [key for key in missing if key not in found]
                stored = await asyncio.to_thread(self.store.ledger.memo_get, kind, others)
                found |= {key: json.loads(text) for key, text in stored.items()}
        return [found[key] for key in keys]

    async def vectors(
        self, encoder: str, texts: Sequence[str], compute: Callable[[Sequence[str]], Awaitable[np.ndarray]]
    ) -> list[VectorRef]:
        """See ``Memo.vectors``. One process at a time encodes for an encoder; the others wait and find its vectors.

        Raises:
            StepError: when ``compute`` returns another shape than (texts, dim) or a number that is not finite.
        """
        digests = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
        by_digest = dict(zip(digests, texts, strict=True))
        known = self.store.ledger.vectors_get
        refs = await asyncio.to_thread(known, encoder, by_digest)
        if len(refs) < len(by_digest):
            async with self._encoding.setdefault(encoder, asyncio.Lock()), self._claimed(f"vectors:{encoder}"):
                refs |= await asyncio.to_thread(known, encoder, by_digest)
                # shortest first keeps padding small; the digest makes the order, and so the slices, always the same
                missing = sorted(by_digest.keys() - refs.keys(), key=lambda item: (len(by_digest[item]), item))
                for part in batches(missing, TEXTS_AT_ONCE):
                    matrix = _checked(encoder, await compute([by_digest[item] for item in part]), len(part))
                    await asyncio.to_thread(self._keep, encoder, matrix, part)
                if missing:
                    refs |= await asyncio.to_thread(known, encoder, missing)
        return [refs[item] for item in digests]

    def matrix(self, refs: Sequence[VectorRef]) -> np.ndarray:
        """See ``Memo.matrix``.

        Raises:
            StoreError: when a vector shard is damaged; it has been set aside and the next run computes it again.
        """
        import numpy as np

        if not refs:
            return np.zeros((0, 0), dtype=np.float32)
        places: dict[str, list[int]] = {}
        for position, ref in enumerate(refs):
            places.setdefault(ref.shard, []).append(position)
        out: np.ndarray | None = None
        for shard, positions in places.items():
            rows = self._shard(shard)
            if out is None:
                out = np.empty((len(refs), rows.shape[1]), dtype=np.float32)
            out[positions] = rows[[refs[position].row for position in positions]]
        assert out is not None
        return out

    async def _get_or_compute(
        self,
        kind: str,
        keys: Sequence[str],
        place: dict[str, int],
        compute: Callable[[Sequence[int]], Awaitable[Sequence[Any]]],
    ) -> dict[str, Any]:
        ledger = self.store.ledger
        known = await asyncio.to_thread(ledger.memo_get, kind, keys)
        found = {key: json.loads(text) for key, text in known.items()}
        missing = [key for key in keys if key not in found]
        if not missing:
            return found
        values = await compute([place[key] for key in missing])
        if len(values) != len(missing):
            raise ValueError(f"{kind}: {len(missing)} values were asked for, {len(values)} came back")
        fresh = dict(zip(missing, values, strict=True))
        found |= {key: value for key, value in fresh.items() if isinstance(value, Unfilled)}
        texts = {
            key: json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)
            for key, value in fresh.items()
            if key not in found
        }
        # another process may have recorded its value first, and what is recorded is the value
        stored = await asyncio.to_thread(ledger.memo_put, kind, texts)
        return found | {key: json.loads(text) for key, text in stored.items()}

    @contextlib.contextmanager
    def _single_flight(self, kind: str, keys: Sequence[str]) -> Iterator[None]:
        """Whoever asks for these keys meanwhile waits; after a failure the next one in line computes them."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flying |= {(kind, key): future for key in keys}
        try:
            yield
        finally:
            for key in keys:
                del self._flying[kind, key]
            future.set_result(None)

    @contextlib.asynccontextmanager
    async def _claimed(self, name: str) -> AsyncIterator[None]:
        """Hold a claim of the ledger while the context lasts, however long the encoder keeps the event loop busy."""
        ledger, owner = self.store.ledger, f"{self.owner}:{name}"
        while not await asyncio.to_thread(ledger.claim, name, owner, TIMER.lease):
            await asyncio.sleep(0.2)
        try:
            with TIMER.kept(ledger, owner):
                yield
        finally:
            await asyncio.to_thread(ledger.release, name, owner)

    def _keep(self, encoder: str, matrix: np.ndarray, digests: Sequence[str]) -> None:
        self.store.ledger.vectors_put(encoder, self.store.blobs.put(_npy(matrix)), digests)

    def _shard(self, shard: str) -> np.ndarray:
        with self._shards_lock:
            if shard in self._shards:
                self._shards.move_to_end(shard)
                return self._shards[shard]
        rows = self._load(shard)
        with self._shards_lock:
            self._shards[shard] = rows
            while len(self._shards) > 1 and sum(item.nbytes for item in self._shards.values()) > self._keep_bytes:
                self._shards.popitem(last=False)
        return rows

    def _load(self, shard: str) -> np.ndarray:
        import numpy as np

        try:
            local = self.store.blobs.local_path(shard)
            if local is None:
                return np.asarray(np.load(io.BytesIO(self.store.blobs.read(shard)), allow_pickle=False))
            verify(self.store.blobs, shard)
            return np.asarray(np.load(local, mmap_mode="r", allow_pickle=False))
        except DamagedBlobError as error:
            self.store.vectors_damaged(shard)
            raise StoreError(
                f"{self.store.blobs.location}: vector shard {shard[:12]} was damaged and has been set aside. Run "
                "again: its vectors are computed anew, everything else is kept."
            ) from error


def _checked(encoder: str, matrix: np.ndarray, rows: int) -> np.ndarray:
    import numpy as np

    found = np.ascontiguousarray(matrix, dtype=np.float32)
    if found.ndim != 2 or found.shape[0] != rows:
        raise StepError(
            f"embed ({encoder[:12]}): the encoder returned an array of shape {found.shape} for {rows} texts. It must "
            "be (texts, dim); choose another embedder."
        )
    if not np.isfinite(found).all():
        raise StepError(
            f"embed ({encoder[:12]}): the encoder returned numbers that are not finite. Choose another embedder or "
            "precision."
        )
    return found


def _npy(matrix: np.ndarray) -> bytes:
    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, matrix, allow_pickle=False)
    return buffer.getvalue()
