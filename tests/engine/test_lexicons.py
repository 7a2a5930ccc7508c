"""A plan says how each lexicon will be built, and what decides it is in the key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ragscout.model.step import make
from ragscout.model.values import Chunks
from ragscout.plan.lexicons import BASE, PER_WORD, WORDS_PER_CHARACTER, lines
from ragscout.providers.tokenize import words
from ragscout.sweep import Sweep
from ragscout.testing.steps import FakeRuntime, run

SETS = Path(__file__).parents[2] / "eval_sets"
PIPELINE = "{chunk: {use: characters, size: 400, overlap: 0}, retriever: RETRIEVER, generate: none}"


def planned(tmp_path: Path, retriever: str, name: str = "handbook-en") -> Sweep:
    file = tmp_path / "s.yaml"
    text = f"sweep: s\neval_set: {SETS / name}\npipeline: {PIPELINE}\nmeasure: {{retrieval: [recall@5]}}\n"
    file.write_text(text.replace("RETRIEVER", retriever), encoding="utf-8")
    return Sweep.load(file, tmp_path / "store")


def test_one_piece_or_shards_is_said_before_anything_runs(tmp_path: Path) -> None:
    plan = planned(tmp_path, "[bm25, {use: bm25, max_tokens: 1000}]", "handbook-ko").plan()
    one, cut = sorted(plan.lexicons, key=lambda item: item.shards)
    assert (one.threshold, one.shards, one.cached) == (8_000_000, 1, False)
    assert cut.threshold == 1000 and cut.shards == -(-cut.words // 1000) > 1 and cut.words == one.words
    assert cut.memory == int(BASE + 1000 * PER_WORD) < one.memory
    assert one.node != cut.node, "the threshold is part of the key"
    shown = [line for line in plan.lines() if line.startswith("Lexicon ")]
    assert any("in one piece (up to 8,000,000)" in line for line in shown)
    assert any(f"in about {cut.shards} shards of 1,000" in line for line in shown)
    assert [item["shards"] for item in json.loads(json.dumps(plan.as_json()))["lexicons"]].count(1) == 1


def test_the_index_of_lancedb_is_said_to_lie_on_disk(tmp_path: Path) -> None:
    plan = planned(tmp_path, "lancedb-fts").plan()
    item = next(item for item in plan.lexicons if item.step == "lancedb-fts")
    assert (item.threshold, item.shards) == (0, 1)
    assert any("lancedb-fts" in line and "by LanceDB, on disk" in line for line in plan.lines())


@pytest.mark.parametrize("name", ["handbook-en", "handbook-ko"])
def test_the_estimate_is_near_and_an_index_that_is_there_is_said(tmp_path: Path, name: str) -> None:
    sweep = planned(tmp_path, "bm25", name)
    before = sweep.plan().lexicons[0]
    text = "\n".join(path.read_text("utf-8") for path in (SETS / name / "documents").iterdir())
    assert before.words == pytest.approx(len(words(text)), rel=0.35)
    sweep.run()
    (after,) = sweep.plan().lexicons
    assert after.cached
    twice = lines([after, before])
    assert lines([after])[0].endswith("; all in the store.")
    assert len(twice) == 1 and "2 of them" in twice[0] and "MB of memory to build; 1 in the store" in twice[0]


def test_what_the_plan_says_is_what_is_built() -> None:
    texts = tuple(f"annual leave {n}" for n in range(600))
    held = Chunks(("d",) * 600, (0,) * 600, (9,) * 600, texts)
    runtime = FakeRuntime()
    run(make("lexicon", "bm25", {"max_tokens": 1000}), runtime, chunk=held)
    assert runtime.reports == {"tokens": 1800.0, "shards": 2.0}
    assert set(WORDS_PER_CHARACTER) == {"en", "ko"}
