"""The latency probe: how long a configuration takes for a question, as somebody who asks it will see.

Questions go one by one through the pipeline that an export would give, nothing is remembered and nothing else runs;
then, where it is asked for, several at once. What it costs is paid from the sweep's budget.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ragscout.engine.ledger_admission import LedgerAdmission
from ragscout.engine.session import Opening
from ragscout.engine.trouble import passing, unexpected
from ragscout.model.config import Configuration
from ragscout.model.errors import BudgetExceeded
from ragscout.model.results.journal import Probed
from ragscout.model.stages import identifying
from ragscout.model.step import chat_models
from ragscout.serve.pipeline import Pipeline, Reply
from ragscout.store.store import Store

log = logging.getLogger(__name__)
PATIENCE = 1.0
"""Seconds per question asked for: a row that needs longer is probed with fewer questions, but never fewer than"""
FEWEST_REPLIES = 3


@dataclass(frozen=True)
class Probe:
    """What was measured of one configuration: seconds per question, by stage, of questions asked ``together``, until
    the ``first`` token of an answer where the endpoint streams."""

    seconds: tuple[float, ...]
    stages: Mapping[str, tuple[float, ...]]
    at_once: int = 1
    together: tuple[float, ...] = ()
    first: tuple[float, ...] = ()
    failed: int = 0
    why: str = ""

    def entry(self, key: str, clock: float) -> Probed:
        """Return the journal's entry for the configuration ``key``."""
        return Probed(key=key, clock=clock, **vars(self))


def probe(
    configuration: Configuration,
    questions: Sequence[str],
    *,
    store: Store,
    opening: Opening,
    sweep: str,
    concurrency: int,
    deadline: float | None,
    go_on: Callable[[], bool] = lambda: True,
) -> Probe:
    """Ask a configuration questions one by one, the first one twice (models and indexes load at its first time).

    Args:
        configuration: one that was measured on ``store``.
        questions: texts, at most so many are asked.
        concurrency: how many are asked at once in a second pass; 1 for no second pass. There is none either for a
            model that works on one request at a time, as local ones do by default.
        deadline: moment on the monotonic clock after which nothing more is asked.
        go_on: looked at before every question; nothing more is asked once it says no.

    Raises:
        ModelCallError, StoreError, OSError: an endpoint did not answer, the store or this machine is in trouble (see
            ``engine.trouble``); probe again later.
    """
    try:
        with Pipeline.of(configuration, store=store, opening=opening, memo=False) as pipeline:
            limits = opening.limits(closing=True)
            pipeline.runtime.pay(LedgerAdmission(store.ledger, sweep, limits, remembers=False), "probe")
            return _asked(pipeline, questions, concurrency, deadline, go_on)
    except Exception as error:  # a step may be anybody's code and raise anything
        if unexpected(error):
            log.exception("the latency probe of %s failed", configuration.label())
        return Probe((), {}, failed=_own_failures(error), why=_said(error))


def _own_failures(error: Exception) -> int:
    """1 for an error of the row's own, 0 for a spent budget, which is no fault of it.

    Raises:
        Exception: the error itself, when it may be gone by the next run.
    """
    reason = passing(error)
    if reason is not None and reason.kind != "budget":
        raise error
    return int(reason is None)


def _said(error: Exception) -> str:
    """Say what went wrong; an error that was not worded for people is named."""
    return f"{type(error).__name__}: {error}" if unexpected(error) else str(error)


def _asked(
    pipeline: Pipeline, questions: Sequence[str], concurrency: int, deadline: float | None, go_on: Callable[[], bool]
) -> Probe:
    replies: list[Reply] = []
    first: list[float] = []
    failed, why = 0, ""
    runtime, calls = pipeline.runtime, pipeline.runtime.calls
    calls.streams = True
    pipeline.ask(questions[0])
    began = time.monotonic()
    for question in questions:
        now = time.monotonic()
        over = (deadline is not None and now > deadline) or not go_on()
        if over or (len(replies) >= FEWEST_REPLIES and now - began > PATIENCE * len(questions)):
            break
        try:
            calls.first_token = None
            reply = pipeline.ask(question)
            replies.append(reply)
            if calls.first_token is not None:
                first.append(_short(reply.seconds - reply.timings[identifying()] + calls.first_token))
        except Exception as error:  # a step may be anybody's code and raise anything
            if unexpected(error):
                log.exception("the latency probe of %s failed", pipeline.configuration.label())
            failed, why = _own_failures(error), _said(error)
            break
    models = [model for step in pipeline.configuration.steps.values() for model in chat_models(step)]
    calls.streams = False
    narrow = any(runtime.width(model) < 2 for model in models)
    together: list[float] = []
    if concurrency > 1 and go_on() and not narrow and not failed and len(replies) == len(questions):
        try:
            together = [reply.seconds for reply in asyncio.run(_at_once(pipeline, questions, concurrency))]
        except BudgetExceeded as error:
            why = str(error)  # what was measured one by one stays
    stages = {stage: tuple(_short(reply.timings[stage]) for reply in replies) for stage in _stages(replies)}
    return Probe(
        tuple(_short(reply.seconds) for reply in replies),
        stages,
        concurrency if together else 1,
        tuple(map(_short, together)),
        tuple(first),
        failed,
        why,
    )


async def _at_once(pipeline: Pipeline, questions: Sequence[str], width: int) -> list[Reply]:
    gate = asyncio.Semaphore(width)

    async def one(question: str) -> Reply:
        async with gate:
            return await pipeline.aask(question)

    return list(await asyncio.gather(*map(one, questions)))


def _stages(replies: Sequence[Reply]) -> list[str]:
    return list(replies[0].timings) if replies else []


def _short(seconds: float) -> float:
    return round(seconds, 4)
