"""What the tests of the flow share beside their fixtures."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ragscout.model.results.board import Board

Write = Callable[..., Path]
"""Writes a sweep file, see ``conftest.write``."""


def timeless(board: Board) -> object:
    """A board without what a clock measured."""
    data = json.loads(board.to_json())
    for row in [*data["rows"], *data["retrieval"]]:
        row["cost"]["seconds"], row["latency"] = 0, None
    return data
