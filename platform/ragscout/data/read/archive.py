"""Archives, unpacked in memory member by member: nothing is written, nothing leaves its folder, bombs are stopped."""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import IO

from ragscout.data.options import MIB, Limits
from ragscout.data.read.names import korean_name, readable_name, shown_name
from ragscout.model.errors import EvalSetError

_STEP = MIB
_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, OSError, ValueError, LookupError, OverflowError, MemoryError),
)
_UTF8_NAME = 0x800  # general purpose bit 11: the member's name is UTF-8
_LINK_MODE = 0o120000
_DRIVE = re.compile(r"^[A-Za-z]:")
SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")


def is_archive(name: str) -> bool:
    """Whether a file's name is that of an archive we unpack."""
    return name.lower().endswith(SUFFIXES)


def unpack(name: str, data: bytes, limits: Limits) -> Iterator[tuple[str, bytes]]:
    """Members as (path, bytes), after the whole list was found safe.

    Raises:
        EvalSetError: a path that leaves the folder, a link, a device, an encrypted member, a member inside an archive
            beyond the depth, too many members, too large or too strongly packed ones, a damaged archive.
    """
    try:
        if data.startswith(b"PK"):
            yield from _zip(name, data, limits)
        else:
            yield from _tar(name, data, limits)
    except _DAMAGE as error:
        raise EvalSetError(f"{name}: the archive is damaged; got {error}. Pack it again.") from None
    except (NotImplementedError, RuntimeError) as error:
        raise EvalSetError(
            f"{name}: the archive cannot be read; got {error}. Pack it as a plain zip, without a password."
        ) from None


def check_members(name: str, members: Sequence[zipfile.ZipInfo], packed: int, limits: Limits) -> None:
    """Refuse by what a zip declares, before anything is unpacked.

    Raises:
        EvalSetError: too many members, too large, or too strongly packed.
    """
    if len(members) > limits.files:
        raise EvalSetError(
            f"{name}: too many files in the archive; got {len(members):,}. At most {limits.files:,} are allowed "
            "(setting 'files')."
        )
    total = sum(member.file_size for member in members)
    if total > limits.total_bytes or any(member.file_size > limits.file_bytes for member in members):
        raise EvalSetError(
            f"{name}: too large when unpacked; got {total:,} bytes. At most {limits.file_bytes:,} bytes a file and "
            f"{limits.total_bytes:,} in all are allowed (settings 'file_bytes', 'total_bytes')."
        )
    if total > limits.ratio_from and total > limits.ratio * max(packed, 1):
        raise _bomb(name, total / max(packed, 1), limits)


def safe_path(archive: str, path: str) -> str:
    """Return a member's path in POSIX form.

    Raises:
        EvalSetError: absolute, with a drive, or with a part that climbs out of the folder.
    """
    plain = path.replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in ("", ".")]
    if plain.startswith("/") or _DRIVE.match(plain) or ".." in parts or "\x00" in plain or not parts:
        raise EvalSetError(
            f"{archive}: a path in the archive leaves its folder; got {path!r}. The whole archive was refused and "
            "nothing was written. Pack it again with relative paths."
        )
    return "/".join(parts)


def _zip(name: str, data: bytes, limits: Limits) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [member for member in archive.infolist() if not member.is_dir()]
        check_members(name, members, len(data), limits)
        paths = [safe_path(name, _zip_name(member)) for member in members]
        _refuse_overlaps(name, members)
        for member in members:
            if (member.external_attr >> 16) & 0o170000 == _LINK_MODE:
                raise _link(name, member.filename)
        total = 0
        for member, path in zip(members, paths, strict=True):
            with archive.open(member) as stream:
                content = _bounded(name, path, stream, limits, limits.total_bytes - total, member.compress_size)
            total += len(content)
            yield path, content


def _zip_name(member: zipfile.ZipInfo) -> str:
    """Return a name as its maker meant it: Windows zips of Korean files carry CP949 bytes, which zipfile reads as
    CP437."""
    if member.flag_bits & _UTF8_NAME:
        return member.orig_filename
    try:
        raw = member.orig_filename.encode("cp437")
    except UnicodeEncodeError:
        return member.orig_filename
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return korean_name(raw) or member.orig_filename


