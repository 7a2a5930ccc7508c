"""The latency probe: how long a configuration takes for a question, as somebody who asks it will see.

Questions go one by one through the pipeline that an export would give, nothing is remembered and nothing else runs;
then, where it is asked for, several at once. What it costs is paid from the sweep's budget.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ragscout.engine.ledger_admission import LedgerAdmission
from ragscout.engine.session import Opening
from ragscout.engine.trouble import passing, unexpected
from ragscout.model.config import Configuration
from ragscout.model.errors import BudgetExceeded
from ragscout.model.results.board import Latency
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


def latency(probed: Probe | Probed) -> Latency:
    """Sum up a probe as the board shows it."""
    seconds = sorted(probed.seconds)
    together = sorted(probed.together)
    low, high = quantile_interval(len(seconds), 0.95)
    return Latency(
        len(seconds),
        quantile(seconds, 0.5),
        quantile(seconds, 0.95),
        None if low is None else seconds[low],
        None if high is None else seconds[high],
        {stage: value for stage, values in probed.stages.items() if (value := quantile(sorted(values), 0.5))},
        probed.at_once,
        quantile(together, 0.5),
        quantile(together, 0.95),
        quantile(sorted(probed.first), 0.5),
        probed.failed,
    )


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return the smallest value that at least this share of the values do not pass; ``None`` of nothing."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def quantile_interval(n: int, share: float, confidence: float = 0.95) -> tuple[int | None, int | None]:
    """Positions (from 0) of the order statistics that hold a quantile with at least this confidence, whatever the
    distribution (binomial; David and Nagaraja 2003, section 7.1); ``None`` for an end that ``n`` values do not give."""
    from scipy import stats

    tail = (1 - confidence) / 2
    low = int(stats.binom.ppf(tail, n, share)) - 1 if n else -1
    high = int(stats.binom.ppf(1 - tail, n, share)) if n else 0
    return (low if low >= 0 else None), (high if high < n else None)
