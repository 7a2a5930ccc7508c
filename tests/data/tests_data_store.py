"""A store in memory, as the readers see it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragscout.data import ReadOptions, Uploaded, upload


@dataclass
class MemoryBlobs:
    held: dict[str, bytes] = field(default_factory=dict)

    def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.held[digest] = data
        return digest

    def read(self, digest: str) -> bytes:
        return self.held[digest]

    def exists(self, digest: str) -> bool:
        return digest in self.held


@dataclass
class MemoryRow:
    name: str
    version: int
    digest: str
    parent: str
    info: Mapping[str, Any]
    manifest: str


@dataclass
class MemoryRegistry:
    rows: list[MemoryRow] = field(default_factory=list)

    def evalset_add(self, name: str, digest: str, parent: str, info: Mapping[str, Any], manifest: str) -> int:
        info = json.loads(json.dumps(info, allow_nan=False))
        for row in self.rows:
            if (row.name, row.digest) == (name, digest):
                return row.version
        version = 1 + sum(row.name == name for row in self.rows)
        self.rows.append(MemoryRow(name, version, digest, parent, info, manifest))
        return version

    def evalset(self, name: str, version: int | None = None) -> MemoryRow | None:
        found = [row for row in self.evalsets(name) if version is None or row.version == version]
        return found[-1] if found else None

    def evalsets(self, name: str | None = None) -> Sequence[MemoryRow]:
        return [row for row in self.rows if name is None or row.name == name]

    def evalset_remove(self, name: str, version: int) -> bool:
        row = self.evalset(name, version)
        if row is not None:
            self.rows.remove(row)
        return row is not None


@dataclass
class Store:
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)

    def upload(self, *paths: Path, name: str | None = None, **options: Any) -> Uploaded:
        given = ReadOptions(**options)
        return upload(paths, blobs=self.blobs, registry=self.registry, name=name, options=given)

    @property
    def empty(self) -> bool:
        return not self.blobs.held and not self.registry.rows
