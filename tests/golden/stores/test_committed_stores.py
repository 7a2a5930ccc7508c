"""Stores that were committed open, and what they hold is used: no request is sent again and no text embedded again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from make_store import HERE, run, sweep_file, unpacked

from ragscout.engine.journal import SweepJournal
from ragscout.engine.session import Opening
from ragscout.spec import parse
from ragscout.steps.embed.hashing import Hashing
from ragscout.store.store import Store
from ragscout.testing.fake_server import FakeServer

EVERY_KIND = {
    "opened",
    "round",
    "measured",
    "search_over",
    "closing",
    "probed",
    "probe_over",
    "chosen",
    "holdout_opened",
    "confirmed",
    "closed",
}
PER_QUESTION = {"query", "dense", "lexical", "fuse", "rerank", "prompt", "generate", "evidence", "measure"}


def expected(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def no_encoding(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts that the encoder of this process was given."""
    given: list[str] = []
    real = Hashing.encode

    def encode(step: Hashing, runtime: Any, texts: Sequence[str], side: Any) -> np.ndarray:
        given.extend(texts)
        return real(step, runtime, texts, side)

    monkeypatch.setattr(Hashing, "encode", encode)
    return given


def memo(store: Path) -> dict[str, set[tuple[str, ...]]]:
    with closing(sqlite3.connect(store / "ledger.sqlite")) as ledger:
        return {
            "chat": set(ledger.execute("SELECT key FROM memo WHERE kind = 'chat'")),
            "vectors": set(ledger.execute("SELECT encoder, text FROM vectors")),
        }


def test_an_old_store_opens_and_its_requests_and_vectors_are_used(tmp_path: Path, no_encoding: list[str]) -> None:
    store = unpacked("old_store", tmp_path)
    before = memo(store)
    assert len(before["chat"]) > 30 and len(before["vectors"]) > 20
    with FakeServer() as server:
        result, results = run(sweep_file("golden", tmp_path, server.base_url), store)
        assert (server.stats.total, dict(result.calls), no_encoding) == (0, {}, [])
        assert result.closed and result.open == []
        assert results == expected("old_store")["golden"]
        assert result.computed["measure"] > 0 and result.computed["generate"] > 0, "cells are rebuilt, once"
        assert memo(store) == before

        again, _ = run(_renamed(sweep_file("golden", tmp_path, server.base_url)), store)
        assert again.closed and not PER_QUESTION & set(again.computed) and server.stats.total == 0


def test_an_old_journal_opens(tmp_path: Path) -> None:
    store = Store.open(unpacked("old_store", tmp_path), create=False)
    kinds = set()
    for name in store.ledger.sweeps():
        entries = store.ledger.journal(name)
        kinds |= {entry.kind for entry in entries}
        opening = Opening.read(SweepJournal(store.ledger, name))
        assert opening.name == name.rpartition("-")[0] and opening.sweep_file == "" and len(opening.spec) == 64
        assert opening.set_of(store).count == 6
    assert len(store.ledger.sweeps()) == 2
    assert kinds == EVERY_KIND
    assert any("the budget is spent" in str(entry.payload) for entry in entries)
    store.close()


def test_a_store_opens_and_everything_in_it_is_used(tmp_path: Path, no_encoding: list[str]) -> None:
    store = unpacked("store", tmp_path)
    before = memo(store)
    with FakeServer() as server:
        for name in ("golden", "limited"):
            result, results = run(sweep_file(name, tmp_path, server.base_url), store)
            assert result.closed and dict(result.computed) == {}, "the sweep itself is found, and it is over"
            assert results == expected("store")[name]
        # a sweep of another name asks the same configurations anew
        result, results = run(_renamed(sweep_file("golden", tmp_path, server.base_url)), store)
        assert result.closed and dict(result.computed) == {}
        assert results == expected("store")["golden"]
        assert (server.stats.total, dict(result.calls), no_encoding) == (0, {}, [])
    assert memo(store) == before


def test_the_sweep_file_is_in_the_journal(tmp_path: Path) -> None:
    store = Store.open(unpacked("store", tmp_path), create=False)
    for name in store.ledger.sweeps():
        opening = Opening.read(SweepJournal(store.ledger, name))
        assert parse(opening.sweep_file, "journal").sweep == opening.name
    store.close()


def _renamed(file: Path) -> Path:
    file.write_text(file.read_text(encoding="utf-8").replace("sweep: golden", "sweep: again"), encoding="utf-8")
    return file


@pytest.mark.parametrize("name", ["old_store", "store"])
def test_committed_stores_are_small_and_say_nothing_of_a_machine(name: str, tmp_path: Path) -> None:
    assert (HERE / f"{name}.tar.xz").stat().st_size < 150_000
    for path in unpacked(name, tmp_path).rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        assert not any(b"/" + word + b"/" in data for word in (b"tmp", b"home", b"work", b"root")), path
