"""Conformance kits of encoders, dense indices, lexica, retrievers, fusion and rerankers."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from ragscout.model.evalset import Question
from ragscout.model.outcome import Hit, Query, Ranking
from ragscout.model.step import make
from ragscout.model.values import Chunks, DenseIndex, Embedded, Encoder, Lexicon, codec
from ragscout.steps.embed.base import unit
from ragscout.steps.rankings import DECIMALS
from ragscout.testing.steps import FakeRuntime, QuestionKit, WholeKit, run

PASSAGES = (
    "연차휴가는 최대 25일을 넘지 않는다.",
    "휴가 신청에 팀장이 48시간 안에 답하지 않으면 자동으로 승인된다.",
    "VACUUM reclaims storage occupied by dead tuples.",
    "The autovacuum daemon runs VACUUM automatically.",
    "API 키는 관리자 화면에서 다시 만들 수 있다.",
    "VACUUM reclaims storage occupied by dead tuples.",
    "...",
)
"""Korean, English, mixed, a repeated text and one without a word."""
QUESTIONS = (
    Question("1", "연차는 며칠까지인가요?"),
    Question("2", "How does VACUUM reclaim storage?"),
    Question("3", "API 키를 다시 만들려면?"),
    Question("4", "?"),
)


def chunks(texts: Sequence[str] = PASSAGES) -> Chunks:
    """One document per text."""
    names = tuple(f"문서 {number}" for number in range(len(texts)))
    return Chunks(names, (0,) * len(texts), tuple(map(len, texts)), tuple(texts), {name: name for name in names})


def queries() -> list[Query]:
    """Return the questions as they are."""
    return [Query((question.text,)) for question in QUESTIONS]


class EncoderKit(WholeKit):
    """What every embed step is held to. Override ``runtime`` to give model folders."""

    stage = "embed"
    nearest: Sequence[tuple[str, int]] = ()
    """Queries with the passage that must be nearest."""

    def inputs(self) -> dict[str, Any]:
        """Return the standard passages."""
        return {"chunk": chunks()}

    def comparable(self, value: Embedded) -> Any:
        """Return references are named by shard, which differs between runtimes: compare what was asked and the
        dimension."""
        return value.encoder, dict(value.parameters), len(value.refs), value.dim

    def vectors(self, runtime: FakeRuntime, texts: Sequence[str]) -> np.ndarray:
        """Document vectors of the first case's step."""
        embedded = run(self.steps()[0], runtime, chunk=chunks(texts))
        return cast(np.ndarray, runtime.memo.matrix(embedded.refs))

    def test_vectors_have_one_row_per_chunk_and_norm_one(self) -> None:
        """Also for a text without a word; equal texts have equal vectors; equal runs equal bits."""
        matrix = self.vectors(self.runtime(), PASSAGES)
        assert matrix.dtype == np.float32 and matrix.shape[0] == len(PASSAGES)
        assert np.isfinite(matrix).all() and np.allclose(np.linalg.norm(matrix, axis=1), 1, atol=1e-5)
        assert (matrix[2] == matrix[5]).all()
        assert (matrix == self.vectors(self.runtime(), PASSAGES)).all()

    def test_the_encoder_can_be_rebuilt_from_the_value(self) -> None:
        """Name and parameters make the same step."""
        for step in self.steps():
            embedded = run(step, self.runtime(), **self.inputs())
            assert make("embed", embedded.encoder, embedded.parameters) == step

    def test_queries_do_not_depend_on_their_batch(self) -> None:
        """The same bits alone, together and in another order."""
        texts = [question.text for question in QUESTIONS]
        for step in self.steps():
            encoder = cast(Encoder, step)
            together = asyncio.run(encoder.queries(self.runtime(), texts))
            backwards = asyncio.run(encoder.queries(self.runtime(), texts[::-1]))[::-1]
            alone = np.concatenate([asyncio.run(encoder.queries(self.runtime(), [text])) for text in texts])
            assert together.dtype == np.float32 and together.shape == alone.shape
            assert (together == alone).all() and (together == backwards).all()

    def test_passage_like_queries_do_not_depend_on_their_batch(self) -> None:
        """A query text that reads like a passage is encoded as documents are, with the same bits in any batch."""
        texts = list(PASSAGES[:3])
        for step in self.steps():
            encoder = cast(Encoder, step)
            together = asyncio.run(encoder.passages(self.runtime(), texts))
            alone = np.concatenate([asyncio.run(encoder.passages(self.runtime(), [text])) for text in texts])
            assert together.dtype == np.float32 and (together == alone).all()

    def test_nothing_is_encoded_twice(self) -> None:
        """The memo stands in front."""
        runtime = self.runtime()
        step = self.steps()[0]
        run(step, runtime, chunk=chunks())
        first = dict(runtime.memo.computed)
        run(step, runtime, chunk=chunks(PASSAGES[:4]))
        assert runtime.memo.computed == first == {step.key({}): len(set(PASSAGES))}

    def test_no_chunks(self) -> None:
        """An empty corpus is no error."""
        assert run(self.steps()[0], self.runtime(), chunk=chunks(())).refs == ()

    def test_finds_what_is_meant(self) -> None:
        """The declared passages stand first in the product's own ranking, the first of equal ones."""
        runtime, encoder = self.runtime(), self.steps()[0]
        passages = chunks()
        index = run(make("index", "lancedb"), runtime, chunk=passages, embed=run(encoder, runtime, chunk=passages))
        for text, expected in self.nearest:
            query = asyncio.run(cast(Encoder, encoder).queries(runtime, [text]))
            assert index.search(runtime, query, 1)[0].hits[0].chunk == expected


