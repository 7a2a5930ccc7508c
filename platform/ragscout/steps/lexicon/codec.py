"""How lexicons lie in a folder: bm25s's files, shards, or a LanceDB dataset, with the tokenizer beside them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from ragscout.model.errors import StoreError
from ragscout.steps.labels import MetricLabels
from ragscout.steps.lexicon.bm25 import BM25Lexicon, bm25s_library
from ragscout.steps.lexicon.lancedb_fts import FtsLexicon
from ragscout.steps.lexicon.shards import Shards

_FACTS, _SHARDS, _FTS = "lexicon.json", "shards", "fts"


class LexiconCodec:
    """A folder as bm25s writes it (numpy arrays and JSON, no pickle), or another kind in a folder of its own."""

    def save(self, value: BM25Lexicon | FtsLexicon, folder: Path) -> None:
        """Write the index and the tokenizer's settings."""
        empty = (value.folder if isinstance(value, FtsLexicon) else value.index) is None
        facts: dict[str, object] = {"tokenizer": value.tokenizer, "stem": value.stem, "empty": empty}
        facts |= {"kind": "lancedb-fts"} if isinstance(value, FtsLexicon) else {}
        facts["count"] = value.labels.count
        value.labels.save(folder)
        (folder / _FACTS).write_text(json.dumps(facts, sort_keys=True), encoding="utf-8")
        if isinstance(value, FtsLexicon):
            if value.folder is not None:
                shutil.copytree(value.folder, folder / _FTS)
        elif isinstance(value.index, Shards):
            shutil.copytree(value.index.folder, folder / _SHARDS)
        elif value.index is not None:
            value.index.save(str(folder), show_progress=False, allow_pickle=False)

    def load(self, folder: Path) -> BM25Lexicon | FtsLexicon:
        """Open it; the arrays stay on disk and are mapped.

        Raises:
            StoreError: when the folder holds no lexicon.
        """
        try:
            facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
            labels = MetricLabels.load(folder, facts.get("count", 0))
            if facts.get("kind") == "lancedb-fts":
                held = None if facts["empty"] else folder / _FTS
                if held is not None and not held.is_dir():
                    raise FileNotFoundError(held.name)
                return FtsLexicon(held, facts["tokenizer"], facts["stem"], labels)
            if (folder / _SHARDS).is_dir():
                return BM25Lexicon(Shards(folder / _SHARDS), facts["tokenizer"], facts["stem"], labels)
            index = None if facts["empty"] else bm25s_library().BM25.load(str(folder), mmap=True, allow_pickle=False)
            return BM25Lexicon(index, facts["tokenizer"], facts["stem"], labels)
        except (OSError, ValueError, KeyError) as error:
            raise StoreError(
                f"lexicon: the stored index cannot be read; got {type(error).__name__} in {folder.name}. "
                "Delete it with `ragscout store check` and run again."
            ) from error
