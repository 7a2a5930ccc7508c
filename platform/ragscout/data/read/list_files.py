"""Files of an upload: walked, unpacked, bounded. Links are not followed, special files are not opened."""

from __future__ import annotations

import mimetypes
import stat
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ragscout.data.findings import Finding
from ragscout.data.options import Limits
from ragscout.data.read.archive import is_archive, unpack
from ragscout.data.read.loaded import STRUCTURED
from ragscout.data.read.names import readable_name, shown_name
from ragscout.model.errors import EvalSetError

DOCUMENT_FOLDERS = ("documents", "docs", "문서")
_IGNORED = frozenset(("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini", "__pycache__"))
_HIDDEN = (".", "~$", "cache-")  # hidden files, lock files of Office, caches of the datasets library
_ABOUT = frozenset(("readme", "license", "licence", "notice", "card", "source", "changelog", "copying"))
_SIDE_FILES = frozenset(
    (
        "checksums.json",
        "dataset_info.json",
        "dataset_dict.json",
        "state.json",
        "metadata.json",
        "manifest.json",
        "cases.json",
        "package.json",
    )
)
_MEDIA = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".jsonl": "application/jsonl",
    ".ndjson": "application/jsonl",
    ".csv": "text/csv",
    ".tsv": "text/csv",
    ".parquet": "application/vnd.apache.parquet",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True)
class RawFile:
    """A file of an upload. ``path``: POSIX and NFC, relative to what was given; ``alone``: it was named itself."""

    path: str
    size: int
    read: Callable[[], bytes]
    alone: bool = False
    root: str = ""

    @property
    def suffix(self) -> str:
        """Suffix in lower case, with its dot."""
        return PurePosixPath(self.path).suffix.lower()

    @property
    def structured(self) -> bool:
        """Whether the name is that of a table or of JSON."""
        return self.suffix in STRUCTURED

    @property
    def media_type(self) -> str:
        """Media type by the name."""
        return _MEDIA.get(self.suffix) or mimetypes.guess_type(self.path)[0] or "application/octet-stream"


def collect(paths: Sequence[Path], limits: Limits) -> tuple[list[RawFile], list[Finding]]:
    """All files under the paths, in a stable order, and what was left out.

    Raises:
        EvalSetError: a path that does not exist, an unsafe archive, too many or too large files.
    """
    files: list[RawFile] = []
    findings: list[Finding] = []
    total = 0
    for path in paths:
        try:
            for file in _from(path, limits, findings):
                files.append(file)
                total += file.size
                _bound(files, total, limits, path)
        except OSError as error:
            raise _unreadable(error.filename or path, error) from None
    return _apart(files), findings


def _bound(files: list[RawFile], total: int, limits: Limits, path: Path) -> None:
    if len(files) > limits.files:
        raise EvalSetError(
            f"{path}: too many files; got more than {limits.files:,}. Upload fewer, put the documents into one jsonl "
            "file, or raise the limit 'files'."
        )
    if total > limits.total_bytes:
        raise EvalSetError(
            f"{path}: the files are too large together; got more than {limits.total_bytes:,} bytes. Upload fewer, or "
            "raise the limit 'total_bytes'."
        )
    if files[-1].size > limits.file_bytes:
        raise EvalSetError(
            f"{files[-1].path}: the file is too large; got {files[-1].size:,} bytes. At most {limits.file_bytes:,} are "
            "allowed (setting 'file_bytes')."
        )


def _unreadable(path: object, error: OSError) -> EvalSetError:
    return EvalSetError(
        f"{shown_name(str(path))}: it cannot be read; got {error.strerror or error}. Check its permissions, or take it "
        "out of what is uploaded."
    )


def _from(path: Path, limits: Limits, findings: list[Finding]) -> Iterator[RawFile]:
    if path.is_dir():
        yield from _walk(path, path, findings)
    elif not path.exists():
        raise EvalSetError(f"{shown_name(str(path))}: there is no such file or folder. Check the spelling.")
    elif not stat.S_ISREG(path.stat().st_mode):
        raise EvalSetError(f"{shown_name(str(path))}: not a regular file. Give a file, a folder or an archive.")
    elif is_archive(path.name):
        if path.stat().st_size > limits.file_bytes:
            raise EvalSetError(
                f"{path}: the archive is larger than {limits.file_bytes:,} bytes (setting 'file_bytes')."
            )
        yield from _archive(shown_name(path.name), path.read_bytes(), limits, findings)
    else:
        yield _file(path, _named(path, "", findings), alone=True)


