"""Values of the whole stages."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, overload

from pydantic import AfterValidator, PlainSerializer

from ragscout.model.errors import StoreError
from ragscout.model.evalset import Document, Question, SourceFile
from ragscout.model.fitted import PerFold
from ragscout.model.outcome import Ranking
from ragscout.model.runtime import Runtime, VectorRef
from ragscout.model.training import Folds

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Source:
    """The uploaded files. ``read`` gives a file's bytes by its SHA-256."""

    files: tuple[SourceFile, ...]
    read: Callable[[str], bytes] = field(repr=False, compare=False)


@dataclass(frozen=True)
class Corpus:
    """Parsed documents, in a fixed order, ids unique. ``aliases``: id of a document that was left out because it
    repeats another, to that one's."""

    documents: Sequence[Document]
    aliases: Mapping[str, str] = field(default_factory=dict)

    def by_id(self) -> dict[str, Document]:
        """Documents by id."""
        return {document.id: document for document in self.documents}


@dataclass(frozen=True)
class Chunks:
    """Columns of equal length: chunk ``i`` is ``text[i]``, code points ``start[i]``..``end[i]`` of document
    ``document[i]``. Columns are tuples, or lazy sequences where they are larger than memory.

    ``titles``: document id to title; ``meta``: document id to its metadata columns, where it has any; ``sources``: id
    of a part to that of the document it was cut out of. ``index_text``: what is indexed for each chunk where that is
    not its text (a header in front, say). ``parents``: larger chunks that these were cut from; ``parent``: for each
    chunk the row of its parent.
    """

    document: Sequence[str]
    start: Sequence[int]
    end: Sequence[int]
    text: Sequence[str]
    titles: Mapping[str, str] = field(default_factory=dict)
    meta: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    index_text: Sequence[str] | None = None
    parents: Chunks | None = None
    parent: Sequence[int] = ()

    def __len__(self) -> int:
        return len(self.text)

    @property
    def indexed(self) -> Sequence[str]:
        """What encoders and lexicons read of each chunk."""
        return self.text if self.index_text is None else self.index_text


class Picked(Sequence[str]):
    """Texts of some rows of a column, each read when it is asked for: the column may lie on disk."""

    def __init__(self, column: Sequence[str], rows: Sequence[int]) -> None:
        """Args: rows = of the column, in the order wanted."""
        self._column, self._rows = column, tuple(rows)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        if isinstance(at, slice):
            return tuple(self._column[row] for row in self._rows[at])
        return self._column[self._rows[at]]

    def __len__(self) -> int:
        return len(self._rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (Picked, tuple)) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


Texts = Annotated[Sequence[str], AfterValidator(tuple), PlainSerializer(list)]
"""A column of texts, which a cell keeps as a list and gives back as a tuple."""


@dataclass(frozen=True)
class Passages:
    """What one question's prompt is made from, best first: columns of equal length.

    Passage ``i`` is ``text[i]``, found at code points ``span[i]`` of document ``document[i]``, which is called
    ``title[i]``; it was made from the chunks ``rows[i]``, the best of them first. A text need not be what stands at the
    span: a step may have shortened it.
    """

    text: Texts
    document: tuple[str, ...]
    span: tuple[tuple[int, int], ...]
    rows: tuple[tuple[int, ...], ...]
    title: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.document)

    @classmethod
    def of(cls, chunks: Chunks, rows: Sequence[int]) -> Passages:
        """Chunks as they are, each a passage of its own; their texts are read when they are asked for."""
        names = tuple(chunks.document[row] for row in rows)
        return cls(
            Picked(chunks.text, rows),
            names,
            tuple((chunks.start[row], chunks.end[row]) for row in rows),
            tuple((row,) for row in rows),
            tuple(chunks.titles.get(name, "") for name in names),
        )


@dataclass(frozen=True)
class Embedded:
    """Per chunk, the row of its text in the encoder's vector shards. ``encoder`` is the embed step's (name,
    parameters), so that queries are embedded by the same encoder."""

    encoder: str
    parameters: Mapping[str, Any]
    refs: tuple[VectorRef, ...]
    dim: int


class Encoder(Protocol):
    """What an embed step offers beside ``run``: vectors of queries."""

    async def queries(self, runtime: Runtime, texts: Sequence[str]) -> np.ndarray:
        """float32 of shape (len(texts), dim), L2 norm 1; each text is encoded alone, so that a batch of one and a
        batch of many give the same bits."""
        ...

    async def passages(self, runtime: Runtime, texts: Sequence[str]) -> np.ndarray:
        """Vectors of query texts that read like a passage, encoded as documents are; else like ``queries``."""
        ...


