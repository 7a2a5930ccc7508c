"""Bundles as folders and as single files: written whole or not at all, read with suspicion.

``CHECKSUMS.json`` names every other file with its size and SHA-256. A bundle comes from somewhere else, so nothing in
it is trusted before it agrees with that list: paths stay inside, links and special files are refused, sizes are known
before anything is unpacked, and no file is there that the list does not name.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
import uuid
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ragscout.model.errors import BundleError
from ragscout.store.blobs import disk_errors

CHECKSUMS = "CHECKSUMS.json"
MANIFEST = "bundle.json"

MAX_FILES = 100_000
MAX_LIST = 32 << 20
"""Bytes of the list of files at most."""
FREE_BYTES = 1 << 30
"""An archive may always unpack to this many bytes, and beyond them to ``MAX_RATIO`` times its own size."""
MAX_RATIO = 100

_PIECE = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest moment a zip archive can name


@dataclass(frozen=True)
class Listed:
    """One line of the list: bytes and SHA-256 of a file."""

    size: int
    sha256: str


def safe_name(name: str) -> bool:
    """Whether a name is a plain relative POSIX path that stays inside its folder on every system."""
    if (
        not name
        or len(name.encode(errors="replace")) > 1024
        or any(ord(char) < 32 or char in '\\:*?"<>|' for char in name)
    ):
        return False
    parts = name.split("/")
    return all(part not in ("", ".", "..") and not part.endswith((" ", ".")) for part in parts)


def seal(folder: Path) -> str:
    """Write the list of a folder's files; returns the bundle's digest, the SHA-256 of the list."""
    listed = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": _sha256(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    data = (json.dumps(listed, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
    (folder / CHECKSUMS).write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def pack(folder: Path, target: Path) -> None:
    """One zip file of a sealed folder. Equal contents give equal bytes: names are sorted, times and rights fixed."""
    with zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in sorted((item for item in folder.rglob("*") if item.is_file()), key=lambda item: item.as_posix()):
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
            info.create_system = 3
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            info.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(info, "w") as sink:
                shutil.copyfileobj(source, sink, _PIECE)


@contextlib.contextmanager
def atomic(target: Path) -> Iterator[Path]:
    """Yield a fresh path beside ``target`` that takes its place at the end; after an error nothing has changed.

    Raises:
        BundleError: something that is not a bundle is in the way.
        StoreError: the disk is full or may not be written.
    """
    target = target.absolute()
    if not replaceable(target):
        raise BundleError(
            f"{target}: there is something here that is not a bundle; got a {'folder' if target.is_dir() else 'file'}. "
            "Name another place, or remove it first."
        )
    temporary = target.parent / f".{target.name}.{uuid.uuid4().hex[:8]}"
    old = target.parent / f".{target.name}.{uuid.uuid4().hex[:8]}.old"
    with disk_errors(target.parent):
        _make_folder(target.parent)
        try:
            yield temporary
            if target.exists():
                target.rename(old)
            try:
                temporary.rename(target)
            except OSError:
                if old.exists():
                    old.rename(target)
                raise
        finally:
            for path in (temporary, old):
                _remove(path)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise BundleError(f"{folder}: no folder can be made here; got {error.strerror}. Name another place.") from None
    if not os.access(folder, os.W_OK):
        raise BundleError(f"{folder}: nothing can be written here; got no permission. Name another place.")


def replaceable(target: Path) -> bool:
    """Whether nothing, an empty folder or a bundle lies at a path."""
    if target.is_symlink():
        return False
    if target.is_dir():
        return not any(target.iterdir()) or ((target / MANIFEST).is_file() and (target / CHECKSUMS).is_file())
    if not target.exists():
        return True
    try:
        with zipfile.ZipFile(target) as archive:
            return {MANIFEST, CHECKSUMS} <= set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def check_folder(folder: Path) -> str:
    """Compare a folder with its list; returns the bundle's digest.

    Raises:
        BundleError: naming the first file that is missing, damaged, linked or not listed.
    """
    place = folder / CHECKSUMS
    if place.is_symlink() or not place.is_file():
        raise BundleError(f"{folder}: this is not a bundle; got a folder without {CHECKSUMS}. Export it again.")
    data = place.read_bytes()[: MAX_LIST + 1]
    listed = _list(folder, data)
    present: set[str] = set()
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(root, name)
            inner = path.relative_to(folder).as_posix()
            mode = path.lstat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise _wrong(folder, inner, "is a link or a special file")
            if stat.S_ISREG(mode) and inner != CHECKSUMS:
                present.add(inner)
    if unlisted := sorted(present - listed.keys()):
        raise _wrong(folder, unlisted[0], "does not belong to it", "Remove the file, or export the bundle again.")
    for name, line in sorted(listed.items()):
        path = folder / name
        if name not in present:
            raise _wrong(folder, name, "is missing")
        if path.stat().st_size != line.size or _sha256(path) != line.sha256:
            raise _wrong(folder, name, "is damaged: its bytes are not those that were exported")
    return hashlib.sha256(data).hexdigest()


def unpack(path: Path, folder: Path) -> str:
    """Unpack an archive into a fresh folder, checking every byte; returns the bundle's digest.

    Raises:
        BundleError: not an archive, damaged, or made to do harm; the message names the file in it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _entries(path, archive)
            if CHECKSUMS not in entries:
                raise BundleError(f"{path}: this is not a bundle; got an archive without {CHECKSUMS}. Export it again.")
            if entries[CHECKSUMS].file_size > MAX_LIST:
                raise _wrong(path, CHECKSUMS, "is larger than any list of files")
            data = archive.read(CHECKSUMS)
            listed = _list(path, data)
            if unlisted := sorted(entries.keys() - listed.keys() - {CHECKSUMS}):
                raise _wrong(path, unlisted[0], "does not belong to it")
            if missing := sorted(listed.keys() - entries.keys()):
                raise _wrong(path, missing[0], "is missing")
            total = sum(line.size for line in listed.values())
            if total > max(FREE_BYTES, MAX_RATIO * path.stat().st_size):
                raise BundleError(
                    f"{path}: the archive unpacks to far more than it should; got {total:,} bytes from "
                    f"{path.stat().st_size:,}. Export the bundle as a folder instead."
                )
            for name, line in sorted(listed.items()):
                _extract(path, archive, entries[name], folder / name, line)
            (folder / CHECKSUMS).write_bytes(data)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise BundleError(f"{path}: the archive is damaged; got {error}. Export the bundle again.") from error
    return hashlib.sha256(data).hexdigest()


