"""How a corpus lies on disk."""

from __future__ import annotations

from pathlib import Path

from ragscout.model.values import Corpus
from ragscout.steps.batches import HELD, BatchFile, Documents, write_documents


class CorpusCodec:
    """One Arrow row per document, in batches; a corpus that is too large for memory stays on disk."""

    def save(self, value: Corpus, folder: Path) -> None:
        """Write the documents in order."""
        write_documents(folder, value.documents, {"aliases": dict(value.aliases)})

    def load(self, folder: Path) -> Corpus:
        """Open it.

        Raises:
            StoreError: when the folder holds no corpus.
        """
        file = BatchFile(folder, "corpus")
        large = (folder / "value.arrow").stat().st_size > HELD
        documents = Documents(file)
        return Corpus(documents if large else tuple(documents), file.facts["aliases"])
