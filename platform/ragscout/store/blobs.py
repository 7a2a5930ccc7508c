"""Blobs: immutable bytes under the SHA-256 of their content.

A blob means nothing until a ledger row names it, so no code relies on renames, listing order or locks. A blob is never
half-written: it appears whole or not at all, and whoever reads it checks its digest.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from ragscout.model.errors import StoreError

PIECE = 1 << 20
"""Bytes read at once."""
_HEX = frozenset("0123456789abcdef")


class DamagedBlobError(StoreError):
    """A blob is gone or its bytes are not those its name promises. ``digest`` says which."""

    def __init__(self, where: str, digest: str, what: str) -> None:
        """Args: where = the blob store's location; what = what is wrong with the blob."""
        super().__init__(
            f"{where}: blob {digest[:12]} {what}. Run `ragscout store check`: it sets damage aside, and the next run "
            "computes it again."
        )
        self.digest = digest


class Blobs(Protocol):
    """Immutable bytes by digest (64 lower-case hexadecimal digits)."""

    location: str
    """Path or URL from which the same blobs can be opened in another process."""

    def put(self, data: bytes) -> str:
        """Store bytes unless they are there already; returns their digest."""
        ...

    def put_file(self, path: Path) -> str:
        """Store a file's bytes; returns their digest. The file itself is left alone."""
        ...

    def open(self, digest: str) -> BinaryIO:
        """Stream of the bytes, not verified.

        Raises:
            DamagedBlobError: when there is no such blob.
        """
        ...

    def read(self, digest: str) -> bytes:
        """Return the verified bytes.

        Raises:
            DamagedBlobError: when the blob is absent or damaged.
        """
        ...

    def exists(self, digest: str) -> bool:
        """Whether a blob of this name is there (its bytes are not looked at)."""
        ...

    def size(self, digest: str) -> int:
        """Bytes of a blob; 0 when it is absent."""
        ...

    def list(self) -> Iterator[str]:
        """Digests of all blobs, in no particular order."""
        ...

    def set_aside(self, digest: str) -> None:
        """Move a damaged blob out of the way, keeping its bytes for inspection. Absent blobs are ignored."""
        ...

    def remove(self, digest: str) -> None:
        """Delete a blob that no ledger row names any more. Absent blobs are ignored."""
        ...

    def local_path(self, digest: str) -> Path | None:
        """Return the blob as a local read-only file, ``None`` when it is absent or not on this machine."""
        ...


def is_digest(text: str) -> bool:
    """Whether a text has the form of a blob's name."""
    return len(text) == 64 and _HEX.issuperset(text)


def verify(blobs: Blobs, digest: str) -> None:
    """Read a blob piece by piece and compare its digest.

    Raises:
        DamagedBlobError: when the blob is absent or damaged.
    """
    with blobs.open(digest) as stream:
        found = _digest_of(stream)
    if found != digest:
        raise DamagedBlobError(blobs.location, digest, "is damaged: its bytes do not match its name")


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, read piece by piece."""
    with path.open("rb") as stream:
        return _digest_of(stream)


def _digest_of(stream: BinaryIO) -> str:
    hashed = hashlib.sha256()
    while piece := stream.read(PIECE):
        hashed.update(piece)
    return hashed.hexdigest()


@contextlib.contextmanager
def disk_errors(where: str | Path) -> Iterator[None]:
    """Turn what a disk can refuse into a ``StoreError`` with its remedy."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(
                f"{where}: disk full; nothing was lost. Free space there and run again: the work goes on where it "
                "stopped."
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise StoreError(
                f"{where}: the store cannot be written; got {error.strerror!r}. Give this user write access, or name "
                "another folder for the store."
            ) from error
        raise


