"""Remembers which version the files at a path became, so that files which did not change are not read again."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from ragscout.data.options import ReadOptions
from ragscout.model.key import digest
from ragscout.model.source import source_digest

KIND = "upload of a path"
SETTLED = 2_000_000_000
"""Nanoseconds after which another change of a file shows in its time. Files newer than that are read again."""
MADE_BY = ("data", "model", "providers")
"""Packages whose source decides what files become."""


class Notes(Protocol):
    """Where notes are kept (a store's ledger)."""

    def memo_get(self, kind: str, keys: Iterable[str]) -> Mapping[str, str]:
        """Return notes by key; missing ones are absent."""
        ...

    def memo_put(self, kind: str, items: Mapping[str, str]) -> Mapping[str, str]:
        """Keep notes; an earlier one of the same key stays."""
        ...


def signature(paths: Sequence[Path], options: ReadOptions) -> str:
    """Return the digest of the names, sizes and times of all files at the paths, and of how they are read.

    It is empty when a file is so new that a change of it could go unnoticed, when there are more files than
    ``options.limits`` allow, when one cannot be looked at, or when a link leads to another folder: such paths are read.
    """
    described: list[list[object]] = []
    now = time.time_ns()
    try:
        for path in paths:
            for file in _files(path):
                at = file.stat()
                if now - max(at.st_mtime_ns, at.st_ctime_ns) < SETTLED or len(described) >= options.limits.files:
                    return ""
                described.append([str(file.absolute()), at.st_size, at.st_mtime_ns, at.st_ctime_ns, at.st_ino])
    except OSError:
        return ""
    how = json.dumps(
        vars(options) | {"columns": dict(options.columns), "limits": asdict(options.limits)}, sort_keys=True
    )
    return digest(KIND, sorted(map(json.dumps, described)), how, source_digest(*MADE_BY))


def recalled(seen: str, notes: Notes) -> tuple[str, str] | None:
    """Return name and digest of the version that files of this signature became, ``None`` when nobody knows."""
    text = notes.memo_get(KIND, [seen]).get(seen) if seen else None
    if text is None:
        return None
    name, version = json.loads(text)
    return str(name), str(version)


def remember(seen: str, name: str, version: str, notes: Notes) -> None:
    """Keep which version (by digest) files of this signature became."""
    if seen:
        notes.memo_put(KIND, {seen: json.dumps([name, version])})


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for folder, folders, names in os.walk(path):
        for name in folders:
            if (Path(folder) / name).is_symlink():
                raise OSError(f"{Path(folder) / name} is a link to a folder: what lies behind it is not looked at")
        yield from (Path(folder) / name for name in names)
