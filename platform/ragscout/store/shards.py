"""Cells in immutable shards: gzip of JSON lines, canonical, so that equal cells give equal bytes."""

from __future__ import annotations

import gzip
import json
import threading
import zlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ragscout.model.outcome import Usage
from ragscout.store.blobs import Blobs, DamagedBlobError


@dataclass(frozen=True)
class CellData:
    """A cell: its outcome as ``model.cells.encode`` gives it, its own usage, and the usage along its path."""

    data: dict[str, Any]
    usage: Usage = Usage()
    path: Usage = Usage()


Row = tuple[str, dict[str, Any]]
"""Question key and data."""


def encode_shard(node: str, cells: Mapping[str, dict[str, Any]]) -> tuple[bytes, list[str]]:
    """Bytes of a shard, and the question keys in row order."""
    order = sorted(cells)
    lines = [json.dumps({"node": node, "cells": len(order)}, sort_keys=True)]
    lines += [
        json.dumps([key, cells[key]], ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
        for key in order
    ]
    return gzip.compress("\n".join(lines).encode(), compresslevel=6, mtime=0), order


def decode_shard(data: bytes) -> list[Row]:
    """Rows of a shard.

    Raises:
        ValueError: when the bytes are not a shard.
    """
    try:
        lines = gzip.decompress(data).decode().split("\n")
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"not a shard: {error}") from error
    # one text is read much faster than its lines
    rows: list[Row] = [(key, data) for key, data in json.loads(f"[{','.join(lines[1:])}]")]
    if json.loads(lines[0])["cells"] != len(rows):
        raise ValueError("not a shard: rows are missing")
    return rows


class ShardReader:
    """Decoded shards, the most recently used ones kept. Safe to use from many threads."""

    def __init__(self, blobs: Blobs, keep: int = 64) -> None:
        """Args: blobs = where shards lie; keep = how many decoded shards stay in memory."""
        self._blobs = blobs
        self._keep = keep
        self._lock = threading.Lock()
        self._shards: OrderedDict[str, Sequence[Row]] = OrderedDict()

    def rows(self, shard: str) -> Sequence[Row]:
        """Rows of a shard.

        Raises:
            DamagedBlobError: when it is absent or damaged.
        """
        with self._lock:
            if shard in self._shards:
                self._shards.move_to_end(shard)
                return self._shards[shard]
        try:
            rows = decode_shard(self._blobs.read(shard))
        except (ValueError, KeyError) as error:
            raise DamagedBlobError(self._blobs.location, shard, f"is {error}") from error
        with self._lock:
            self._shards[shard] = rows
            while len(self._shards) > self._keep:
                self._shards.popitem(last=False)
        return rows

    def forget(self, shard: str) -> None:
        """Drop a shard from memory."""
        with self._lock:
            self._shards.pop(shard, None)
