"""Chunks whose texts stay on disk."""

from __future__ import annotations

from array import array
from collections.abc import Mapping

from ragscout.model.values import Chunks
from ragscout.steps.batches import BatchFile, Coded, Texts

COLUMNS = ("document", "text", "start", "end")


def on_disk(
    file: BatchFile,
    titles: Mapping[str, str],
    meta: Mapping[str, Mapping[str, str]],
    sources: Mapping[str, str],
    folder: object = None,
) -> Chunks:
    """Chunks over a file; places are held in memory, texts are read when asked for. ``folder`` is kept alive."""
    names, starts, ends = Coded(), array("q"), array("q")
    for part in file.columns(("document", "start", "end")):
        for name in part[0]:
            names.append(name)
        starts.extend(part[1])
        ends.extend(part[2])
    return Chunks(names, starts, ends, Texts(file, "text", folder), titles, meta, sources)
