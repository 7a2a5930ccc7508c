"""``lancedb``: one LanceDB dataset per index, written once, then only read."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ragscout.model.errors import StoreError
from ragscout.model.evalset import Question
from ragscout.model.outcome import Ranking
from ragscout.model.runtime import Memo, Runtime, VectorRef
from ragscout.model.step import Step, make, step
from ragscout.model.values import Chunks, Embedded, Encoder
from ragscout.steps.index.search import MARGIN, Matrices, exact, in_matrix, slack
from ragscout.steps.labels import MetricLabels
from ragscout.steps.rankings import ranked

if TYPE_CHECKING:
    import numpy as np

_TABLE = "vectors"
_FACTS = "index.json"
_SLICE = 8192
_MATRICES = Matrices()


@dataclass
class LanceIndex:
    """A dense index: vectors still in the memo (just built) or a dataset in a folder (loaded)."""

    encoder_name: str
    parameters: Mapping[str, Any]
    count: int
    dim: int
    refs: tuple[VectorRef, ...] = ()
    memo: Memo | None = None
    folder: Path | None = None
    labels: MetricLabels = field(default_factory=lambda: MetricLabels(0))

    @cached_property
    def encoder(self) -> Encoder:
        """The embed step that made the vectors."""
        return cast(Encoder, make("embed", self.encoder_name, dict(self.parameters)))

    def allowed(self, question: Question) -> np.ndarray | None:
        """Which chunks the question's filter admits, bool per chunk; ``None`` without a filter."""
        return self.labels.allowed(question)

    def search(
        self, runtime: Runtime, queries: np.ndarray, depth: int, keep: np.ndarray | None = None
    ) -> list[Ranking]:
        """Return the ``depth`` nearest chunks of each query by inner product, ties by chunk order; ``keep``: bool per
        chunk.

        Vectors that fit into ``runtime.memory_limit`` are held as one matrix; larger ones stay on disk and LanceDB
        finds the candidates of all queries in one exact batch. Both give the same rankings.

        Raises:
            StoreError: when the queries have another dimension than the index.
        """
        if not self.count:
            return [Ranking(()) for _ in queries]
        if queries.shape[1] != self.dim:
            raise StoreError(
                f"index.lancedb: the query has another dimension than the index; got {queries.shape[1]}, "
                f"not {self.dim}. Delete the index and run again."
            )
        if self.folder is not None and self.count * self.dim * 4 > runtime.memory_limit:
            return self._on_disk(queries, depth) if keep is None else self._scanned(queries, depth, keep)
        if self.folder is None:
            matrix = self.matrix()
        else:
            matrix = _MATRICES.get(str(self.folder.resolve()), runtime.memory_limit, self.matrix)
        return [in_matrix(matrix, query, depth, keep) for query in queries]

    def _scanned(self, queries: np.ndarray, depth: int, keep: np.ndarray | None = None) -> list[Ranking]:
        """Search all chunks on disk, or some, a batch of rows at a time."""
        best: list[list[tuple[int, float]]] = [[] for _ in queries]
        for batch in self._table.search(None).select(["row", "vector"]).limit(self.count).to_batches(_SLICE):
            rows = batch.column("row").to_numpy()
            vectors = batch.column("vector").flatten().to_numpy(zero_copy_only=False).reshape(len(rows), self.dim)
            for number, query in enumerate(queries):
                hits = in_matrix(vectors, query, depth, None if keep is None else keep[rows]).hits
                best[number] += [(int(rows[hit.chunk]), hit.score) for hit in hits]
        return [ranked(pairs, depth) for pairs in best]

    def matrix(self) -> np.ndarray:
        """All vectors by chunk order, float32 of shape (count, dim)."""
        if self.folder is None:
            assert self.memo is not None
            return self.memo.matrix(self.refs)
        table = self._table.to_arrow()
        flat = table.column("vector").combine_chunks().flatten().to_numpy(zero_copy_only=False)
        order = table.column("row").to_numpy().argsort(kind="stable")
        found: np.ndarray = flat.reshape(len(table), self.dim)[order]
        return found

    def slices(self) -> Iterator[np.ndarray]:
        """Vectors by chunk order, some thousand at a time."""
        assert self.memo is not None
        for at in range(0, self.count, _SLICE):
            yield self.memo.matrix(self.refs[at : at + _SLICE])

    def _on_disk(self, queries: np.ndarray, depth: int) -> list[Ranking]:
        """Take LanceDB's candidates where its last one clearly lies below the depth, else look at every chunk.

        LanceDB orders by float32 sums of its own and breaks ties as it likes: among many equal or nearly equal chunks
        the right ones may not be in what it returns.
        """
        import numpy as np

        wanted = min(self.count, depth + MARGIN)
        search = self._table.search(np.ascontiguousarray(queries, dtype=np.float32), vector_column_name="vector")
        # without _distance in the selection LanceDB writes a warning per query
        found = (
            search.distance_type("dot").bypass_vector_index().select(["row", "vector", "_distance"]).limit(wanted)
        ).to_arrow()
        rows = found.column("row").to_numpy()
        vectors = found.column("vector").combine_chunks().flatten().to_numpy(zero_copy_only=False)
        vectors = vectors.reshape(len(rows), self.dim)
        names = found.column_names
        asked = found.column("query_index").to_numpy() if "query_index" in names else np.zeros(len(rows), dtype=int)
        near = found.column("_distance").to_numpy()
        rankings: dict[int, Ranking] = {}
        for number, query in enumerate(queries):
            own = asked == number
            ranking = exact(rows[own], vectors[own], query, depth)
            # LanceDB's distance is 1 - inner product
            if wanted == self.count or 1 - near[own].max() < ranking.hits[-1].score - slack(self.dim):
                rankings[number] = ranking
        rest = [number for number in range(len(queries)) if number not in rankings]
        if rest:
            rankings |= zip(rest, self._scanned(queries[rest], depth), strict=True)
        return [rankings[number] for number in range(len(queries))]

    @cached_property
    def _table(self) -> Any:
        assert self.folder is not None
        return _connect(self.folder).open_table(_TABLE)


