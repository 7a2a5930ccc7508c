"""What a step is given to run: the values it reads, those of identity steps made on the spot."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from ragscout.model.evalset import Question
from ragscout.model.fitted import PerFold
from ragscout.model.outcome import Failure
from ragscout.model.runtime import Runtime
from ragscout.model.stages import STAGES
from ragscout.model.step import Step, identity_of


async def arguments(
    step: Step, values: Mapping[str, Any], questions: Sequence[Question] = (), runtime: Runtime | None = None
) -> dict[str, Any]:
    """Return the keyword arguments of a step's ``run``.

    Args:
        step: whose declared inputs are wanted; what cannot be had is left out.
        values: by stage, the values of the node's inputs: a whole value, or a list with one entry per question.
        questions: those asked, aligned with the lists.
        runtime: for identity steps.
    """
    found = {name: await value_at(name, values, questions, runtime) for name in step.inputs}
    return {name: value for name, value in found.items() if value is not None}


async def value_at(
    stage: str, values: Mapping[str, Any], questions: Sequence[Question], runtime: Runtime | None = None
) -> Any:
    """Return the value of a stage: what was computed there, else what its identity step makes of the values before it;
    ``None`` when these are not there. Failures are passed on question by question."""
    if stage in values:
        return values[stage]
    step = identity_of(stage)
    if step is None or STAGES[stage].grain != "question":
        return None
    given = await arguments(step, values, questions, runtime)
    if len(given) < len(step.inputs):
        return None
    columns = {name: value for name, value in given.items() if STAGES[name].grain == "question"}
    found: list[Any] = [
        next((column[row] for column in columns.values() if isinstance(column[row], Failure)), None)
        for row in range(len(questions))
    ]
    rows = [row for row, failure in enumerate(found) if failure is None]
    if rows:
        own = {name: [column[row] for row in rows] for name, column in columns.items()}
        made = await step.run(runtime, [questions[row] for row in rows], **{**given, **own})  # type: ignore[attr-defined]
        for row, value in zip(rows, made, strict=True):
            found[row] = value
    return found


def value_now(stage: str, values: Mapping[str, Any], questions: Sequence[Question]) -> Any:
    """Return what ``value_at`` returns, without an event loop: identity steps never wait."""
    waiting: Coroutine[Any, Any, Any] = value_at(stage, values, questions)
    try:
        waiting.send(None)
    except StopIteration as done:
        return done.value
    waiting.close()
    raise RuntimeError(f"the identity step of stage {stage} waits for something")


async def whole_value(step: Step, values: Mapping[str, Any], runtime: Runtime) -> Any:
    """Return the value of a whole node from the values of its inputs.

    When an input holds one value for each fold, the step runs once for each fold and once for the whole split, each
    time with that fold's values alone: an index over what was learnt is built for each fold.
    """
    folded = next((value for value in values.values() if isinstance(value, PerFold)), None)
    if folded is None:
        return await _run(step, values, runtime)
    found = []
    for place in range(len(folded.every())):
        own = {stage: value.every()[place] if isinstance(value, PerFold) else value for stage, value in values.items()}
        found.append(await _run(step, own, runtime))
    return PerFold(folded.folds, tuple(found[:-1]), found[-1])


async def _run(step: Step, values: Mapping[str, Any], runtime: Runtime) -> Any:
    return await step.run(runtime, **await arguments(step, values))  # type: ignore[attr-defined]


def apart(
    questions: Sequence[Question], values: Mapping[str, Any]
) -> list[tuple[Sequence[Question], Mapping[str, Any]]]:
    """Split a batch by the learnt values that may serve its questions: each part with its own values of all inputs.

    A batch of a node that reads nothing learnt stays together. Questions that no learnt value may serve
    (``Folds.of``) are left out.

    Args:
        questions: those asked.
        values: by stage, the values of the node's inputs: a whole value, or a list aligned with ``questions``.
    """
    folded = next((value for value in values.values() if isinstance(value, PerFold)), None)
    if folded is None:
        return [(questions, values)]
    rows: dict[int, list[int]] = {}
    for row, question in enumerate(questions):
        fold = folded.folds.of(question)
        if fold is not None:
            rows.setdefault(fold, []).append(row)
    return [([questions[row] for row in rows[fold]], _part(values, fold, rows[fold])) for fold in sorted(rows)]


def _part(values: Mapping[str, Any], fold: int, rows: Sequence[int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for stage, value in values.items():
        if STAGES[stage].grain == "question":
            found[stage] = [value[row] for row in rows]
        else:
            found[stage] = value.values[fold] if isinstance(value, PerFold) else value
    return found