class FolderBlobs:
    """Blobs as files of a local folder: ``ab/abcdef...``, read-only."""

    def __init__(self, path: Path) -> None:
        """Make the folder when it is absent.

        Raises:
            StoreError: when the folder cannot be written.
        """
        self.path = Path(path).absolute()
        self.location = str(self.path)
        self._temporary = self.path / "tmp"
        with disk_errors(self.path):
            self._temporary.mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes) -> str:
        """See ``Blobs.put``."""
        digest = hashlib.sha256(data).hexdigest()
        if not self._present(digest, len(data)):
            with self._new_file() as (temporary, stream):
                stream.write(data)
                self._finish(temporary, stream, digest)
        return digest

    def put_file(self, path: Path) -> str:
        """See ``Blobs.put_file``. The digest is of the bytes that were copied, whatever happens to the file."""
        hashed = hashlib.sha256()
        with path.open("rb") as source, self._new_file() as (temporary, stream):
            length = 0
            while piece := source.read(PIECE):
                hashed.update(piece)
                stream.write(piece)
                length += len(piece)
            digest = hashed.hexdigest()
            if not self._present(digest, length):
                self._finish(temporary, stream, digest)
        return digest

    def open(self, digest: str) -> BinaryIO:
        """See ``Blobs.open``."""
        try:
            return self._place(digest).open("rb")
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
        return self._place(digest).is_file()

    def size(self, digest: str) -> int:
        """See ``Blobs.size``."""
        try:
            return self._place(digest).stat().st_size
        except FileNotFoundError:
            return 0

    def list(self) -> Iterator[str]:
        """See ``Blobs.list``."""
        for folder in self.path.iterdir():
            if len(folder.name) == 2 and folder.is_dir():
                yield from (item.name for item in folder.iterdir() if is_digest(item.name))

    def set_aside(self, digest: str) -> None:
        """See ``Blobs.set_aside``: the file moves to ``damaged/``."""
        with disk_errors(self.path):
            (self.path / "damaged").mkdir(exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                self._place(digest).rename(self.path / "damaged" / f"{digest}.{uuid.uuid4().hex[:8]}")

    def remove(self, digest: str) -> None:
        """See ``Blobs.remove``."""
        self._place(digest).unlink(missing_ok=True)

    def local_path(self, digest: str) -> Path | None:
        """See ``Blobs.local_path``."""
        place = self._place(digest)
        return place if place.is_file() else None

    def _place(self, digest: str) -> Path:
        return self.path / digest[:2] / digest

    def _present(self, digest: str, length: int) -> bool:
        """Whether the blob is there with this length; one cut short by a power failure makes room for its repair."""
        try:
            if self._place(digest).stat().st_size == length:
                return True
        except FileNotFoundError:
            return False
        self.set_aside(digest)
        return False

    @contextlib.contextmanager
    def _new_file(self) -> Iterator[tuple[Path, BinaryIO]]:
        temporary = self._temporary / uuid.uuid4().hex
        with disk_errors(self.path):
            try:
                with temporary.open("xb") as stream:
                    yield temporary, stream
            finally:
                temporary.unlink(missing_ok=True)

    def _finish(self, temporary: Path, stream: BinaryIO, digest: str) -> None:
        """Make the bytes durable, then visible under their name; a ledger row names what is complete.

        The folder's entry is not synced as well: a blob lost to a power failure is found missing and computed again.
        """
        stream.flush()
        os.fsync(stream.fileno())
        temporary.chmod(0o444)
        place = self._place(digest)
        place.parent.mkdir(exist_ok=True)
        try:
            os.link(temporary, place)
        except FileExistsError:
            return
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EXDEV):
                raise
            temporary.replace(place)


def copy_out(blobs: Blobs, digest: str, target: Path) -> None:
    """Put a verified blob at a local path, as a hard link where that works.

    Raises:
        DamagedBlobError: when the blob is absent or damaged.
        StoreError: when the disk is full.
    """
    verify(blobs, digest)
    with disk_errors(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        local = blobs.local_path(digest)
        if local is not None:
            with contextlib.suppress(OSError):
                os.link(local, target)
                return
        with blobs.open(digest) as source, target.open("xb") as stream:
            shutil.copyfileobj(source, stream, PIECE)
        target.chmod(0o444)
