"""Blobs on an object store or any other file system that fsspec knows."""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from ragscout.model.errors import StoreError
from ragscout.store.blobs import PIECE, DamagedBlobError, disk_errors, is_digest


class FsspecBlobs:
    """Blobs under a URL that fsspec knows (``s3://bucket/prefix``, ``memory://name``).

    Object stores make an object visible when it is complete; credentials come from the usual environment variables.
    """

    def __init__(self, url: str) -> None:
        """Open the URL.

        Raises:
            StoreError: when the URL's file system cannot be opened.
        """
        import fsspec

        self.location = url
        try:
            self._fs, root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise StoreError(
                f"{url}: the blob store cannot be opened; got {error}. Use a URL such as s3://bucket/prefix and "
                "install the fsspec driver for it."
            ) from error
        self._root = str(root).rstrip("/")

    def put(self, data: bytes) -> str:
        """See ``Blobs.put``."""
        digest = hashlib.sha256(data).hexdigest()
        if self.size(digest) != len(data) or not self.exists(digest):
            with disk_errors(self.location):
                self._fs.makedirs(self._parent(digest), exist_ok=True)
                self._fs.pipe_file(self._place(digest), data)
        return digest

    def put_file(self, path: Path) -> str:
        """See ``Blobs.put_file``."""
        hashed = hashlib.sha256()
        with path.open("rb") as source:
            while piece := source.read(PIECE):
                hashed.update(piece)
        digest = hashed.hexdigest()
        if self.size(digest) != path.stat().st_size or not self.exists(digest):
            with disk_errors(self.location):
                self._fs.makedirs(self._parent(digest), exist_ok=True)
                self._fs.put_file(str(path), self._place(digest))
        return digest

    def open(self, digest: str) -> BinaryIO:
        """See ``Blobs.open``."""
        try:
            return cast(BinaryIO, self._fs.open(self._place(digest), "rb"))
        except FileNotFoundError:
            raise DamagedBlobError(self.location, digest, "is missing") from None

    def read(self, digest: str) -> bytes:
        """See ``Blobs.read``."""
        with self.open(digest) as stream:
            data = stream.read()
        if hashlib.sha256(data).hexdigest() != digest:
            raise DamagedBlobError(self.location, digest, "is damaged: its bytes do not match its name")
        return data

    def exists(self, digest: str) -> bool:
        """See ``Blobs.exists``."""
        return bool(self._fs.isfile(self._place(digest)))

    def size(self, digest: str) -> int:
        """See ``Blobs.size``."""
        try:
            return int(self._fs.info(self._place(digest))["size"])
        except FileNotFoundError:
            return 0

    def list(self) -> Iterator[str]:
        """See ``Blobs.list``."""
        found: Any = self._fs.find(self._root)
        for place in found:
            folder, name = str(place).rsplit("/", 2)[-2:]
            if is_digest(name) and folder == name[:2]:
                yield name

    def set_aside(self, digest: str) -> None:
        """See ``Blobs.set_aside``: the object moves below ``damaged/``."""
        if self.exists(digest):
            self._fs.makedirs(f"{self._root}/damaged", exist_ok=True)
            self._fs.mv(self._place(digest), f"{self._root}/damaged/{digest}.{uuid.uuid4().hex[:8]}")

    def remove(self, digest: str) -> None:
        """See ``Blobs.remove``."""
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm_file(self._place(digest))

    def local_path(self, digest: str) -> Path | None:
        """See ``Blobs.local_path``: never on this machine."""
        return None

    def _parent(self, digest: str) -> str:
        return f"{self._root}/{digest[:2]}"

    def _place(self, digest: str) -> str:
        return f"{self._root}/{digest[:2]}/{digest}"
