"""Asking a judge about given answers, through the same runtime, memo and budget as a sweep does."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ragscout.engine.runtime import EngineRuntime, MeteredRuntime
from ragscout.engine.session import open_runtime
from ragscout.model.evalset import Question
from ragscout.model.outcome import Answer, Failure, Prompt, Score, Unfilled, Usage
from ragscout.model.values import Chunks, codec
from ragscout.plan.cells import CellReader
from ragscout.plan.setup import Prepared
from ragscout.steps.measure.judge import Judge
from ragscout.store.store import Store


@dataclass(frozen=True)
class Exhibit:
    """One answer to be judged, with the passages it was given."""

    question: Question
    answer: str
    passages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """What a judge said of one answer on one criterion, and what asking it takes (memo or not)."""

    outcome: Score | Failure | Unfilled
    usage: Usage


def judge_all(
    prepared: Prepared,
    store: Store,
    judges: Sequence[Judge],
    exhibits: Sequence[Exhibit],
    progress: Callable[[int], None] = lambda _: None,
) -> list[list[Judgement]]:
    """Every judge's first figure on every answer, one judge after the other; what is in the memo is not asked again.
    ``progress`` is told how many answers are judged, over all judges.

    Raises:
        StepError: a local model is absent.
    """
    return asyncio.run(_all(prepared, store, judges, exhibits, progress))


async def _all(
    prepared: Prepared,
    store: Store,
    judges: Sequence[Judge],
    exhibits: Sequence[Exhibit],
    progress: Callable[[int], None],
) -> list[list[Judgement]]:
    done = itertools.count(1)

    async def one(judge: Judge, exhibit: Exhibit) -> Judgement:
        found = await _one(runtime, judge, exhibit)
        progress(next(done))
        return found

    runtime = open_runtime(store, prepared.sweep_id, prepared.opening, closing=True)
    try:
        return [list(await asyncio.gather(*(one(judge, exhibit) for exhibit in exhibits))) for judge in judges]
    finally:
        await runtime.close()


async def _one(runtime: EngineRuntime, judge: Judge, exhibit: Exhibit) -> Judgement:
    scoped = MeteredRuntime(runtime)
    count = len(exhibit.passages)
    places = tuple(range(count))
    chunks = Chunks(("",) * count, (0,) * count, tuple(map(len, exhibit.passages)), exhibit.passages)
    (scores,) = await judge.run(
        scoped,
        [exhibit.question],
        chunk=chunks,
        prompt=[Prompt((), places)],
        generate=[Answer(exhibit.answer, passages=places)],
    )
    outcome = scores if isinstance(scores, Unfilled) else next(iter(scores.values()))
    return Judgement(outcome, scoped.usage)


class Passages:
    """Texts of the passages that an answer was given."""

    def __init__(self, prepared: Prepared, store: Store) -> None:
        """Args: prepared = the sweep; store = where its cells lie."""
        self._prepared, self._store = prepared, store
        self._cells = CellReader(store, prepared)
        self._chunks: dict[str, Chunks | None] = {}

    def of(self, configuration: str, question: Question) -> tuple[str, ...]:
        """Passages in the order of the prompt; none where nothing was retrieved or the chunks are gone."""
        nodes = self._prepared.configuration(configuration).nodes
        if "prompt" not in nodes or "chunk" not in nodes:
            return ()
        prompt = self._cells.value(nodes["prompt"], question)
        chunks = self._of_node(nodes["chunk"].key)
        if chunks is None or not isinstance(prompt, Prompt):
            return ()
        return tuple(chunks.text[row] for row in prompt.passages)

    def _of_node(self, key: str) -> Chunks | None:
        if key not in self._chunks:
            folder = self._store.value_folder(key)
            self._chunks[key] = None if folder is None else codec("chunk").load(folder)
        return self._chunks[key]
