"""How chunks lie on disk."""

from __future__ import annotations

from pathlib import Path

from ragscout.model.values import Chunks
from ragscout.steps.batches import HELD, BatchFile, write_batches
from ragscout.steps.chunk.lazy import COLUMNS, on_disk


class ChunksCodec:
    """One Arrow row per chunk, in batches, titles beside them; texts too large for memory stay on disk."""

    def save(self, value: Chunks, folder: Path) -> None:
        """Write the columns."""
        facts: dict[str, object] = {"titles": dict(value.titles)}
        facts |= {"meta": {name: dict(meta) for name, meta in value.meta.items()}} if value.meta else {}
        facts |= {"sources": dict(value.sources)} if value.sources else {}
        rows = zip(value.document, value.text, value.start, value.end, strict=True)
        write_batches(folder, rows, COLUMNS, facts, integers=2)

    def load(self, folder: Path) -> Chunks:
        """Open it.

        Raises:
            StoreError: when the folder holds no chunks.
        """
        file = BatchFile(folder, "chunk")
        facts = file.facts
        more = (facts["titles"], facts.get("meta", {}), facts.get("sources", {}))
        if (folder / "value.arrow").stat().st_size <= HELD:
            columns: list[list[object]] = [[], [], [], []]
            for batch in file.columns(COLUMNS):
                for column, part in zip(columns, batch, strict=True):
                    column.extend(part)
            document, text, start, end = (tuple(column) for column in columns)
            return Chunks(document, start, end, text, *more)  # type: ignore[arg-type]
        return on_disk(file, *more)
