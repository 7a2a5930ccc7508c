"""LanceDB's full-text index over our words ranks as BM25 does, in both languages."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from ragscout.model.config import source_node
from ragscout.model.errors import StoreError
from ragscout.model.evalset import Document, Question
from ragscout.model.step import make
from ragscout.model.values import Corpus, codec
from ragscout.providers.tokenize import kiwi_available
from ragscout.spec import load, space
from ragscout.steps.lexicon import LanceDBFts
from ragscout.testing.retrieval import PASSAGES, LexiconKit, chunks
from ragscout.testing.steps import FakeRuntime, run

SETS = Path(__file__).parents[2] / "eval_sets"


class TestLanceDBFts(LexiconKit):
    cases = (
        ("lancedb-fts", {}),
        ("lancedb-fts", {"tokenizer": "characters", "stem": False}),
        *([("lancedb-fts", {"tokenizer": "kiwi"})] if kiwi_available() else []),
    )


def corpus(name: str) -> tuple[Corpus, list[str]]:
    """Documents and questions of a bundled set."""
    texts = [(path.name, path.read_text("utf-8")) for path in sorted((SETS / name / "documents").iterdir())]
    rows = [json.loads(line) for line in (SETS / name / "questions.jsonl").read_text("utf-8").splitlines()]
    return Corpus(tuple(Document(*item) for item in texts)), [row["question"] for row in rows]


@pytest.mark.parametrize("name", ["handbook-en", "handbook-ko"])
def test_same_ranking_as_bm25(name: str) -> None:
    """Tolerance: nine of ten among the first ten, the same first chunk, scores within 0.0001."""
    documents, questions = corpus(name)
    made = run(make("chunk", "characters", {"size": 200, "overlap": 0}), FakeRuntime(), corpus=documents)
    ours = run(make("lexicon", "bm25", {"k1": 1.2, "b": 0.75}), chunk=made)
    theirs = run(make("lexicon", "lancedb-fts"), chunk=made)
    assert len(made) > 20
    for question in questions:
        wanted, found = ours.search(question, 10).hits, theirs.search(question, 10).hits
        assert wanted and found[0].chunk == wanted[0].chunk
        assert len({hit.chunk for hit in found} & {hit.chunk for hit in wanted}) >= 0.9 * len(wanted)
        scores = {hit.chunk: hit.score for hit in found}
        assert all(scores.get(hit.chunk, hit.score) == pytest.approx(hit.score, abs=1e-4) for hit in wanted)


def test_ties_beyond_what_was_fetched_stand_in_chunk_order() -> None:
    lexicon = run(make("lexicon", "lancedb-fts"), chunk=chunks(["연차 휴가 규정"] * 500 + ["연차 휴가"]))
    assert [hit.chunk for hit in lexicon.search("휴가 규정", 5).hits] == [0, 1, 2, 3, 4]
    assert lexicon.search("휴가 규정", 1000).hits[:5] == lexicon.search("휴가 규정", 5).hits
    assert lexicon.search("휴가 규정", 501).hits[-1].chunk == 500


def test_a_filtered_search_gives_what_is_left_of_the_full_one() -> None:
    rng = random.Random(1)
    texts = [
        " ".join(rng.choices(("연차", "휴가", "leave", "annual", "경비"), k=rng.randint(1, 9))) for _ in range(400)
    ]
    lexicon = run(make("lexicon", "lancedb-fts"), chunk=chunks(texts))
    keep = np.arange(400) % 40 == 7
    full = lexicon.search("연차 annual", 1000).hits
    assert lexicon.search("연차 annual", 1000, keep).hits == tuple(hit for hit in full if keep[hit.chunk])
    assert lexicon.search("연차 annual", 3, keep).hits == tuple(hit for hit in full if keep[hit.chunk])[:3]


def test_a_stored_index_answers_the_same_and_a_damaged_one_is_said(tmp_path: Path) -> None:
    built = run(make("lexicon", "lancedb-fts"), chunk=chunks(PASSAGES))
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    codec("lexicon").save(built, tmp_path / "a")
    loaded = codec("lexicon").load(tmp_path / "a")
    assert loaded.search("휴가 신청", 5) == built.search("휴가 신청", 5) != built.search("VACUUM", 5)
    assert loaded.allowed(Question("1", "?", filter={"부서": ("인사",)})).sum() == 0
    codec("lexicon").save(loaded, tmp_path / "b")
    (tmp_path / "b" / "fts").rename(tmp_path / "b" / "gone")
    with pytest.raises(StoreError, match="cannot be read"):
        codec("lexicon").load(tmp_path / "b")


def test_an_alternative_in_a_sweep(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(
        "sweep: s\neval_set: x\npipeline: {retriever: [bm25, {use: lancedb-fts, stem: [true, false]}, hybrid], "
        "generate: none}\n"
    )

    class Revisions:
        def revision(self, model: str) -> str:
            return "0"

    closed = space(load(file), source_node("files"), Revisions())
    lexicons = [item.steps["lexicon"] for item in closed.configurations if not item.roles]
    assert [step.name for step in lexicons].count("lancedb-fts") == 2
    assert len({step.key({}) for step in lexicons if isinstance(step, LanceDBFts)}) == 2