@step("index", "lancedb", version=1)
class LanceDB(Step):
    """Exact search by inner product over a LanceDB dataset; no approximate index."""

    async def run(self, runtime: Runtime, chunk: Chunks, embed: Embedded) -> LanceIndex:
        """Return the index over the chunks' vectors; its codec writes the dataset."""
        return LanceIndex(
            embed.encoder,
            embed.parameters,
            len(embed.refs),
            embed.dim,
            embed.refs,
            runtime.memo,
            labels=MetricLabels.of(chunk),
        )


class IndexCodec:
    """A folder with a LanceDB dataset (chunk row, vector) and the encoder's name and parameters."""

    def save(self, value: LanceIndex, folder: Path) -> None:
        """Write the dataset in slices; a loaded index is copied."""
        if value.folder is not None:
            shutil.copytree(value.folder, folder, dirs_exist_ok=True)
            return
        facts = {
            "encoder": value.encoder_name,
            "parameters": dict(value.parameters),
            "count": value.count,
            "dim": value.dim,
        }
        (folder / _FACTS).write_text(json.dumps(facts, ensure_ascii=False, sort_keys=True), encoding="utf-8")
        value.labels.save(folder)
        if value.count:
            schema, batches = _batches(value)
            _connect(folder).create_table(_TABLE, data=batches, schema=schema)

    def load(self, folder: Path) -> LanceIndex:
        """Open lazily: nothing is read but the facts.

        Raises:
            StoreError: when the folder holds no index.
        """
        try:
            facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
            loaded = LanceIndex(facts["encoder"], facts["parameters"], facts["count"], facts["dim"], folder=folder)
            loaded.labels = MetricLabels.load(folder, loaded.count)
        except (OSError, ValueError, KeyError) as error:
            raise _unreadable(folder, error) from error
        if loaded.count and not (folder / f"{_TABLE}.lance").is_dir():
            raise _unreadable(folder, FileNotFoundError())
        return loaded


def _batches(value: LanceIndex) -> tuple[Any, Iterator[Any]]:
    import pyarrow as pa

    schema = pa.schema([pa.field("row", pa.int32()), pa.field("vector", pa.list_(pa.float32(), value.dim))])

    def made() -> Iterator[Any]:
        at = 0
        for part in value.slices():
            vectors = pa.FixedSizeListArray.from_arrays(pa.array(part.reshape(-1), pa.float32()), value.dim)
            yield pa.record_batch([pa.array(range(at, at + len(part)), pa.int32()), vectors], schema=schema)
            at += len(part)

    return schema, made()


def _unreadable(folder: Path, error: Exception) -> StoreError:
    return StoreError(
        f"index: the stored index cannot be read; got {type(error).__name__} in {folder.name}. "
        "Delete it with `ragscout store check` and run again."
    )


def _connect(folder: Path) -> Any:
    os.environ.setdefault("LANCE_LOG", "error")
    import lancedb

    return lancedb.connect(str(folder))
