"""``as-asked``: the question itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from ragscout.model.evalset import Question
from ragscout.model.outcome import Query
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step, step


@step("query", "as-asked", version=1)
class AsAsked(Step):
    """The question's text, unchanged."""

    identity: ClassVar[bool] = True

    async def run(self, runtime: Runtime, questions: Sequence[Question]) -> list[Query]:
        """One text per question."""
        return [Query((question.text,)) for question in questions]