class DenseIndexKit(WholeKit):
    """What every index step is held to."""

    stage = "index"

    def embedded(self, runtime: FakeRuntime, texts: Sequence[str] = PASSAGES) -> Embedded:
        """Vectors of texts by the ``hashing`` encoder."""
        return cast(Embedded, run(make("embed", "hashing", {"dim": 64}), runtime, chunk=chunks(texts)))

    def build(self, runtime: FakeRuntime, texts: Sequence[str] = PASSAGES) -> DenseIndex:
        """Return an index over texts."""
        return cast(DenseIndex, run(self.steps()[0], runtime, chunk=chunks(texts), embed=self.embedded(runtime, texts)))

    def inputs(self) -> dict[str, Any]:
        """Return the standard passages, with vectors in the memo of the last ``runtime``."""
        return {"chunk": chunks(), "embed": self.embedded(self._runtime)}

    def runtime(self) -> FakeRuntime:
        """Return a fresh runtime, remembered for ``inputs``."""
        self._runtime = FakeRuntime()
        return self._runtime

    def comparable(self, value: DenseIndex) -> Any:
        """Return what the index answers, from memory and from disk, and by which encoder."""
        return value.encoder, self.answers(value, 1 << 30), self.answers(value, 0)

    def answers(self, index: DenseIndex, memory_limit: int, depth: int = 5) -> list[Ranking]:
        """Rankings of the standard questions."""
        runtime = FakeRuntime(memory_limit=memory_limit)
        vectors = asyncio.run(index.encoder.queries(runtime, [question.text for question in QUESTIONS]))
        return index.search(runtime, vectors, depth)

    def test_nearest_first_and_ties_by_chunk_order(self) -> None:
        """Equal texts have equal scores and stand in chunk order."""
        index = self.build(FakeRuntime())
        hits = self.answers(index, 1 << 30)[1].hits
        assert [hit.chunk for hit in hits[:2]] == [2, 5] and hits[0].score == hits[1].score
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)

    def test_memory_and_disk_give_the_same_rankings(self, tmp_path: Path) -> None:
        """Whatever fits into the memory limit: 600 chunks with many near and exact ties, all depths."""
        runtime = FakeRuntime()
        texts = [f"문서 {number % 290} 번 page {number % 7}" for number in range(600)]
        built = self.build(runtime, texts)
        codec("index").save(built, tmp_path)
        for depth in (1, 10, 60, 1000):
            loaded = cast(DenseIndex, codec("index").load(tmp_path))
            in_memory = self.answers(built, 1 << 30, depth)
            assert all(len(ranking.hits) == min(depth, 600) for ranking in in_memory)
            assert self.answers(loaded, 1 << 30, depth) == in_memory
            assert self.answers(cast(DenseIndex, codec("index").load(tmp_path)), 0, depth) == in_memory

    def test_a_query_is_answered_alike_alone_and_among_others(self, tmp_path: Path) -> None:
        """Batches change nothing, in memory and on disk."""
        codec("index").save(self.build(FakeRuntime()), tmp_path)
        index = cast(DenseIndex, codec("index").load(tmp_path))
        for limit in (0, 1 << 30):
            runtime = FakeRuntime(memory_limit=limit)
            vectors = asyncio.run(index.encoder.queries(runtime, [question.text for question in QUESTIONS]))
            together = index.search(runtime, vectors, 3)
            assert [index.search(runtime, vectors[at : at + 1], 3)[0] for at in range(len(vectors))] == together

    def test_equal_vectors_get_equal_scores(self, tmp_path: Path) -> None:
        """Scores are those of exact sums, in memory and on disk, with and without a filter: three vectors of several
        lengths, each standing 200 times, every other time off by less than a score shows."""
        for dim in (3, 384, 9001):
            drawn = np.random.default_rng(dim)
            kinds = unit(drawn.normal(size=(3, dim)))
            query = unit(drawn.normal(size=(1, dim)))
            vectors = kinds[drawn.permutation(np.repeat(np.arange(3), 200))]
            vectors[::2] *= 1 + drawn.normal(size=(300, 1)).astype(np.float32) * 2e-7
            products = vectors.astype(float) * query[0].astype(float)
            scores = [round(math.fsum(row), DECIMALS) for row in products.tolist()]
            expected = sorted((-score, place) for place, score in enumerate(scores))
            folder = tmp_path / str(dim)
            folder.mkdir()
            codec("index").save(self.index_of(vectors), folder)
            stored = cast(DenseIndex, codec("index").load(folder))
            keep = drawn.random(len(vectors)) < 0.7
            for limit in (1 << 30, 0):
                for depth in (1, 50):
                    found = stored.search(FakeRuntime(memory_limit=limit), query, depth)[0]
                    assert [(-hit.score, hit.chunk) for hit in found.hits] == expected[:depth]
                    found = stored.search(FakeRuntime(memory_limit=limit), query, depth, keep)[0]
                    kept = [(score, place) for score, place in expected if keep[place]]
                    assert [(-hit.score, hit.chunk) for hit in found.hits] == kept[:depth]

    def index_of(self, vectors: np.ndarray) -> DenseIndex:
        """Return an index over given vectors, one chunk each."""
        runtime = FakeRuntime()
        texts = [str(number) for number in range(len(vectors))]

        async def compute(asked: Sequence[str]) -> np.ndarray:
            return vectors[[int(text) for text in asked]]

        refs = asyncio.run(runtime.memo.vectors("given", texts, compute))
        embedded = Embedded("hashing", {"dim": vectors.shape[1]}, tuple(refs), vectors.shape[1])
        return cast(DenseIndex, run(self.steps()[0], runtime, chunk=chunks(texts), embed=embedded))

    def test_an_empty_index_finds_nothing(self, tmp_path: Path) -> None:
        """No chunks, no hits, no error."""
        codec("index").save(self.build(FakeRuntime(), ()), tmp_path)
        assert all(not ranking.hits for ranking in self.answers(codec("index").load(tmp_path), 0))


