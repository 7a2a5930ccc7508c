from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ragscout.model.errors import StepError, StoreError
from ragscout.model.evalset import Question
from ragscout.model.outcome import Query
from ragscout.model.step import make
from ragscout.providers.tokenize import kiwi_available
from ragscout.steps.index.search import Matrices
from ragscout.steps.rankings import merged, ranked, reciprocal_rank_fusion
from ragscout.testing.retrieval import (
    QUESTIONS,
    DenseIndexKit,
    FuseKit,
    LexiconKit,
    RankingKit,
    RerankKit,
    chunks,
    queries,
    ranking,
)
from ragscout.testing.steps import FakeRuntime, QuestionKit, run


@pytest.mark.numeric
class TestLanceDB(DenseIndexKit):
    cases = (("lancedb", {}),)

    def test_a_query_of_another_dimension(self) -> None:
        with pytest.raises(StoreError, match="another dimension"):
            self.build(FakeRuntime()).search(FakeRuntime(), np.ones((1, 3), dtype=np.float32), 5)


class TestBM25(LexiconKit):
    cases = (
        ("bm25", {}),
        ("bm25", {"tokenizer": "characters", "stem": False}),
        ("bm25", {"k1": 1.2, "b": 0.5}),
        *([("bm25", {"tokenizer": "kiwi"})] if kiwi_available() else []),
    )

    @pytest.mark.numeric
    def test_scores_are_bm25(self) -> None:
        """Against the formula, by hand: idf = ln(1 + (N - n + 0.5) / (n + 0.5)), Lucene's variant."""
        texts = ["aaa bbb", "aaa aaa ccc ddd", "eee"]
        lexicon = run(make("lexicon", "bm25", {"stem": False, "k1": 1.2, "b": 0.75}), chunk=chunks(texts))
        idf = np.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
        lengths, average = (2, 4), 7 / 3
        expected = [idf * tf / (tf + 1.2 * (0.25 + 0.75 * n / average)) for tf, n in zip((1, 2), lengths, strict=True)]
        found = {hit.chunk: hit.score for hit in lexicon.search("aaa", 5).hits}
        assert found == pytest.approx(dict(enumerate(expected)), abs=2e-6)


class TestAsAsked(QuestionKit):
    stage = "query"
    cases = (("as-asked", {}),)

    def questions(self) -> Sequence[Question]:
        return QUESTIONS

    def test_sends_the_question(self) -> None:
        assert self.asked(self.steps()[0], [0]) == [Query((QUESTIONS[0].text,))]


@pytest.mark.numeric
class TestNearest(RankingKit):
    stage = "dense"
    cases = (("nearest", {}), ("nearest", {"depth": 2}))

    def whole(self) -> dict[str, Any]:
        return {"index": DenseKit().build(FakeRuntime())}

    def per_question(self) -> dict[str, Sequence[Any]]:
        return {"query": [*queries()[:3], Query(("연차", "VACUUM storage"))]}

    def test_merges_the_texts_of_a_query(self) -> None:
        hits = self.asked(self.steps()[0], [3])[0].hits
        assert {0, 2} <= {hit.chunk for hit in hits[:4]}


class DenseKit(DenseIndexKit):
    __test__ = False
    cases = (("lancedb", {}),)


class TestBM25Search(RankingKit):
    stage = "lexical"
    cases = (("bm25", {}), ("bm25", {"depth": 1}))

    def whole(self) -> dict[str, Any]:
        return {"lexicon": run(make("lexicon", "bm25"), chunk=chunks())}

    def per_question(self) -> dict[str, Sequence[Any]]:
        return {"query": [*queries()[:3], Query(("연차", "VACUUM storage"))]}


@pytest.mark.numeric
class TestRRF(FuseKit):
    cases = (("rrf", {}), ("rrf", {"k": 1, "depth": 2}))

    def test_formula(self) -> None:
        found = self.asked(make("fuse", "rrf", {"k": 10}), [0])[0]
        assert [hit.chunk for hit in found.hits] == [2, 0, 1, 4]
        assert found.hits[0].score == pytest.approx(1 / 13 + 1 / 11, abs=1e-6)

    def test_needs_both(self) -> None:
        with pytest.raises(StepError, match="no lexical one"):
            run(make("fuse", "rrf"), FakeRuntime(), QUESTIONS[:1], dense=[ranking()], lexical=None)


@pytest.mark.numeric
class TestWeighted(FuseKit):
    cases = (("weighted", {}), ("weighted", {"weight": 0.9, "depth": 3}), ("weighted", {"weight": 0}))

    def test_formula(self) -> None:
        found = self.asked(make("fuse", "weighted", {"weight": 0.6}), [0])[0]
        assert [(hit.chunk, hit.score) for hit in found.hits] == [(0, 0.6), (2, 0.4), (1, 0.0), (4, 0.0)]

    def test_the_weight_one_keeps_the_dense_order(self) -> None:
        assert [hit.chunk for hit in self.asked(make("fuse", "weighted", {"weight": 1}), [1])[0].hits] == [5, 2]


class TestOneRetriever(FuseKit):
    cases = (("dense", {}), ("lexical", {}))

    def test_passes_on(self) -> None:
        inputs = self.per_question()
        for step in self.steps():
            assert self.asked(step, range(4)) == inputs[step.name]
            with pytest.raises(StepError, match=f"no {step.name} ranking"):
                run(step, FakeRuntime(), QUESTIONS)


class TestNoReranking(RerankKit):
    cases = (("none", {}),)

    def test_changes_nothing(self) -> None:
        assert self.asked(self.steps()[0], range(4)) == self.per_question()["fuse"]


@pytest.mark.numeric
def test_ties_are_broken_by_chunk_order_after_rounding() -> None:
    assert [hit.chunk for hit in ranked({5: 0.1 + 0.2, 3: 0.3, 9: 0.4}, 3).hits] == [9, 3, 5]


def test_one_text_is_not_fused() -> None:
    one = ranking((3, 0.5), (1, 0.2))
    assert merged([one], 1) == ranking((3, 0.5))
    assert merged([one, one], 2) == reciprocal_rank_fusion([one, one], 2)


def test_the_index_rebuilds_its_encoder() -> None:
    index = DenseKit().build(FakeRuntime())
    assert index.encoder == make("embed", "hashing", {"dim": 64})
    assert asyncio.run(index.encoder.queries(FakeRuntime(), ["연차"])).shape == (1, 64)


def test_matrices_share_the_memory_limit() -> None:
    kept = Matrices()
    loads: list[str] = []

    def load(name: str) -> np.ndarray:
        loads.append(name)
        return np.zeros(25, dtype=np.float32)

    for name in ("a", "b", "a", "c", "a", "b"):
        kept.get(name, 200, lambda name=name: load(name))  # type: ignore[misc]
    assert loads == ["a", "b", "c", "b"]
