"""The pool: passages that any of several retrievers ranks high for a question."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ragscout.model.errors import StepError
from ragscout.model.evalset import Document, Question, SourceFile
from ragscout.model.outcome import Query, Ranking
from ragscout.model.runtime import Models, Runtime
from ragscout.model.values import Chunks, Corpus, Source
from ragscout.steps.chunk.sentences import Sentences
from ragscout.steps.corpus.parse import Parse
from ragscout.steps.embed.base import EmbedStep
from ragscout.steps.embed.static import Static
from ragscout.steps.embed.use_multilingual import UseMultilingual
from ragscout.steps.index.lancedb import LanceDB
from ragscout.steps.lexical.bm25 import BM25Search
from ragscout.steps.lexicon.bm25 import BM25

Retriever = BM25 | EmbedStep

SIZE = 600
"""Characters of a pooled passage: a paragraph, so that its neighbours do not hide what was found."""


@dataclass(frozen=True)
class PooledPassage:
    """A pooled passage. ``rank``: its best rank over the retrievers, from 1; ``by``: names of those that found it."""

    document: str
    start: int
    end: int
    text: str
    rank: int
    by: tuple[str, ...] = ()


async def read_corpus(files: Sequence[SourceFile], read: Callable[[str], bytes], runtime: Runtime) -> Corpus:
    """Return the documents of a version, by the default parser; ``read`` gives a file's bytes by its SHA-256."""
    return await Parse().run(runtime, source=Source(tuple(files), read))


def packaged_retrievers(models: Models) -> list[Retriever]:
    """BM25, and those of the packaged embedders whose files are here."""
    found: list[Retriever] = [BM25()]
    for step, alias in ((UseMultilingual(), "use-multilingual"), (Static(), "wordllama")):
        try:
            models.folder(alias)
        except StepError:
            continue
        found.append(step)
    return found


async def pool(
    questions: Sequence[Question], corpus: Corpus, retrievers: Sequence[Retriever], runtime: Runtime, depth: int = 5
) -> list[list[PooledPassage]]:
    """Per question the union of the first ``depth`` passages of every retriever, best rank first.

    A passage that the question's filter shuts out is left out.

    Args:
        questions: whose text is searched for.
        corpus: the documents.
        retrievers: lexicon and embed steps; equal ones count once.
        runtime: the door to models and to the memo of vectors.
        depth: passages per retriever and question.
    """
    chunks = await Sentences(size=SIZE, overlap=0).run(runtime, corpus=corpus)
    best: list[dict[int, tuple[int, tuple[str, ...]]]] = [{} for _ in questions]
    for step in {item.key({}): item for item in retrievers}.values():
        rankings = await _rankings(step, questions, chunks, runtime, depth)
        for found, ranking in zip(best, rankings, strict=True):
            for rank, hit in enumerate(ranking.hits, 1):
                before, names = found.get(hit.chunk, (rank, ()))
                found[hit.chunk] = (min(rank, before), (*names, step.label()))
    documents = corpus.by_id()
    return [
        [
            PooledPassage(chunks.document[row], chunks.start[row], chunks.end[row], chunks.text[row], rank, by)
            for row, (rank, by) in sorted(found.items(), key=lambda item: (item[1][0], item[0]))
            if _admitted(question, documents.get(chunks.document[row]))
        ]
        for question, found in zip(questions, best, strict=True)
    ]


async def _rankings(
    step: Retriever, questions: Sequence[Question], chunks: Chunks, runtime: Runtime, depth: int
) -> list[Ranking]:
    if isinstance(step, BM25):
        lexicon = await step.run(runtime, chunk=chunks)
        queries = [Query((question.text,)) for question in questions]
        return [
            Ranking(ranking.hits[:depth]) for ranking in await BM25Search().run(runtime, questions, queries, lexicon)
        ]
    embedded = await step.run(runtime, chunk=chunks)
    vectors = await step.queries(runtime, [question.text for question in questions])

    index = await LanceDB().run(runtime, chunk=chunks, embed=embedded)
    return await asyncio.to_thread(index.search, runtime, vectors, depth)


def _admitted(question: Question, document: Document | None) -> bool:
    return document is None or question.admits(document.meta)