class LexiconKit(WholeKit):
    """What every lexicon step is held to."""

    stage = "lexicon"

    def inputs(self) -> dict[str, Any]:
        """Return the standard passages."""
        return {"chunk": chunks()}

    def comparable(self, value: Lexicon) -> Any:
        """Return what it answers."""
        return [value.search(question.text, 5) for question in QUESTIONS]

    def test_finds_words_of_both_languages(self) -> None:
        """Positive scores only, best first, ties by chunk order, nothing for a text without words."""
        for step in self.steps():
            first, second, third, none = self.comparable(run(step, **self.inputs()))
            assert first.hits[0].chunk == 0 and third.hits[0].chunk == 4 and not none.hits
            assert [hit.chunk for hit in second.hits[:2]] == [2, 5]
            for ranking in (first, second, third):
                assert all(hit.score > 0 for hit in ranking.hits)

    def test_depth_cuts_the_same_ranking(self) -> None:
        """A smaller depth is a prefix of a larger one."""
        for step in self.steps():
            lexicon = run(step, chunk=chunks(PASSAGES * 20))
            for question in QUESTIONS:
                full = lexicon.search(question.text, 1000).hits
                assert all(lexicon.search(question.text, depth).hits == full[:depth] for depth in (1, 3, 10, 40))

    def test_nothing_to_index(self, tmp_path: Path) -> None:
        """No chunks, or none with a word."""
        for number, texts in enumerate(((), ("...", "?!"))):
            folder = tmp_path / str(number)
            folder.mkdir()
            codec("lexicon").save(run(self.steps()[0], chunk=chunks(texts)), folder)
            assert codec("lexicon").load(folder).search("휴가", 5) == Ranking(())


