"""Prompt with worked examples in front of the question, as earlier turns of the conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from ragscout.model.evalset import Question
from ragscout.model.outcome import Failure, Message, Prompt
from ragscout.model.runtime import Runtime
from ragscout.model.step import step
from ragscout.model.values import Passages
from ragscout.steps.fit.worked import WorkedExamples
from ragscout.steps.prompt.render import fenced
from ragscout.steps.prompt.template import Template


@step("prompt", "few-shot", version=1)
class FewShot(Template):
    """Render question and passages as `template` does, after the worked examples of `fit: examples` as earlier turns.

    The examples stand between the instructions and the question, each a question without passages and its accepted
    answer. Without ``fit: examples`` there are none, and the prompt is that of ``template``.
    """

    uses: ClassVar[tuple[str, ...]] = ("context", "fit")
    stands_for: ClassVar[tuple[str, ...]] = ()

    async def run(
        self,
        runtime: Runtime,
        questions: Sequence[Question],
        *,
        context: Sequence[Passages] | None = None,
        fit: Any = None,
    ) -> list[Prompt | Failure]:
        """One prompt per question; ``fit`` holds the examples that may be shown to these questions."""
        made = await super().run(runtime, questions, context=context)
        turns = _turns(fit) if isinstance(fit, WorkedExamples) else ()
        return [
            replace(item, messages=_with(item.messages, turns)) if isinstance(item, Prompt) else item for item in made
        ]


def _turns(shown: WorkedExamples) -> tuple[Message, ...]:
    return tuple(
        message
        for item in shown.examples
        for message in (Message("user", fenced(item.question)), Message("assistant", fenced(item.answer)))
    )


def _with(messages: tuple[Message, ...], turns: tuple[Message, ...]) -> tuple[Message, ...]:
    """Put turns behind the instructions that a prompt begins with."""
    at = next((place for place, message in enumerate(messages) if message.role != "system"), len(messages))
    return (*messages[:at], *turns, *messages[at:])
