"""How chunks lie in a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ragscout.model.values import Chunks
from ragscout.steps.batches import HELD, BatchFile, write_batches
from ragscout.steps.chunk.lazy import COLUMNS, INDEXED, PARENT, on_disk

_PARENTS = "parents"


class ChunksCodec:
    """One Arrow row per chunk, in batches, titles beside them; texts too large for memory stay on disk. Parents are
    chunks in a folder of their own."""

    def save(self, value: Chunks, folder: Path) -> None:
        """Write the columns."""
        facts: dict[str, object] = {"titles": dict(value.titles)}
        facts |= {"meta": {name: dict(meta) for name, meta in value.meta.items()}} if value.meta else {}
        facts |= {"sources": dict(value.sources)} if value.sources else {}
        texts: dict[str, Any] = {"document": value.document, "text": value.text}
        numbers: dict[str, Any] = {"start": value.start, "end": value.end}
        if value.index_text is not None:
            texts[INDEXED] = value.index_text
        if value.parents is not None:
            numbers[PARENT] = value.parent
            (folder / _PARENTS).mkdir()
            self.save(value.parents, folder / _PARENTS)
        columns = texts | numbers
        write_batches(folder, zip(*columns.values(), strict=True), tuple(columns), facts, integers=len(numbers))

    def load(self, folder: Path) -> Chunks:
        """Open it.

        Raises:
            StoreError: when the folder holds no chunks.
        """
        file = BatchFile(folder, "chunk")
        facts = file.facts
        more = (facts["titles"], facts.get("meta", {}), facts.get("sources", {}))
        small = (folder / "value.arrow").stat().st_size <= HELD
        chunks = _in_memory(file, *more) if small else on_disk(file, *more)
        return replace(chunks, parents=self.load(folder / _PARENTS)) if PARENT in file.names else chunks


def _in_memory(file: BatchFile, titles: Any, meta: Any, sources: Any) -> Chunks:
    columns: dict[str, list[Any]] = {name: [] for name in file.names}
    for batch in file.columns(file.names):
        for column, part in zip(columns.values(), batch, strict=True):
            column.extend(part)
    document, text, start, end = (tuple(columns[name]) for name in COLUMNS)
    indexed = tuple(columns[INDEXED]) if INDEXED in columns else None
    return Chunks(document, start, end, text, titles, meta, sources, indexed, parent=tuple(columns.get(PARENT, ())))
