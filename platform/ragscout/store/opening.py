"""Which kind of blob store a location means."""

from __future__ import annotations

from pathlib import Path

from ragscout.store.blobs import Blobs, FolderBlobs
from ragscout.store.remote_blobs import FsspecBlobs


def open_blobs(location: str) -> Blobs:
    """Blobs at a path, a ``file://`` URL or any other fsspec URL."""
    if location.startswith("file://"):
        location = location.removeprefix("file://")
    return FsspecBlobs(location) if "://" in location else FolderBlobs(Path(location))
