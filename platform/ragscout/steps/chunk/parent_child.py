"""``parent-child``: small chunks to search, each with the larger one it was cut from."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import field, replace
from typing import ClassVar, overload

from ragscout.model.cost import Workload
from ragscout.model.evalset import Document
from ragscout.model.runtime import Runtime
from ragscout.model.step import step
from ragscout.model.values import Chunks, Corpus
from ragscout.providers.tokenize import SENTENCE_WORDS
from ragscout.steps.batches import Coded
from ragscout.steps.chunk.base import ChunkStep, Span
from ragscout.steps.chunk.characters import Characters
from ragscout.steps.chunk.cut import character_windows


@step("chunk", "parent-child", version=1, packaged=(SENTENCE_WORDS,))
class ParentChild(ChunkStep):
    """Documents cut into parents like ``characters`` cuts, and each parent into chunks of at most ``size`` characters.

    Small chunks are found more exactly; ``context: parents`` puts the parents of those found into the prompt.
    """

    gives: ClassVar[tuple[str, ...]] = ("parents",)

    size: int = field(default=400, metadata={"help": "largest chunk", "ge": 1})
    times: int = field(
        default=4, metadata={"help": "how many times as large as a chunk a parent may be", "ge": 2, "le": 100}
    )

    def after(self, material: Workload) -> Workload:
        """See ``ChunkStep.after``; with so large parents."""
        return replace(super().after(material), parent=float(self.size * self.times))

    def spans(self, text: str, runtime: Runtime) -> Sequence[Span]:
        """Windows over one parent."""
        return character_windows(text, 0, len(text), self.size, self.overlap_units)

    async def run(self, runtime: Runtime, corpus: Corpus) -> Chunks:
        """Cut twice; places are those in the documents, also of the chunks."""
        parents = await Characters(size=self.size * self.times).run(runtime, corpus)
        pieces = _Pieces(parents)
        cut = await super().run(runtime, Corpus(tuple(pieces) if isinstance(parents.text, tuple) else pieces))
        names, starts, ends, parent = Coded(), array("q"), array("q"), array("q")
        for piece, start, end in zip(cut.document, cut.start, cut.end, strict=True):
            row = int(piece)
            names.append(parents.document[row])
            starts.append(parents.start[row] + start)
            ends.append(parents.start[row] + end)
            parent.append(row)
        if isinstance(cut.text, tuple):
            placed = replace(cut, document=tuple(names), start=tuple(starts), end=tuple(ends), parent=tuple(parent))
        else:
            placed = replace(cut, document=names, start=starts, end=ends, parent=parent)
        return replace(placed, titles=parents.titles, meta=parents.meta, sources=parents.sources, parents=parents)


class _Pieces(Sequence[Document]):
    """Parents as documents of their own, named by their row, each read when it is asked for."""

    def __init__(self, parents: Chunks) -> None:
        self._texts = parents.text

    @overload
    def __getitem__(self, at: int) -> Document: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Document]: ...
    def __getitem__(self, at: int | slice) -> Document | Sequence[Document]:
        if isinstance(at, slice):
            return tuple(self[row] for row in range(*at.indices(len(self))))
        return Document(str(at), self._texts[at])

    def __len__(self) -> int:
        return len(self._texts)

    def __iter__(self) -> Iterator[Document]:
        return (Document(str(row), text) for row, text in enumerate(self._texts))
