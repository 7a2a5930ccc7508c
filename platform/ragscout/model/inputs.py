"""What a step is given to run: the values it reads, those of identity steps made on the spot."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from ragscout.model.evalset import Question
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
    if step is None:
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
