from __future__ import annotations

import pytest
from measured import Measured, bundled, hybrid, lexical, measured

from ragscout.store.store import Store


@pytest.fixture(scope="session")
def korean(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """BM25 and the extractive answerer, measured on six questions of handbook-ko, a third of which is held out."""
    store = Store.open(tmp_path_factory.mktemp("korean") / "store")
    return measured(store, bundled(store, "handbook-ko", holdout=0.3), lexical(), ask=6)


@pytest.fixture(scope="session")
def english(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """Both retrievers (hashed vectors, no model) fused, measured on four questions of handbook-en."""
    store = Store.open(tmp_path_factory.mktemp("english") / "store")
    return measured(store, bundled(store, "handbook-en"), hybrid())
