"""How a corpus lies on disk."""

from __future__ import annotations

import json
from pathlib import Path

from ragscout.model.evalset import Document
from ragscout.model.values import Corpus
from ragscout.steps.arrow import load_columns, save_columns


class CorpusCodec:
    """One Arrow row per document."""

    def save(self, value: Corpus, folder: Path) -> None:
        """Write the documents in order."""
        documents = value.documents
        save_columns(
            folder,
            {
                "id": [document.id for document in documents],
                "title": [document.title for document in documents],
                "text": [document.text for document in documents],
                "meta": [json.dumps(dict(document.meta), ensure_ascii=False) for document in documents],
            },
            {"documents": len(documents)},
        )

    def load(self, folder: Path) -> Corpus:
        """Read them back.

        Raises:
            StoreError: when the folder holds no corpus.
        """
        columns, _ = load_columns(folder, "corpus")
        rows = zip(columns["id"], columns["text"], columns["title"], columns["meta"], strict=True)
        return Corpus(tuple(Document(name, text, title, json.loads(meta)) for name, text, title, meta in rows))
