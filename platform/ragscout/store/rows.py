"""Rows of the ledger as plain values, and usage as the ledger writes it down."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ragscout.model.outcome import Usage


@dataclass(frozen=True)
class CellRow:
    """A cell to commit: row of its shard, its own usage, and ``path``, the usage summed along the configuration."""

    question_key: str
    row: int
    failed: bool
    usage: Usage
    path: Usage


@dataclass(frozen=True)
class CellRef:
    """Where a committed cell lies."""

    shard: str
    row: int
    failed: bool
    usage: Usage
    path: Usage


@dataclass(frozen=True)
class ShardRows:
    """Cells of one node that lie in one shard, ready to be made visible."""

    node: str
    shard: str
    rows: tuple[CellRow, ...]

    def values(self) -> list[dict[str, Any]]:
        """Rows of the table of cells, in the order of their keys."""
        return [
            {
                "node": self.node,
                "question": row.question_key,
                "shard": self.shard,
                "row": row.row,
                "failed": row.failed,
                "usage": usage_text(row.usage),
                "path": usage_text(row.path),
            }
            for row in sorted(self.rows, key=lambda row: row.question_key)
        ]


def batches(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Cut a sequence into slices of at most ``size`` items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def usage_text(usage: Usage) -> str:
    """Write a usage as compact JSON; figures that are zero are left out."""
    return json_text({name: value for name, value in asdict(usage).items() if value != 0})


def usage_of(text: str) -> Usage:
    """Read what ``usage_text`` wrote."""
    return Usage(**json.loads(text))


def json_text(value: object) -> str:
    """Write compact JSON whose keys are sorted; numbers that are not finite are refused."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
