"""Chunks whose texts stay on disk."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

from ragscout.model.values import Chunks
from ragscout.steps.batches import BatchFile, Coded, Texts

COLUMNS = ("document", "text", "start", "end")
INDEXED = "index_text"
"""A further column of text, where what is indexed is not the text."""
PARENT = "parent"
"""A further column of rows, where the chunks have parents."""


def on_disk(
    file: BatchFile,
    titles: Mapping[str, str],
    meta: Mapping[str, Mapping[str, str]],
    sources: Mapping[str, str],
    folder: object = None,
) -> Chunks:
    """Chunks over a file; places are held in memory, texts are read when asked for. ``folder`` is kept alive."""
    names, starts, ends, parent = Coded(), array("q"), array("q"), array("q")
    places = ("document", "start", "end", *([PARENT] if PARENT in file.names else []))
    for part in file.columns(places):
        for name in part[0]:
            names.append(name)
        starts.extend(part[1])
        ends.extend(part[2])
        parent.extend(part[3] if len(part) > 3 else ())
    indexed = Texts(file, INDEXED, folder) if INDEXED in file.names else None
    texts = Texts(file, "text", folder)
    return Chunks(names, starts, ends, texts, titles, meta, sources, indexed, parent=parent)
