"""Components as somebody else would write them, on the public interface alone: one class each, nothing else changed."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ragscout.model.evalset import Document, Question
from ragscout.model.outcome import Failure, Hit, Message, Query, Ranking, Unfilled
from ragscout.model.runtime import ChatModel, ChatReply, ChatRequest, Runtime
from ragscout.model.step import Step, step
from ragscout.model.values import Chunks, Corpus, register_codec
from ragscout.steps.chunk.base import ChunkStep, Span
from ragscout.steps.fuse.both import FuseBoth


@step("query", "toy.hyde", version=1)
class Hyde(Step):
    """The words go as asked; for the vectors a model writes the passage that would answer the question."""

    model: ChatModel = field(metadata={"help": "connection of models:"})

    async def run(self, runtime: Runtime, questions: Sequence[Question]) -> list[Query | Failure | Unfilled]:
        return list(await asyncio.gather(*(self._one(runtime, question) for question in questions)))

    async def _one(self, runtime: Runtime, question: Question) -> Query | Failure | Unfilled:
        asked = (Message("user", f"Write a passage that answers: {question.text}"),)
        reply = await runtime.chat(ChatRequest(self.model, asked, 64), "query")
        if not isinstance(reply, ChatReply):
            return reply
        return Query((question.text, reply.text), ("lexical", "dense"), (False, True))


@step("chunk", "toy.semantic", version=1)
class Semantic(ChunkStep):
    """Lines together as long as an embedding endpoint finds neighbours alike; headed by the title in the index."""

    model: ChatModel = field(metadata={"help": "connection of models:"})
    least: float = field(default=0.5, metadata={"help": "likeness below which a chunk ends", "ge": 0.0, "le": 1.0})

    async def cut(self, documents: Sequence[Document], runtime: Runtime) -> Sequence[Sequence[Span]]:
        return [await self._breaks(document.text, runtime) for document in documents]

    async def run(self, runtime: Runtime, corpus: Corpus) -> Chunks:
        found = await super().run(runtime, corpus)
        titles = (found.titles.get(name, "") for name in found.document)
        return replace(
            found, index_text=tuple(f"{title}: {text}" for title, text in zip(titles, found.text, strict=True))
        )

    async def _breaks(self, text: str, runtime: Runtime) -> list[Span]:
        lines = text.splitlines(keepends=True)
        if not lines:
            return []
        vectors = await runtime.embed_remote(self.model, lines, "embed")
        ends = list(itertools.accumulate(map(len, lines)))
        cuts = [ends[row] for row in range(len(lines) - 1) if float(vectors[row] @ vectors[row + 1]) < self.least]
        return list(itertools.pairwise([0, *cuts, len(text)]))


@dataclass
class WordSets:
    """A lexical index: the words of every chunk."""

    words: list[list[str]]

    def allowed(self, question: Question) -> None:
        return None

    def search(self, text: str, depth: int, keep: Any = None) -> Ranking:
        asked = set(text.lower().split())
        shared = {row: len(asked & set(words)) for row, words in enumerate(self.words)}
        best = sorted((row for row in shared if shared[row]), key=lambda row: (-shared[row], row))[:depth]
        return Ranking(tuple(Hit(row, float(shared[row])) for row in best))


class WordSetsCodec:
    """One JSON file."""

    def save(self, value: WordSets, folder: Path) -> None:
        (folder / "words.json").write_text(json.dumps(value.words), encoding="utf-8")

    def load(self, folder: Path) -> WordSets:
        return WordSets(json.loads((folder / "words.json").read_text(encoding="utf-8")))


register_codec("lexicon", WordSetsCodec(), name="toy.words", holds=WordSets)


@step("lexicon", "toy.words", version=1)
class Words(Step):
    """Words between spaces."""

    async def run(self, runtime: Runtime, chunk: Chunks) -> WordSets:
        return WordSets([sorted(set(text.lower().split())) for text in chunk.indexed])


@step("fuse", "toy.alternate", version=1)
class Alternate(FuseBoth):
    """One from each side in turn."""

    def fuse(self, dense: Ranking, lexical: Ranking) -> Ranking:
        turns = itertools.zip_longest(dense.hits, lexical.hits)
        rows = dict.fromkeys(hit.chunk for pair in turns for hit in pair if hit is not None)
        return Ranking(tuple(Hit(row, 1.0 / place) for place, row in enumerate(list(rows)[: self.depth], 1)))


@step("rerank", "toy.api", version=1)
class Api(Step):
    """An endpoint's reranker."""

    model: ChatModel = field(metadata={"help": "connection of models:"})
    depth: int = field(default=10, metadata={"help": "chunks sent and kept", "ge": 1, "le": 1000})

    async def run(
        self, runtime: Runtime, questions: Sequence[Question], *, chunk: Chunks, fuse: Sequence[Ranking]
    ) -> list[Ranking | Unfilled]:
        pairs = zip(questions, fuse, strict=True)
        return list(await asyncio.gather(*(self._one(runtime, asked, chunk, found) for asked, found in pairs)))

    async def _one(self, runtime: Runtime, asked: Question, chunk: Chunks, found: Ranking) -> Ranking | Unfilled:
        rows = [hit.chunk for hit in found.hits[: self.depth]]
        scores = await runtime.rerank(self.model, asked.text, [chunk.text[row] for row in rows])
        if isinstance(scores, Unfilled):
            return scores
        best = sorted(zip(rows, scores, strict=True), key=lambda pair: (-round(pair[1], 6), pair[0]))
        return Ranking(tuple(Hit(row, round(score, 6)) for row, score in best))