class RankingKit(QuestionKit):
    """For stages whose outcome is a ranking of at most ``depth`` chunks, best first, each once."""

    def questions(self) -> Sequence[Question]:
        """Return the standard questions."""
        return QUESTIONS

    def test_rankings_are_ordered_and_hold_each_chunk_once(self) -> None:
        """Scores never rise, ties stand in chunk order, depth is kept."""
        for step in self.steps():
            for ranking in self.asked(step, range(len(QUESTIONS))):
                hits = ranking.hits
                assert len({hit.chunk for hit in hits}) == len(hits) <= getattr(step, "depth", len(hits))
                for one, other in itertools.pairwise(hits):
                    assert (-one.score, one.chunk) < (-other.score, other.chunk)


class FuseKit(RankingKit):
    """What every fuse step is held to."""

    stage = "fuse"

    def per_question(self) -> dict[str, Sequence[Any]]:
        """Two rankings per question; one list is empty once."""
        dense = [ranking((0, 0.9), (1, 0.5), (2, 0.5)), ranking((5, 0.4), (2, 0.3)), ranking(), ranking((3, 0.1))]
        lexical = [ranking((2, 7.0), (4, 3.5)), ranking((2, 4.0)), ranking((1, 2.0), (3, 2.0)), ranking((3, 9.0))]
        return {"dense": dense, "lexical": lexical}


class RerankKit(RankingKit):
    """What every rerank step is held to."""

    stage = "rerank"

    def whole(self) -> dict[str, Any]:
        """Return the standard passages."""
        return {"chunk": chunks()}

    def per_question(self) -> dict[str, Sequence[Any]]:
        """One ranking per question, one of them empty, one with two equal texts."""
        whole = ranking(*((row, 1.0 - row / 10) for row in range(len(PASSAGES))))
        return {"fuse": [whole, ranking((2, 0.9), (5, 0.9), (0, 0.1)), ranking(), ranking((6, 0.1))]}

    def test_only_what_was_ranked_comes_back(self) -> None:
        """A reranker orders and cuts; it finds nothing new."""
        for step in self.steps():
            found = self.asked(step, range(len(QUESTIONS)))
            for before, after in zip(self.per_question()["fuse"], found, strict=True):
                assert {hit.chunk for hit in after.hits} <= {hit.chunk for hit in before.hits}


def ranking(*hits: tuple[int, float]) -> Ranking:
    """Return a ranking of (chunk, score) pairs."""
    return Ranking(tuple(Hit(chunk, score) for chunk, score in hits))
