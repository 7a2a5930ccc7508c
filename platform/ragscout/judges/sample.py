"""Which answers of a sweep people should label, and in which order: seeded, spread, blind."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ragscout.judges.labels import item_key
from ragscout.model.config import Configuration
from ragscout.model.evalset import Question
from ragscout.model.outcome import Failure, Score
from ragscout.model.stages import identifying
from ragscout.model.step import chat_models
from ragscout.steps.measure.base import references_of, refused

DEFAULT_SAMPLE = 50
LEAST = 10
"""Labels that every answering model gets where the sample allows it: what its bias is estimated from."""


@dataclass(frozen=True)
class Item:
    """A distinct answer to a question. ``model``: who wrote it (of several, the first by name); ``configurations``:
    keys of those that gave it; ``level``: what the sweep's judge said, empty when it was not asked; ``value``: the
    same on 0..1."""

    key: str
    question: Question
    answer: str
    model: str
    configurations: tuple[str, ...]
    level: str = ""
    value: float | None = None
    detail: Mapping[str, str] = field(default_factory=dict)


Answered = tuple[Configuration, Mapping[str, Mapping[str, Score | Failure]], Mapping[str, str]]
"""A configuration, its outcomes by question and figure, its answers by question."""

Given = Callable[[str, Question], Sequence[str]]
"""Texts of the passages that a configuration (by key) was given for a question."""


def nothing_given(configuration: str, question: Question) -> Sequence[str]:
    """For criteria that read no passages: the same answer is one answer, whatever it was made from."""
    return ()


def answering_model(configuration: Configuration) -> str:
    """Name of what writes a configuration's answers: the chat model's, else the step's; empty when nothing does."""
    step = configuration.steps.get(identifying())
    if step is None:
        return ""
    model = next(iter(chat_models(step)), None)
    return step.name if model is None else (model.label or model.model)


def population(
    rows: Iterable[Answered], questions: Sequence[Question], figure: str, given: Given = nothing_given
) -> list[Item]:
    """Every distinct answer of a sweep that a judge is asked about, by question, answer and what ``given`` says.

    What rules settle (failures, refusals, unanswerable questions) is no judge's work and is left out. Without the
    figure in the sweep, the rules of correctness decide.
    """
    by_id = {question.id: question for question in questions}
    found: dict[str, Item] = {}
    for configuration, scores, answers in rows:
        model = answering_model(configuration)
        for name in sorted(set(scores) & set(answers) & set(by_id)) if model else ():
            question, answer, outcome = by_id[name], answers[name], scores[name].get(figure)
            if isinstance(outcome, Failure) or (outcome is not None and "level" not in outcome.detail):
                continue
            if outcome is None and not _to_judge(question, answer, scores[name]):
                continue
            key = item_key(question, answer, given(configuration.key, question))
            level = "" if outcome is None else f"{round(float(outcome.detail['level']))}"
            known = found.get(key)
            found[key] = Item(
                key,
                question,
                answer,
                min(model, known.model) if known else model,
                (*(known.configurations if known else ()), configuration.key),
                level,
                None if outcome is None else outcome.value,
                {} if outcome is None else outcome.detail,
            )
    return sorted(found.values(), key=lambda item: item.key)


def _to_judge(question: Question, answer: str, scores: Mapping[str, Score | Failure]) -> bool:
    references = references_of(question)
    failed = any(isinstance(outcome, Failure) and outcome.whose == "candidate" for outcome in scores.values())
    return question.answerable and bool(references) and not failed and not refused(answer, references)


def choose(items: Sequence[Item], size: int, seed: int, labelled: Collection[str] = ()) -> list[Item]:
    """Return a sample in the order to be shown.

    Every answering model gets an equal share of the sample as far as it has answers; within a model the judge's levels
    are drawn in proportion, each level that occurs at least once. What is ``labelled`` already is taken first, so that
    a larger sample extends a smaller one and a second labeller sees the same answers.
    """
    models: dict[str, list[Item]] = {}
    for item in items:
        models.setdefault(item.model, []).append(item)
    shares = _shares({name: len(members) for name, members in models.items()}, size, dict.fromkeys(models, 1.0))
    chosen: list[Item] = []
    for name, members in sorted(models.items()):
        levels: dict[str, list[Item]] = {}
        for item in members:
            levels.setdefault(item.level, []).append(item)
        counts = {level: len(found) for level, found in levels.items()}
        wanted = _shares(counts, shares[name], counts)
        for level, found in sorted(levels.items()):
            ranked = sorted(found, key=lambda item: (item.key not in labelled, _drawn(seed, "sample", item.key)))
            chosen += ranked[: wanted[level]]
    return sorted(chosen, key=lambda item: _drawn(seed, "order", item.key))


def _shares(available: Mapping[str, int], size: int, weight: Mapping[str, float]) -> dict[str, int]:
    """``size`` places dealt one by one to the stratum that is furthest behind its weight; each first gets one."""
    given = dict.fromkeys(sorted(available), 0)
    total = sum(weight.values()) or 1.0
    for _ in range(min(size, sum(available.values()))):
        open_ = [name for name in given if given[name] < available[name]]
        best = min(open_, key=lambda name: (given[name] > 0, given[name] / (weight[name] / total), name))
        given[best] += 1
    return given


def _drawn(seed: int, purpose: str, key: str) -> bytes:
    return hashlib.sha256(f"{seed}\x00{purpose}\x00{key}".encode()).digest()
