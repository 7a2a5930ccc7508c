"""The goal of a sweep as figures, and the remembered self-tests of the metrics that may be one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, Literal

from ragscout.model.errors import SpecError, UnknownNameError
from ragscout.model.evalset import Question
from ragscout.model.key import digest
from ragscout.model.metric import Figure, MeasureStep
from ragscout.model.results.board import Goal
from ragscout.model.results.weighted import Weighted
from ragscout.plan.canaries import LEAST_AUC, MOST_FALSE_PASS, Canary, CanaryTest, canaries, judge_canaries
from ragscout.providers.assets import Resolver
from ragscout.spec import SweepSpec
from ragscout.steps.measure.base import TextMetric
from ragscout.steps.measure.fact.fact import CORRECTNESS, Fact
from ragscout.steps.measure.outside.evaluate_module import LocalRuntime
from ragscout.steps.measure.selftest import TRIPLES, SelfTest, selftest
from ragscout.store.store import Store

_DONE: dict[str, SelfTest] = {}


def goal_of(spec: SweepSpec, chosen: Sequence[MeasureStep]) -> tuple[Goal, Weighted | None]:
    """Return the goal, and how it is weighed where the file gives weights.

    Raises:
        UnknownNameError: nothing measures a figure.
        SpecError: a figure cannot be scaled, or is to go the way that makes it worse.
    """
    figures: Mapping[str, Figure] = {figure.name: figure for metric in chosen for figure in metric.figures()}
    word, other = ("minimize", "maximize") if spec.goal.minimize else ("maximize", "minimize")
    for name in spec.goal.weights or (spec.goal.metric,):
        if name not in figures:
            raise UnknownNameError(spec.document.at(f"goal.{word}"), "figure that the sweep measures", name, figures)
    if not spec.goal.weights and figures[spec.goal.metric].higher_is_better == spec.goal.minimize:
        raise SpecError(
            f"{spec.document.at('goal')}: {'more' if spec.goal.minimize else 'less'} of {spec.goal.metric} is better; "
            f"got a goal to {word} it. Write goal: {{{other}: {spec.goal.metric}}}."
        )
    if not spec.goal.weights:
        return Goal.of(figures[spec.goal.metric]), None
    families = {metric.family for metric in chosen for figure in metric.figures() if figure.name in spec.goal.weights}
    if len(families) > 1:
        raise SpecError(
            f"{spec.document.at('goal')}: metrics of answers and of retrieval are weighed together; got "
            f"{', '.join(spec.goal.weights)}. Weigh metrics of one family."
        )
    try:
        weighted = Weighted.of(spec.goal.weights, figures)
    except ValueError as error:
        raise SpecError(
            f"{spec.document.at('goal')}: {error}, so it cannot be scaled; got a weight for it. Leave it out."
        ) from None
    return Goal.of(weighted.figure()), weighted


def tester(store: Store, models: Resolver) -> Callable[[MeasureStep, Literal["en", "ko"]], SelfTest]:
    """Self-tests of metrics, each made once and remembered in the store; one that could not score is tried again."""

    def tested(metric: MeasureStep, language: Literal["en", "ko"]) -> SelfTest:
        key = digest("selftest", metric.key({}), language, TRIPLES[language].digest)
        if key in _DONE:
            return _DONE[key]
        text = store.ledger.memo_get("selftest", [key]).get(key)
        if text is not None:
            found = SelfTest(**json.loads(text))
        else:
            runtime: Any = LocalRuntime()
            runtime.models = models
            with ThreadPoolExecutor(1) as pool:  # the caller may have an event loop of its own
                found = pool.submit(lambda: asyncio.run(selftest(metric, language, runtime))).result()
            if found.triples:
                store.ledger.memo_put("selftest", {key: json.dumps(asdict(found))})
        if found.triples:
            _DONE[key] = found
        return found

    return tested


def refuse_unfit_goal(
    spec: SweepSpec, chosen: Sequence[MeasureStep], questions: Sequence[Question], store: Store, models: Resolver
) -> None:
    """Refuse a goal whose metric judges answers against references and fails on canaries of the questions.

    Raises:
        SpecError: it passes more than a fifth of the wrong canaries, or cannot tell them from the right ones.
    """
    goals = spec.goal.weights or (spec.goal.metric,)
    for metric in chosen:
        named = [figure.name for figure in metric.figures() if figure.name in goals and figure.pass_level is not None]
        if not isinstance(metric, TextMetric) or metric.tested_on_triples or not named:
            continue
        found = _canary_test(metric, named[0], canaries(questions), store, models)
        if not found.passed:
            raise SpecError(
                f"{spec.document.at('goal')}: {named[0]} cannot judge answers to these questions; got "
                f"{found.false_pass:.0%} of {found.wrong} wrong answers passed (at most {MOST_FALSE_PASS:.0%}) and an "
                f"AUC of {found.auc:.2f} (at least {LEAST_AUC}). Passed, for example: {found.example} Choose another "
                "goal, such as judge.correctness, and keep this figure under measure."
            )


def fact_may_choose(questions: Sequence[Question], store: Store) -> bool:
    """Return whether ``fact``, the judge that needs no model, passes on canaries of the questions."""
    return _canary_test(Fact(), CORRECTNESS, canaries(questions), store, Resolver()).passed


def _canary_test(
    metric: MeasureStep, figure: str, made: Sequence[Canary], store: Store, models: Resolver
) -> CanaryTest:
    key = digest(
        "canaries", metric.key({}), figure, [(item.question.full_key, item.answer, item.right) for item in made]
    )
    text = store.ledger.memo_get("canaries", [key]).get(key)
    if text is not None:
        return CanaryTest(**json.loads(text))
    runtime: Any = LocalRuntime()
    runtime.models = models
    with ThreadPoolExecutor(1) as pool:  # the caller may have an event loop of its own
        found = pool.submit(lambda: asyncio.run(judge_canaries(metric, figure, made, runtime))).result()
    assert found is not None, f"{metric.name} asks no endpoint"
    store.ledger.memo_put("canaries", {key: json.dumps(asdict(found))})
    return found
