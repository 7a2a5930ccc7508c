"""Values larger than memory: rows in Arrow batches of a few megabytes, read back a batch at a time."""

from __future__ import annotations

import bisect
import json
import tempfile
import threading
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar, overload

from ragscout.model.errors import StoreError
from ragscout.model.evalset import Document
from ragscout.model.offsets import Origin

BATCH = 4 << 20  # characters of one batch
HELD = 32 << 20  # characters of documents that are held in memory; more go to disk
_ROWS = 65_536
_KEPT = 6  # batches kept by a reader
_NAME, _COUNTS = "value.arrow", "rows.json"
_FACTS = b"ragscout"
_DOCUMENT = ("id", "title", "text", "meta", "origin")
T = TypeVar("T")


class BatchWriter:
    """Writes rows in the order they come; the last ``integers`` columns are whole numbers, the others text."""

    def __init__(self, folder: Path, names: Sequence[str], facts: Mapping[str, Any], integers: int = 0) -> None:
        """Open the file for writing; ``close`` finishes it."""
        import pyarrow as pa

        self._kinds = [pa.string()] * (len(names) - integers) + [pa.int64()] * integers
        told = {_FACTS: json.dumps(dict(facts), ensure_ascii=False)}
        self._schema = pa.schema(zip(names, self._kinds, strict=True), told)
        self._sink = pa.OSFile(str(folder / _NAME), "wb")
        self._writer = pa.ipc.new_file(self._sink, self._schema)
        self._folder = folder
        self._held: list[tuple[Any, ...]] = []
        self._size = 0
        self._counts: list[int] = []

    def add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Write rows."""
        for row in rows:
            self._held.append(row)
            self._size += sum(len(cell) for cell in row if isinstance(cell, str))
            if self._size >= BATCH or len(self._held) >= _ROWS:
                self._flush()

    def close(self) -> int:
        """Finish the file and return how many rows it holds."""
        if self._held:
            self._flush()
        self._writer.close()
        self._sink.close()
        (self._folder / _COUNTS).write_text(json.dumps(self._counts), encoding="utf-8")
        return sum(self._counts)

    def _flush(self) -> None:
        import pyarrow as pa

        columns = zip(zip(*self._held, strict=True), self._kinds, strict=True)
        arrays = [pa.array(column, kind) for column, kind in columns]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
        self._counts.append(len(self._held))
        self._held, self._size = [], 0


def write_batches(
    folder: Path, rows: Iterable[tuple[Any, ...]], names: Sequence[str], facts: Mapping[str, Any], integers: int = 0
) -> int:
    """Write rows in order and return how many; the last ``integers`` columns are whole numbers, the others text."""
    writer = BatchWriter(folder, names, facts, integers)
    writer.add(rows)
    return writer.close()


class BatchFile:
    """Rows as written, a few batches of them in memory. Safe to use from many threads."""

    def __init__(self, folder: Path, stage: str) -> None:
        """Open a folder.

        Raises:
            StoreError: it holds no such file or a damaged one.
        """
        import pyarrow as pa

        try:
            self._reader = pa.ipc.open_file(pa.OSFile(str(folder / _NAME)))
            counts = json.loads((folder / _COUNTS).read_text(encoding="utf-8"))
            self.facts: dict[str, Any] = json.loads((self._reader.schema.metadata or {})[_FACTS])
        except (OSError, pa.ArrowException, KeyError, ValueError) as error:
            raise StoreError(
                f"{stage}: the stored value cannot be read; got {type(error).__name__} in {folder.name}. "
                "Delete it with `ragscout store check` and run again."
            ) from error
        self._starts = [0]
        for count in counts:
            self._starts.append(self._starts[-1] + count)
        self._kept: OrderedDict[int, Any] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._starts[-1]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self._reader.schema.names)

    def row(self, at: int, names: Sequence[str]) -> list[Any]:
        """Cells of a row."""
        if at < 0:
            at += len(self)
        if not 0 <= at < len(self):
            raise IndexError(at)
        number = bisect.bisect_right(self._starts, at) - 1
        batch = self._batch(number)
        return [batch.column(name)[at - self._starts[number]].as_py() for name in names]

    def columns(self, names: Sequence[str]) -> Iterator[list[list[Any]]]:
        """Yield the columns batch by batch; batches read this way are not kept."""
        for number in range(len(self._starts) - 1):
            with self._lock:
                batch = self._reader.get_batch(number)
            yield [batch.column(name).to_pylist() for name in names]

    def _batch(self, number: int) -> Any:
        with self._lock:
            if number not in self._kept:
                self._kept[number] = self._reader.get_batch(number)
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(number)
            return self._kept[number]


class _Lazy(Sequence[T]):
    """A sequence over the rows of a file."""

    def __init__(self, file: BatchFile) -> None:
        self._file = file

    def _at(self, at: int) -> T:
        raise NotImplementedError

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[T]: ...
    def __getitem__(self, at: int | slice) -> T | Sequence[T]:
        if isinstance(at, slice):
            return tuple(self._at(number) for number in range(*at.indices(len(self))))
        return self._at(at)

    def __len__(self) -> int:
        return len(self._file)


class Documents(_Lazy[Document]):
    """Documents on disk. ``folder`` is kept alive while they are."""

    def __init__(self, file: BatchFile, folder: object = None) -> None:
        super().__init__(file)
        self._folder = folder

    def _at(self, at: int) -> Document:
        return document_of(self._file.row(at, _DOCUMENT))

    def __iter__(self) -> Iterator[Document]:
        for columns in self._file.columns(_DOCUMENT):
            for row in zip(*columns, strict=True):
                yield document_of(row)


class Texts(_Lazy[str]):
    """A text column on disk."""

    def __init__(self, file: BatchFile, name: str, folder: object = None) -> None:
        super().__init__(file)
        self._name, self._folder = name, folder

    def _at(self, at: int) -> str:
        return str(self._file.row(at, (self._name,))[0])

    def __iter__(self) -> Iterator[str]:
        for (column,) in self._file.columns((self._name,)):
            yield from column


class Coded(Sequence[str]):
    """Texts of which few differ: each kept once, rows as numbers."""

    def __init__(self) -> None:
        """Empty."""
        self._names: list[str] = []
        self._numbers: dict[str, int] = {}
        self._rows = array("i")

    def append(self, text: str) -> None:
        """Add a row."""
        number = self._numbers.setdefault(text, len(self._names))
        if number == len(self._names):
            self._names.append(text)
        self._rows.append(number)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        if isinstance(at, slice):
            return tuple(self._names[number] for number in self._rows[at])
        return self._names[self._rows[at]]

    def __len__(self) -> int:
        return len(self._rows)


class _ById(Mapping[str, Document]):
    """Documents by id, read when asked for."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = documents
        self._rows = {document.id: row for row, document in enumerate(documents)}

    def __getitem__(self, name: str) -> Document:
        return self._documents[self._rows[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, name: object) -> bool:
        return name in self._rows


def by_id(documents: Sequence[Document]) -> Mapping[str, Document]:
    """Documents by id; those on disk stay there."""
    if isinstance(documents, Documents):
        return _ById(documents)
    return {document.id: document for document in documents}


class Spill:
    """Collects documents: in memory while they are few, on disk beyond ``limit`` characters."""

    def __init__(self, limit: int = HELD) -> None:
        """Empty."""
        self._limit = limit
        self._held: list[Document] = []
        self._size = 0

    def keep(self, documents: Iterable[Document]) -> Sequence[Document]:
        """All the documents, as a sequence."""
        rest = iter(documents)
        for document in rest:
            self._held.append(document)
            self._size += len(document.text)
            if self._size > self._limit:
                folder = tempfile.TemporaryDirectory(prefix="ragscout-")
                held, self._held = self._held, []
                write_documents(Path(folder.name), _chained(held, rest), {})
                return Documents(BatchFile(Path(folder.name), "corpus"), folder)
        return tuple(self._held)


def _chained(held: list[Document], rest: Iterator[Document]) -> Iterator[Document]:
    held.reverse()
    while held:
        yield held.pop()
    yield from rest


def write_documents(folder: Path, documents: Iterable[Document], facts: Mapping[str, Any]) -> int:
    """Write documents in order; returns how many."""
    rows = (
        (
            document.id,
            document.title,
            document.text,
            json.dumps(dict(document.meta), ensure_ascii=False),
            json.dumps(asdict(document.origin)) if document.origin else "",
        )
        for document in documents
    )
    return write_batches(folder, rows, _DOCUMENT, facts)


def document_of(row: Sequence[str]) -> Document:
    """Return a document from its row."""
    name, title, text, meta, origin = row
    return Document(name, text, title, json.loads(meta), _origin(origin))


def _origin(text: str) -> Origin | None:
    if not text:
        return None
    data = json.loads(text)
    return Origin(data["document"], data["digest"], tuple((at, to, size) for at, to, size in data["pieces"]))
