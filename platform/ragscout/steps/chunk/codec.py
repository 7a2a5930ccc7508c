"""How chunks lie on disk."""

from __future__ import annotations

from pathlib import Path

from ragscout.model.values import Chunks
from ragscout.steps.arrow import load_columns, save_columns


class ChunksCodec:
    """One Arrow row per chunk, titles beside them."""

    def save(self, value: Chunks, folder: Path) -> None:
        """Write the columns."""
        columns = {
            "document": list(value.document),
            "start": list(value.start),
            "end": list(value.end),
            "text": list(value.text),
        }
        save_columns(folder, columns, {"titles": dict(value.titles)})

    def load(self, folder: Path) -> Chunks:
        """Read them back.

        Raises:
            StoreError: when the folder holds no chunks.
        """
        columns, facts = load_columns(folder, "chunk")
        document, start, end, text = (tuple(columns[name]) for name in ("document", "start", "end", "text"))
        return Chunks(document, start, end, text, facts["titles"])