class DenseIndex(Protocol):
    """A dense index over the chunks of one node."""

    encoder: Encoder

    def search(
        self, runtime: Runtime, queries: np.ndarray, depth: int, keep: np.ndarray | None = None
    ) -> list[Ranking]:
        """Return the ``depth`` nearest chunks of each query by inner product, ties by chunk order. ``keep``: bool per
        chunk, ``None`` for all."""
        ...

    def allowed(self, question: Question) -> np.ndarray | None:
        """Which chunks the question's filter admits, bool per chunk; ``None`` without a filter."""
        ...


class Lexicon(Protocol):
    """A lexical index over the chunks of one node."""

    def search(self, text: str, depth: int, keep: np.ndarray | None = None) -> Ranking:
        """Return the ``depth`` best chunks with a score above 0, ties by chunk order. ``keep``: bool per chunk,
        ``None`` for all."""
        ...

    def allowed(self, question: Question) -> np.ndarray | None:
        """Which chunks the question's filter admits, bool per chunk; ``None`` without a filter."""
        ...


class Codec(Protocol):
    """How a whole stage's value lies in a folder. No pickle."""

    def save(self, value: Any, folder: Path) -> None:
        """Write the value into an empty folder."""
        ...

    def load(self, folder: Path) -> Any:
        """Read it back, lazily where it is large.

        Raises:
            StoreError: when the folder does not hold a value of this stage.
        """
        ...


_CODECS: dict[str, dict[str, tuple[type, Codec]]] = {}
_KIND = "codec.txt"
"""Names the codec that wrote a folder, where it is not the stage's first."""
PART = "fold-"
"""Begins the name of a folder that holds the value of one fold; the last one is that of the whole split."""
_FOLDS = "folds.json"
"""Says that a folder holds one value for each fold, each in a folder of its own, and how questions fall into folds."""


def register_codec(stage: str, codec: Codec, *, name: str = "", holds: type = object) -> None:
    """Register how values of a whole stage are kept. A component whose values are of a type of its own registers
    another codec for them, under a ``name`` that its folders are known by later."""
    _CODECS.setdefault(stage, {})[name] = (holds, codec)


def codec(stage: str) -> Codec:
    """Return the codec of a whole stage: it finds the one that fits a value, or that wrote a folder."""
    return _Chosen(stage)


@dataclass(frozen=True)
class _Chosen:
    stage: str

    def save(self, value: Any, folder: Path) -> None:
        """See ``Codec.save``."""
        if isinstance(value, PerFold):
            plain = {"count": value.folds.count, "places": dict(value.folds.places)}
            (folder / _FOLDS).write_text(json.dumps(plain, ensure_ascii=False, sort_keys=True), encoding="utf-8")
            for place, held in enumerate(value.every()):
                part = folder / f"{PART}{place}"
                part.mkdir()
                self.save(held, part)
            return
        named = {
            name: codec for name, (holds, codec) in _CODECS[self.stage].items() if name and isinstance(value, holds)
        }
        for name, chosen in named.items():
            (folder / _KIND).write_text(name, encoding="utf-8")
            chosen.save(value, folder)
            return
        _CODECS[self.stage][""][1].save(value, folder)

    def load(self, folder: Path) -> Any:
        """See ``Codec.load``."""
        if (folder / _FOLDS).exists():
            return self._per_fold(folder)
        mark = folder / _KIND
        name = mark.read_text(encoding="utf-8") if mark.exists() else ""
        if name not in _CODECS[self.stage]:
            raise StoreError(
                f"{self.stage}: the stored value was written by {name!r}, which is not installed here. Install the "
                "package that brings it."
            )
        return _CODECS[self.stage][name][1].load(folder)

    def _per_fold(self, folder: Path) -> PerFold:
        try:
            plain = json.loads((folder / _FOLDS).read_text(encoding="utf-8"))
            folds = Folds(plain["count"], plain["places"])
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{self.stage}: the stored value cannot be read; got {type(error).__name__} in {_FOLDS}. "
                "Delete it with `ragscout store check` and run again."
            ) from error
        *values, whole = [self.load(folder / f"{PART}{place}") for place in range(folds.count + 1)]
        return PerFold(folds, tuple(values), whole)
