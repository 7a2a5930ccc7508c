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
from ragscout.model.values import Chunks, Passages
from ragscout.plan.passages import StoredPassages
from ragscout.plan.setup import Setup
from ragscout.steps.measure.judge.judge import Judge
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
    prepared: Setup,
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
    prepared: Setup,
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
        context=[Passages.of(chunks, places)],
        prompt=[Prompt((), places)],
        generate=[Answer(exhibit.answer, passages=places)],
    )
    outcome = scores if isinstance(scores, Unfilled) else next(iter(scores.values()))
    return Judgement(outcome, scoped.usage)


class GivenPassages:
    """Texts of the passages that an answer was given."""

    def __init__(self, prepared: Setup, store: Store) -> None:
        """Args: prepared = the sweep; store = where its cells lie."""
        self._prepared = prepared
        self._reader = StoredPassages(prepared, store)

    def of(self, configuration: str, question: Question) -> tuple[str, ...]:
        """Passages in the order of the prompt; none where nothing was retrieved or the chunks are gone."""
        row = self._prepared.configuration(configuration)
        found = self._reader.given(row, question) if row.generates else None
        return () if found is None else tuple(found[0].text[at] for at in found[1])
