"""Fixtures of the readers' tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests_data_store import Store


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of an upload: ``write("q.csv", text_or_bytes)``."""

    def make(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make
