"""Whether the answer is in the question's language."""

from __future__ import annotations

from ragscout.model.evalset import Question
from ragscout.model.metric import Figure
from ragscout.model.outcome import Answer, Failure, Score
from ragscout.model.step import step
from ragscout.model.text import language, normalise
from ragscout.steps.measure.behaviour import BehaviourMetric


@step("measure", "correct_language", version=1)
class CorrectLanguage(BehaviourMetric):
    """1 when the answer is written in the question's language, else 0.

    An answer without letters (``25``) fits every language, and so does one in the language of an accepted reference
    of at most three words: ``VPN`` is a right answer to a Korean question when a reference says ``VPN``.
    """

    def figures(self) -> tuple[Figure, ...]:
        """``correct_language``, 0..1."""
        return (Figure("correct_language"),)

    def outcome(self, question: Question, answer: Answer | Failure) -> Score | Failure:
        """0 or 1."""
        if isinstance(answer, Failure):
            return answer
        text = normalise(answer.text)
        if not text.strip():
            return Failure("candidate", "empty", "The answer is empty.")
        given = language(text)
        names = [reference for reference in question.references if len(reference.split()) <= 3]
        fitting = {language(question.text), *(language(name) for name in names)}
        return Score(float(given in fitting or not any(char.isalpha() for char in text)))
