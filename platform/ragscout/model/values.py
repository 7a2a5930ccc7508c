"""Values of the whole stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ragscout.model.evalset import Document, Question, SourceFile
from ragscout.model.outcome import Ranking
from ragscout.model.runtime import Runtime, VectorRef

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
    of a part to that of the document it was cut out of.
    """

    document: Sequence[str]
    start: Sequence[int]
    end: Sequence[int]
    text: Sequence[str]
    titles: Mapping[str, str] = field(default_factory=dict)
    meta: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.text)


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


class DenseIndex(Protocol):
    """A dense index over the chunks of one node."""

    encoder: Encoder

    def search(
        self, runtime: Runtime, queries: np.ndarray, depth: int, keep: np.ndarray | None = None
    ) -> list[Ranking]:
        """The ``depth`` nearest chunks of each query by inner product, ties by chunk order. ``keep``: bool per chunk,
        ``None`` for all."""
        ...

    def allowed(self, question: Question) -> np.ndarray | None:
        """Which chunks the question's filter admits, bool per chunk; ``None`` without a filter."""
        ...


class Lexicon(Protocol):
    """A lexical index over the chunks of one node."""

    def search(self, text: str, depth: int, keep: np.ndarray | None = None) -> Ranking:
        """The ``depth`` best chunks with a score above 0, ties by chunk order. ``keep``: bool per chunk, ``None`` for
        all."""
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


_CODECS: dict[str, Codec] = {}


def register_codec(stage: str, codec: Codec) -> None:
    """Each whole stage's package registers its codec when it is imported."""
    _CODECS[stage] = codec


def codec(stage: str) -> Codec:
    """The codec of a whole stage."""
    return _CODECS[stage]
