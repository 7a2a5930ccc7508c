"""Refusals: right where a question has no answer, wrong where it has one."""

from __future__ import annotations

from ragscout.model.evalset import Question
from ragscout.model.metric import Figure
from ragscout.model.outcome import Answer, Failure, Score
from ragscout.model.step import step
from ragscout.steps.measure.behaviour import BehaviourMetric, gave_up
from ragscout.steps.measure.refusal import READ

_ONLY_UNANSWERABLE = Failure("measurement", "unsuitable", "Counted on unanswerable questions only.")
_ONLY_ANSWERABLE = Failure("measurement", "unsuitable", "Counted on answerable questions only.")


@step("measure", "refusal", version=1, packaged=READ)
class Refusal(BehaviourMetric):
    """On unanswerable questions: 1 when the answer refuses, 0 when it claims to know. English and Korean."""

    def figures(self) -> tuple[Figure, ...]:
        """``refusal``, 0..1, higher is better."""
        return (Figure("refusal"),)

    def outcome(self, question: Question, answer: Answer | Failure) -> Score | Failure:
        """0 or 1, or why the question does not count."""
        if question.answerable:
            return _ONLY_UNANSWERABLE
        found = gave_up(answer)
        return found if isinstance(found, Failure) else Score(float(found))


@step("measure", "false_refusal", version=1, packaged=READ)
class FalseRefusal(BehaviourMetric):
    """On answerable questions: 1 when the answer refuses, 0 when it answers. Lower is better."""

    def figures(self) -> tuple[Figure, ...]:
        """``false_refusal``, 0..1, lower is better; a candidate's failure counts as 1."""
        return (Figure("false_refusal", floor=1.0, higher_is_better=False),)

    def outcome(self, question: Question, answer: Answer | Failure) -> Score | Failure:
        """0 or 1, or why the question does not count."""
        if not question.answerable:
            return _ONLY_ANSWERABLE
        found = gave_up(answer)
        return found if isinstance(found, Failure) else Score(float(found))