def _refuse_overlaps(name: str, members: Sequence[zipfile.ZipInfo]) -> None:
    """Members that share packed bytes multiply themselves without looking large one by one."""
    spans = sorted((member.header_offset, member.header_offset + member.compress_size) for member in members)
    for (_, end), (start, _) in itertools.pairwise(spans):
        if start < end:
            raise EvalSetError(f"{name}: members of the archive overlap; got a zip bomb. Pack it again.")


def _tar(name: str, data: bytes, limits: Limits) -> Iterator[tuple[str, bytes]]:
    """Two passes over the stream: first the list is checked, then members are read."""
    for reading in (False, True):
        count = total = 0
        stream = _Metered(_unpacked(data), name, len(data), limits)
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                if member.isdir():
                    continue
                if not member.isreg():
                    raise _link(name, member.name)
                path = safe_path(name, _tar_name(name, member.name))
                count, total = count + 1, total + member.size
                if count > limits.files or total > limits.total_bytes or member.size > limits.file_bytes:
                    raise EvalSetError(
                        f"{name}: the archive holds too much; got {count:,} files and {total:,} bytes so far. "
                        f"At most {limits.files:,} files, {limits.file_bytes:,} bytes a file and "
                        f"{limits.total_bytes:,} bytes in all are allowed."
                    )
                content = archive.extractfile(member)
                if reading and content is not None:
                    yield path, content.read()


def _tar_name(archive: str, path: str) -> str:
    readable = readable_name(path)
    if path and not readable:
        raise EvalSetError(
            f"{archive}: the bytes of a name in the archive are neither UTF-8 nor Korean (CP949); got "
            f"{shown_name(path)}. Rename the file and pack it again."
        )
    return readable


def _unpacked(data: bytes) -> io.BufferedIOBase:
    raw = io.BytesIO(data)
    if data.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=raw)
    if data.startswith(b"BZh"):
        return bz2.BZ2File(raw)
    if data.startswith(b"\xfd7zXZ"):
        return lzma.LZMAFile(raw)
    return raw


class _Metered(io.RawIOBase):
    """A stream that stops when more comes out than the packed size allows."""

    def __init__(self, source: io.BufferedIOBase, name: str, packed: int, limits: Limits) -> None:
        self._source, self._name, self._packed, self._limits, self._read = source, name, packed, limits, 0

    def readable(self) -> bool:
        """Return True: whatever is asked."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Bytes of the source, counted."""
        data = self._source.read(size)
        self._read += len(data)
        limits = self._limits
        if self._read > limits.ratio_from and self._read > limits.ratio * self._packed:
            raise _bomb(self._name, self._read / self._packed, limits)
        return data


def _bounded(name: str, path: str, stream: IO[bytes], limits: Limits, left: int, packed: int) -> bytes:
    """Read a member, whatever size it claims, and stop at the limits."""
    parts: list[bytes] = []
    size = 0
    while part := stream.read(_STEP):
        size += len(part)
        if size > min(limits.file_bytes, left):
            raise EvalSetError(f"{name}: {path} is larger than it says; got more than {size:,} bytes. Pack it again.")
        if size > limits.ratio_from and size > limits.ratio * max(packed, 1):
            raise _bomb(name, size / max(packed, 1), limits)
        parts.append(part)
    return b"".join(parts)


def _bomb(name: str, ratio: float, limits: Limits) -> EvalSetError:
    return EvalSetError(
        f"{name}: unpacks to far more than its own size; got a ratio of {ratio:,.0f}. At most {limits.ratio:,.0f} is "
        "allowed (setting 'ratio'). Upload the files without packing them."
    )


def _link(name: str, member: str) -> EvalSetError:
    return EvalSetError(
        f"{name}: the archive holds a link or a special file; got {member!r}. The whole archive was refused. Pack the "
        "files themselves."
    )
