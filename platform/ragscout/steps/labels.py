"""Metadata of chunks: which of them a question's filter admits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ragscout.model.evalset import Question
from ragscout.model.values import Chunks
from ragscout.steps.arrow import load_columns, save_columns

if TYPE_CHECKING:
    import numpy as np

_FOLDER = "labels"


@dataclass
class MetricLabels:
    """``document``: per chunk, its document; ``meta``: document to its metadata columns, where it has any."""

    count: int
    document: Sequence[str] = ()
    meta: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, chunk: Chunks) -> MetricLabels:
        """Labels of chunks; without metadata nothing but their number is kept."""
        return cls(len(chunk), chunk.document, chunk.meta) if chunk.meta else cls(len(chunk))

    def allowed(self, question: Question) -> np.ndarray | None:
        """Which chunks the question's filter admits, bool of shape (chunks,); ``None`` without a filter."""
        import numpy as np

        if not question.filter:
            return None
        if not self.meta:
            return np.zeros(self.count, dtype=bool)
        admitted = {name for name, meta in self.meta.items() if question.admits(meta)}
        return np.fromiter((name in admitted for name in self.document), dtype=bool, count=self.count)

    def save(self, folder: Path) -> None:
        """Write them below a folder, where there is any metadata."""
        if self.meta:
            (folder / _FOLDER).mkdir()
            meta = {name: dict(items) for name, items in self.meta.items()}
            save_columns(folder / _FOLDER, {"document": list(self.document)}, {"meta": meta})

    @classmethod
    def load(cls, folder: Path, count: int) -> MetricLabels:
        """Read them back."""
        if not (folder / _FOLDER).exists():
            return cls(count)
        columns, facts = load_columns(folder / _FOLDER, "labels")
        return cls(count, columns["document"], facts["meta"])
