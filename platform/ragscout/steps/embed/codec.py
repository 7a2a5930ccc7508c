"""How an ``Embedded`` lies on disk: which rows of which vector shards, and by which encoder."""

from __future__ import annotations

from pathlib import Path

from ragscout.model.runtime import VectorRef
from ragscout.model.values import Embedded
from ragscout.steps.arrow import load_columns, save_columns


class EmbeddedCodec:
    """One Arrow row per chunk."""

    def save(self, value: Embedded, folder: Path) -> None:
        """Write the references and the encoder."""
        facts = {"encoder": value.encoder, "parameters": dict(value.parameters), "dim": value.dim}
        columns = {"shard": [ref.shard for ref in value.refs], "row": [ref.row for ref in value.refs]}
        save_columns(folder, columns, facts)

    def load(self, folder: Path) -> Embedded:
        """Read them back; ``parameters`` hold plain values, which ``make`` validates.

        Raises:
            StoreError: when the folder holds no such value.
        """
        columns, facts = load_columns(folder, "embed")
        refs = tuple(VectorRef(shard, row) for shard, row in zip(columns["shard"], columns["row"], strict=True))
        return Embedded(facts["encoder"], facts["parameters"], refs, facts["dim"])
