"""Components of somebody else are held to the kits, named in sweep files, planned, measured and served like our own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import toys

from ragscout.model.cost import Workload
from ragscout.model.errors import StoreError, UnknownNameError
from ragscout.model.evalset import Question
from ragscout.model.outcome import Query, Ranking, Unfilled
from ragscout.model.step import make
from ragscout.model.values import codec
from ragscout.search.prefixes import slow
from ragscout.serve import Pipeline
from ragscout.spec.schema import schema
from ragscout.steps.retrievers import choices, recipe, recipes
from ragscout.sweep import Sweep
from ragscout.testing.chat import relevance, vectors
from ragscout.testing.chunkers import corpus
from ragscout.testing.fake_server import FakeServer
from ragscout.testing.retrieval import QUESTIONS, FuseKit, RerankKit, chunks
from ragscout.testing.steps import FakeRuntime, QuestionKit, WholeKit, run

MODEL = {"provider": "openai", "model": "toy"}
ROOT = Path(__file__).parents[2]
SWEEP = """
sweep: toys
eval_set: {root}/eval_sets/handbook-en
models:
  writer: {{provider: openai, base_url: "{url}", model: writer, price: {{input: 1, output: 2, per: 1M}}}}
  vectors: {{provider: openai, base_url: "{url}", model: vectors, kind: embed, price: {{input: 1, output: 0, per: 1M}}}}
  ranker: {{provider: openai, base_url: "{url}", model: ranker, kind: rerank, price: {{input: 1, output: 0, per: 1M}}}}
pipeline:
  chunk: {{use: toy.semantic, model: vectors, size: 400}}
  embed: hashing
  query: [as-asked, {{use: toy.hyde, model: writer}}]
  retriever:
    - toy.words
    - use: hybrid
      lexical: {{use: toy.words, depth: 8}}
      dense: {{depth: 5}}
      fuse: {{use: toy.alternate, depth: 6}}
  rerank: [none, {{use: toy.api, model: ranker, depth: 4}}]
  context: [as-retrieved, parents]
  generate: extractive
measure: {{retrieval: [recall@3], answer: [token_f1]}}
goal: token_f1
search: grid
budget: {{usd: 5}}
holdout: off
probe: off
"""


class TestHyde(QuestionKit):
    stage = "query"
    cases = (("toy.hyde", {"model": MODEL}),)

    def questions(self) -> Sequence[Question]:
        return QUESTIONS

    def runtime(self) -> FakeRuntime:
        return FakeRuntime(lambda request: request.messages[-1].content.upper())

    def test_words_and_vectors_get_texts_of_their_own(self) -> None:
        (found,) = self.asked(self.steps()[0], [1])
        assert isinstance(found, Query)
        assert found.of("lexical") == ((QUESTIONS[1].text, False),)
        ((text, like),) = found.of("dense")
        assert like and text.startswith("WRITE A PASSAGE")

    def test_the_vector_of_a_passage_is_that_of_a_document(self) -> None:
        """A text that reads like a passage is encoded on the documents' side."""
        sides: list[str] = []

        class Index:
            class encoder:
                @staticmethod
                async def queries(runtime: Any, texts: Sequence[str]) -> Any:
                    sides.extend(f"query {text}" for text in texts)
                    return vectors(texts)

                @staticmethod
                async def passages(runtime: Any, texts: Sequence[str]) -> Any:
                    sides.extend(f"passage {text}" for text in texts)
                    return vectors(texts)

            def allowed(self, question: Question) -> None:
                return None

            def search(self, runtime: Any, queries: Any, depth: int, keep: Any) -> list[Ranking]:
                return [Ranking(()) for _ in queries]

        asked = [Query(("q",)), Query(("w", "p"), ("lexical", "dense"), (False, True)), Query(("l",), ("lexical",))]
        found = run(make("dense", "nearest"), FakeRuntime(), QUESTIONS[:3], query=asked, index=Index())
        assert sides == ["query q", "passage p"] and found == [Ranking(())] * 3


class TestSemantic(WholeKit):
    stage = "chunk"
    cases = (("toy.semantic", {"model": MODEL}),)

    def runtime(self) -> FakeRuntime:
        return FakeRuntime(embeddings=vectors)

    def inputs(self) -> dict[str, Any]:
        return {"corpus": corpus("leave days leave\nleave days granted\nserver disk memory\nserver disk full\n", "")}

    def test_a_chunk_ends_where_the_subject_changes(self) -> None:
        found = run(self.steps()[0], self.runtime(), **self.inputs())
        assert list(found.text) == ["leave days leave\nleave days granted", "server disk memory\nserver disk full"]
        assert list(found.indexed) == [f"제목 0: {text}" for text in found.text]
        lexicon = run(make("lexicon", "bm25"), chunk=found)
        assert [hit.chunk for hit in lexicon.search("제목", 5).hits] == [0, 1], "the header is indexed"


