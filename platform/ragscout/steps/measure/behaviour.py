"""Base of metrics that look at how an answer behaves, without a reference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Unpack

from ragscout.model.evalset import Question
from ragscout.model.metric import MeasureStep, MetricInputs
from ragscout.model.outcome import Answer, Failure, Score, Scores, Unfilled
from ragscout.model.runtime import Runtime
from ragscout.steps.measure.refusal import is_refusal


class BehaviourMetric(MeasureStep):
    """One figure of the step's name from the question and the answer alone; a subclass implements ``outcome``."""

    uses: ClassVar[tuple[str, ...]] = ("generate",)

    def signature(self) -> str:
        """Return the rules' version is the step's."""
        return f"{self.name}|rules:{self.version}"

    def outcome(self, question: Question, answer: Answer | Failure) -> Score | Failure:
        """Return the figure of one answer."""
        raise NotImplementedError

    async def run(
        self, runtime: Runtime, questions: Sequence[Question], **given: Unpack[MetricInputs]
    ) -> list[Scores | Unfilled]:
        """Scores per question, in order."""
        answers = given.get("generate")
        if answers is None:
            nothing = Failure("measurement", "unsuitable", "This configuration generates no answer.")
            return [{self.name: nothing} for _ in questions]
        return [
            {self.name: self.outcome(question, answer)} for question, answer in zip(questions, answers, strict=True)
        ]


def gave_up(answer: Answer | Failure) -> bool | Failure:
    """Whether an answer is a refusal; another failure is returned as it is."""
    if isinstance(answer, Failure):
        return True if answer.kind == "refused" else answer
    return is_refusal(answer.text)
