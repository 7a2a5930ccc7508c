"""What a sweep asks for is kept as text: in its journal, and beside its board in MLflow."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ragscout.plan.setup import open_store
from ragscout.record import runs
from ragscout.record.recorder import Snapshot
from ragscout.spec import parse, spec_hash
from ragscout.store import tables
from ragscout.store.store import Store
from ragscout.sweep import Sweep

ROOT = Path(__file__).parents[1]
TEXT = f"""
sweep: file
eval_set: {ROOT}/eval_sets/handbook-en
models:
  writer: {{provider: openai, base_url: "http://127.0.0.1:9/v1", model: gpt, price: {{input: 1, output: 2, per: 1M}}}}
pipeline: {{chunk: {{use: characters, size: [200, 400]}}, retriever: bm25, generate: extractive}}
measure: {{retrieval: [recall@3], answer: [token_f1]}}
goal: {{maximize: token_f1}}
search: grid
budget: {{usd: 5}}
network: offline
probe: off
"""


class Kept:
    """A recorder that keeps the newest snapshot."""

    snapshot: Snapshot

    def update(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


def recorded(text: str, folder: Path, store: Store) -> Snapshot:
    kept = Kept()
    file = folder / "file.yaml"
    file.write_text(text, encoding="utf-8")
    Sweep.load(file, store).run(recorders=[kept])
    return kept.snapshot


def test_the_artifact_is_the_sweep_file_as_it_was_opened(tmp_path: Path, store: Store) -> None:
    snapshot = recorded(TEXT, tmp_path, store)
    spec = parse(TEXT, "file.yaml")
    artifact = runs.parent_state(snapshot, b"").files["sweep.yaml"].decode()
    again = parse(artifact, "sweep.yaml")
    assert spec_hash(again) == spec_hash(spec)
    assert (again.sweep, again.pipeline, again.connections) == (spec.sweep, spec.pipeline, spec.connections)
    opened = store.ledger.journal(snapshot.sweep)[0].payload
    assert (opened["spec"], opened["sweep_file"]) == (spec_hash(spec), artifact)

    # another address and price are the same sweep: equal sequence, equal content
    other = TEXT.replace("127.0.0.1:9/v1", "127.0.0.1:7/v1").replace("input: 1,", "input: 3,")
    later = recorded(other, tmp_path, store)
    assert (later.sweep, later.sequence, later.spec) == (snapshot.sweep, snapshot.sequence, artifact)


def test_a_journal_that_holds_no_text_gives_the_file_as_it_is_now(tmp_path: Path, store: Store) -> None:
    first = recorded(TEXT, tmp_path, store)
    table = tables.journal
    old: dict[str, Any] = dict(store.ledger.journal(first.sweep)[0].payload)
    del old["sweep_file"]
    with store.ledger.writing() as connection:
        here = sa.and_(table.c.sweep == first.sweep, table.c.seq == 1)
        connection.execute(sa.update(table).where(here).values(payload=json.dumps(old)))
    shutil.rmtree(store.folder / "boards")  # an older store has none
    assert recorded(TEXT, tmp_path, store).spec == first.spec
    assert recorded(TEXT.replace("input: 1,", "input: 3,"), tmp_path, store).spec != first.spec


def test_a_pilot_opens_with_the_text_too(tmp_path: Path, store: Store) -> None:
    (tmp_path / "file.yaml").write_text(TEXT, encoding="utf-8")
    sweep = Sweep.load(tmp_path / "file.yaml", store)
    sweep.pilot(1)
    (opened,) = [entry for entry in store.ledger.journal(sweep.id) if entry.kind == "opened"]
    assert parse(opened.payload["sweep_file"], "journal").sweep == "file"