class TestWords(WholeKit):
    stage = "lexicon"
    cases = (("toy.words", {}),)

    def inputs(self) -> dict[str, Any]:
        return {"chunk": chunks()}

    def test_a_value_of_its_own_type_is_kept_by_its_own_codec(self, tmp_path: Path) -> None:
        codec("lexicon").save(run(self.steps()[0], **self.inputs()), tmp_path)
        assert isinstance(codec("lexicon").load(tmp_path), toys.WordSets)
        (tmp_path / "codec.txt").write_text("gone", encoding="utf-8")
        with pytest.raises(StoreError, match="written by 'gone', which is not installed here"):
            codec("lexicon").load(tmp_path)


class TestAlternate(FuseKit):
    cases = (("toy.alternate", {}), ("toy.alternate", {"depth": 2}))


class TestApi(RerankKit):
    cases = (("toy.api", {"model": MODEL}), ("toy.api", {"model": MODEL, "depth": 2}))

    def runtime(self) -> FakeRuntime:
        return FakeRuntime(scores=relevance)

    def test_an_endpoint_in_trouble_leaves_the_cell_open(self) -> None:
        trouble = Unfilled("endpoint", "down")
        assert self.asked(self.steps()[0], [0], FakeRuntime(scores=lambda query, texts: trouble)) == [trouble]


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


def test_they_are_listed_where_ours_are() -> None:
    assert {"bm25", "lancedb-fts", "dense", "hybrid", "toy.words"} <= set(recipes())
    assert "toy.words" in choices(recipe("hybrid"), "lexical") and "toy.alternate" in choices(recipe("hybrid"), "fuse")
    assert "toy.alternate" not in choices(recipe("bm25"), "fuse")
    pipeline = schema()["properties"]["pipeline"]["properties"]
    for key, name in (("query", "toy.hyde"), ("retriever", "toy.words"), ("rerank", "toy.api")):
        assert name in pipeline[key]["anyOf"][0]["anyOf"][0]["examples"]
    with pytest.raises(UnknownNameError, match=r"Did you mean 'toy\.words'"):
        recipe("toy.word")


def test_a_sweep_plans_measures_and_serves_them(server: FakeServer, tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(SWEEP.format(root=ROOT, url=server.base_url), encoding="utf-8")
    sweep = Sweep.load(path, tmp_path / "store")
    grid = sweep.prepared.space.grid
    assert len(grid) == 2 * 2 * 2, "parents of chunks without any are no alternative"
    assert sweep.prepared.space.knobs["retriever"] == ("toy.words", "hybrid")
    hybrid = next(item for item in grid if "dense" in item.steps)
    assert [hybrid.steps[stage].depth for stage in ("lexical", "dense", "fuse")] == [8, 5, 6]  # type: ignore[attr-defined]

    plan = sweep.plan()
    assert not plan.absent and plan.estimate is not None and plan.estimate.requests["query"].expected > 0
    assert sum(slow(item) for item in grid) == 6, "all but those as asked and not reranked"

    result = sweep.run()
    assert result.closed and not result.open and not any(row.failed for row in result.board.rows)
    assert {kind for kind in server.stats.calls if server.stats.calls[kind]} >= {"chat", "embeddings", "rerank"}
    assert result.calls["rerank"] == server.stats.calls["rerank"] > 0
    again = Sweep.load(path, tmp_path / "store").run()
    assert again.board.to_json() == result.board.to_json() and not again.computed

    row = next(item for item in sweep.board().rows if "ranker" in item.name and "writer" in item.name)
    written = sweep.export_config(row.key)
    (tmp_path / "one.yaml").write_text(written, encoding="utf-8")
    alone = Sweep.load(tmp_path / "one.yaml", tmp_path / "store")
    assert row.key in {item.key for item in alone.prepared.space.configurations}
    bundle = sweep.export(tmp_path / "b.bundle", row.key)
    with Pipeline.load(bundle) as pipeline:
        reply = pipeline.ask("How many days of annual leave do I get?")
        assert reply.text and reply.sources and reply.sources[0].score is not None


def test_costs_follow_a_configuration() -> None:
    material = Workload(characters=100_000, per_token=4.0, question=80)
    for step in (make("chunk", "characters", {"size": 500}), make("prompt", "template", {"passages": 4})):
        material = step.after(material)
    assert (material.chunks, material.passages, material.passage) == (200, 4, 500)
    cost = make("generate", "chat", {"model": MODEL, "max_tokens": 30}).cost(material)
    assert (cost.requests, cost.reply, cost.longest) == (1, 30, 30) and cost.prompt == (4 * 500 + 80) / 4 + 60
    assert cost.tokens == cost.prompt + 30
