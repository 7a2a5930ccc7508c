"""What all chunkers share: the parameters ``size`` and ``overlap``, trimming, coverage and the report."""

from __future__ import annotations

import asyncio
import itertools
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ragscout.model.cost import Cost, Workload
from ragscout.model.evalset import Document
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step
from ragscout.model.values import Chunks, Corpus
from ragscout.steps.batches import BATCH, BatchFile, BatchWriter
from ragscout.steps.chunk.lazy import COLUMNS, on_disk

Span = tuple[int, int]
_SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*")


@dataclass(frozen=True, kw_only=True)
class ChunkStep(Step):
    """Base of chunkers. A subclass gives ``spans(text, runtime)``, or ``cut(documents, runtime)`` where it has to wait
    for models.

    Its chunks, cut to their non-blank part, are in order, cover every character that is not white space, and repeat
    at most about ``overlap`` of each other. Reports ``chunks`` and ``realised_overlap`` (repeated characters / all
    chunk characters, 0..1).
    """

    size: int = field(default=1000, metadata={"help": "largest chunk", "ge": 1})
    overlap: int | str = field(
        default=0, metadata={"help": "what neighbouring chunks share: in the unit of the size, or a share like 10%"}
    )

    def __post_init__(self) -> None:
        """Bring ``overlap`` to its normal form and hold it below ``size``."""
        object.__setattr__(self, "overlap", _normal(self.overlap))
        if self.overlap_units >= self.size:
            raise ValueError(
                f"overlap must be smaller than size; got overlap {self.overlap} with size {self.size}. "
                f"Use at most {self.size - 1}, or a share below 100%."
            )

    @property
    def overlap_units(self) -> int:
        """The overlap in the unit of ``size``."""
        if isinstance(self.overlap, int):
            return self.overlap
        return int(self.size * float(self.overlap[:-1]) / 100 + 1e-9)

    def spans(self, text: str, runtime: Runtime) -> Sequence[Span]:
        """Chunk boundaries of one document, in order; they may hold white space at their ends."""
        raise NotImplementedError

    async def cut(self, documents: Sequence[Document], runtime: Runtime) -> Sequence[Sequence[Span]]:
        """Chunk boundaries of some documents (at most about four million characters), as ``spans`` gives them. The
        boundaries of a document must not depend on the others."""
        return await asyncio.to_thread(lambda: [self.spans(document.text, runtime) for document in documents])

    def unit(self, material: Workload) -> float:
        """Characters of one unit of ``size``."""
        return 1.0

    def cost(self, material: Workload) -> Cost:
        """Seconds and disk in proportion to the text."""
        return Cost(seconds=0.3 * (1 + material.characters / 1e6), disk=0.8 * self.after(material).text)

    def after(self, material: Workload) -> Workload:
        """So many chunks of the full size; they are the passages until another step says otherwise."""
        unit = self.unit(material)
        step = (self.size - self.overlap_units) * unit
        chunks = max(1.0, material.characters / max(1.0, step))
        return replace(material, chunks=chunks, chunk=self.size * unit, passage=self.size * unit)

    async def run(self, runtime: Runtime, corpus: Corpus) -> Chunks:
        """Chunk every document; one without text gives none."""
        chunks, shared = await self._all(runtime, corpus.documents)
        runtime.report(self.stage, "chunks", len(chunks))
        runtime.report(self.stage, "realised_overlap", shared)
        return chunks

    async def _all(self, runtime: Runtime, documents: Sequence[Document]) -> tuple[Chunks, float]:
        """Chunks in memory, or on disk when the documents are. Titles, metadata and sources are noted on the way."""
        notes = _Notes()
        if isinstance(documents, tuple | list):
            rows = [row for batch in _batches(documents) for row in await self._rows(batch, runtime, notes)]
            names, texts, starts, ends = zip(*rows, strict=True) if rows else ((), (), (), ())
            return Chunks(names, starts, ends, texts, notes.titles, notes.meta, notes.sources), notes.overlap
        folder = tempfile.TemporaryDirectory(prefix="ragscout-")
        writer = BatchWriter(Path(folder.name), COLUMNS, {}, integers=2)
        batches = _batches(documents)
        while batch := await asyncio.to_thread(next, batches, None):
            writer.add(await self._rows(batch, runtime, notes))
        await asyncio.to_thread(writer.close)
        file = BatchFile(Path(folder.name), self.stage)
        return on_disk(file, notes.titles, notes.meta, notes.sources, folder), notes.overlap

    async def _rows(
        self, documents: Sequence[Document], runtime: Runtime, notes: _Notes
    ) -> list[tuple[str, str, int, int]]:
        found = []
        for document, given in zip(documents, await self.cut(documents, runtime), strict=True):
            spans = distinct(trimmed(document.text, given))
            notes.add(document, spans)
            found += [(document.id, document.text[start:end], start, end) for start, end in spans]
        return found


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Documents in order, some megabytes at a time."""
    held: list[Document] = []
    size = 0
    for document in documents:
        held.append(document)
        size += len(document.text)
        if size >= BATCH:
            yield held
            held, size = [], 0
    if held:
        yield held


@dataclass
class _Notes:
    """What is kept of documents beside their chunks. ``meta``: metadata columns, of which page offsets are none;
    ``sources``: parts that a transform cut, to their documents."""

    titles: dict[str, str] = field(default_factory=dict)
    meta: dict[str, dict[str, str]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    total: int = 0
    repeated: int = 0

    def add(self, document: Document, spans: Sequence[Span]) -> None:
        """Note a document and its chunks."""
        self.total += sum(end - start for start, end in spans)
        self.repeated += sum(max(0, one[1] - other[0]) for one, other in itertools.pairwise(spans))
        if document.title:
            self.titles[document.id] = document.title
        meta = {name: value for name, value in document.meta.items() if name != "pages"}
        if meta:
            self.meta[document.id] = meta
        if document.origin is not None and document.origin.document != document.id:
            self.sources[document.id] = document.origin.document

    @property
    def overlap(self) -> float:
        """Repeated characters / all chunk characters, 0..1."""
        return self.repeated / self.total if self.total else 0.0


def _normal(overlap: int | str) -> int | str:
    if isinstance(overlap, str):
        share = _SHARE.fullmatch(overlap)
        if share is None:
            if not overlap.strip().isascii() or not overlap.strip().isdigit():
                raise ValueError(f"overlap is neither a number nor a share; got {overlap!r}. Write 50 or '10%'.")
            return int(overlap)
        value = float(share[1])
        return f"{value:g}%" if value else 0
    if overlap < 0:
        raise ValueError(f"overlap must be at least 0; got {overlap}. Write 50 or '10%'.")
    return overlap


def trimmed(text: str, spans: Sequence[Span]) -> list[Span]:
    """Spans without the white space at their ends; blank ones fall away."""
    found: list[Span] = []
    for start, end in spans:
        piece = text[start:end]
        left = len(piece) - len(piece.lstrip())
        right = len(piece.rstrip())
        if left < right:
            found.append((start + left, start + right))
    return found


def distinct(spans: Sequence[Span]) -> list[Span]:
    """Spans in order without those that lie inside a neighbour, which trimming can bring about."""
    found: list[Span] = []
    for start, end in spans:
        if found and end <= found[-1][1]:
            continue
        if found and start <= found[-1][0]:
            found.pop()
        found.append((start, end))
    return found