def _entries(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    found: dict[str, zipfile.ZipInfo] = {}
    folded: set[str] = set()
    for info in archive.infolist():
        # orig_filename: the name as it was written, before zipfile cuts it at a NUL or turns separators round
        if info.orig_filename != info.filename or not safe_name(info.filename):
            raise _wrong(path, ascii(info.orig_filename), "has a name that leads out of it")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise _wrong(path, info.filename, "is a link or a special file")
        if info.flag_bits & 0x1:
            raise _wrong(path, info.filename, "is encrypted")
        if info.filename.casefold() in folded:
            raise _wrong(path, info.filename, "is there twice")
        folded.add(info.filename.casefold())
        found[info.filename] = info
        if len(found) > MAX_FILES:
            raise BundleError(
                f"{path}: the archive holds too many files; got more than {MAX_FILES:,}. Export it again."
            )
    return found


def _extract(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, line: Listed) -> None:
    if info.file_size != line.size:
        raise _wrong(path, info.filename, "is damaged: its size is not the one that was exported")
    target.parent.mkdir(parents=True, exist_ok=True)
    hashed, length = hashlib.sha256(), 0
    with disk_errors(target.parent), archive.open(info) as source, target.open("xb") as sink:
        while piece := source.read(_PIECE):
            length += len(piece)
            if length > line.size:
                raise _wrong(path, info.filename, "unpacks to more than it says")
            hashed.update(piece)
            sink.write(piece)
    if hashed.hexdigest() != line.sha256:
        raise _wrong(path, info.filename, "is damaged: its bytes are not those that were exported")


def _list(where: Path, data: bytes) -> dict[str, Listed]:
    try:
        raw = json.loads(data)
        listed = {name: Listed(int(line["bytes"]), str(line["sha256"])) for name, line in raw.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _wrong(where, CHECKSUMS, "cannot be read") from error
    if len(listed) > MAX_FILES or len(data) > MAX_LIST:
        raise _wrong(where, CHECKSUMS, "names too many files")
    for name, line in listed.items():
        if not safe_name(name) or line.size < 0:
            raise _wrong(where, ascii(name), "has a name that leads out of it")
    if MANIFEST not in listed:
        raise _wrong(where, MANIFEST, "is missing")
    return listed


def _wrong(
    where: Path, name: str, what: str, remedy: str = "Export the bundle again, or copy it again."
) -> BundleError:
    return BundleError(f"{where}: a file of the bundle {what}; got {name}. {remedy}")


def _sha256(path: Path) -> str:
    hashed = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            hashed.update(piece)
    return hashed.hexdigest()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