def _named(entry: Path, folder: str, findings: list[Finding]) -> str:
    """Return the path of an entry of a folder, in NFC; a name that cannot be read is an error of that file."""
    name = readable_name(entry.name)
    shown = f"{folder}{name or shown_name(entry.name)}"
    if not name:
        text, remedy = "the bytes of the name are neither UTF-8 nor Korean (CP949)", "Rename the file or folder."
        findings.append(Finding("file_name", "error", text, shown, remedy=remedy))
    elif name != entry.name:
        text = "the name is not UTF-8; it was read as Korean (CP949)"
        findings.append(Finding("file_name", "warning", text, shown, remedy="Rename it if it is wrong."))
    return unicodedata.normalize("NFC", shown)


def _walk(root: Path, folder: Path, findings: list[Finding], place: str = "") -> Iterator[RawFile]:
    for entry in sorted(folder.iterdir(), key=lambda item: unicodedata.normalize("NFC", item.name)):
        if entry.name in _IGNORED or entry.name.startswith(_HIDDEN):
            continue
        path = _named(entry, place, findings)
        if entry.is_symlink():
            text = "a link was not followed"
            findings.append(Finding("link", "warning", text, path, remedy="Upload the file that it points to."))
        elif entry.is_dir():
            yield from _walk(root, entry, findings, f"{path}/")
        elif entry.is_file():
            yield _file(entry, path, root=readable_name(root.name) or shown_name(root.name))
        else:
            findings.append(Finding("special_file", "warning", "not a regular file; it was left out", path))


def _file(path: Path, name: str, alone: bool = False, root: str = "") -> RawFile:
    def read() -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise _unreadable(name, error) from None

    return RawFile(name, path.stat().st_size, read, alone, root)


def _archive(name: str, data: bytes, limits: Limits, findings: list[Finding]) -> Iterator[RawFile]:
    """Members of an archive; one common top folder is dropped, archives inside are not opened."""
    members = []
    for path, content in unpack(name, data, limits):
        path = unicodedata.normalize("NFC", path)
        if _IGNORED & set(PurePosixPath(path).parts) or PurePosixPath(path).name.startswith(_HIDDEN):
            continue
        if is_archive(path):
            text = "an archive inside the archive was not opened"
            findings.append(Finding("nested_archive", "warning", text, f"{name}/{path}", remedy="Unpack it first."))
            continue
        members.append((path, content))
    tops = {PurePosixPath(path).parts[0] for path, _ in members}
    drop = len(tops) == 1 and all("/" in path for path, _ in members) and not tops & set(DOCUMENT_FOLDERS)
    seen: set[str] = set()
    for path, content in members:
        short = path.split("/", 1)[1] if drop else path
        if short in seen:
            raise EvalSetError(f"{name}: two files of the archive have the same path; got {short!r}. Pack it again.")
        seen.add(short)
        yield RawFile(short, len(content), lambda content=content: content, False, name)  # type: ignore[misc]


def _apart(files: list[RawFile]) -> list[RawFile]:
    """Files of different roots with one path are told apart by the root's name."""
    seen: dict[str, int] = {}
    made: list[RawFile] = []
    for file in files:
        path = file.path
        if path in seen and file.root:
            path = f"{file.root}/{path}"
        number = 2
        while path in seen:
            path, number = f"{number}/{file.path}", number + 1
        seen[path] = 1
        made.append(file if path == file.path else RawFile(path, file.size, file.read, file.alone, file.root))
    return made


def document_folder(path: str) -> str:
    """Return the part of a path up to and with a folder for documents; empty when the file is in none."""
    parts = PurePosixPath(path).parts[:-1]
    for number, part in enumerate(parts, 1):
        if part.casefold() in DOCUMENT_FOLDERS:
            return "/".join(parts[:number]) + "/"
    return ""


def is_about(path: str) -> bool:
    """Whether a file tells about the data (README, LICENSE, CARD, SOURCE)."""
    return PurePosixPath(path).stem.casefold() in _ABOUT and "/" not in path


def is_side_file(path: str) -> bool:
    """Whether a file beside the data is known to hold neither questions nor documents."""
    name = PurePosixPath(path).name
    return name in _SIDE_FILES or PurePosixPath(path).suffix.lower() in (
        ".py",
        ".sh",
        ".yaml",
        ".yml",
        ".toml",
        ".lock",
    )
