"""Few-shot examples: worked questions of the training split, for prompts that show some."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import field
from typing import Any

from ragscout.model.evalset import Question
from ragscout.model.runtime import Runtime
from ragscout.model.step import step
from ragscout.steps.fit.base import FitStep
from ragscout.steps.fit.worked import WorkedExample, WorkedExamples


@step("fit", "examples", version=1)
class Examples(FitStep):
    """Choose `n` worked examples (question and reference) of a training split, for the prompt `few-shot`.

    Only answerable questions with a reference and without a conversation before them are chosen. A hash of the question
    and ``draw`` decides, so that folds differ by the examples that they must not see and by nothing else.
    """

    n: int = field(default=3, metadata={"help": "examples shown", "ge": 1, "le": 50})
    draw: int = field(default=0, metadata={"help": "another number chooses other examples", "ge": 0})

    async def learn(self, runtime: Runtime, questions: Sequence[Question], **inputs: Any) -> WorkedExamples:
        """Return the first ``n`` of the questions that can be examples, in the order of their hash."""
        able = [question for question in questions if self._answer(question) and not question.history]
        chosen = sorted(able, key=self._place)[: self.n]
        return WorkedExamples(tuple(WorkedExample(item.text, self._answer(item)) for item in chosen))

    def _answer(self, question: Question) -> str:
        """Return the accepted answer, the fullest; empty where there is none."""
        return next((text.strip() for text in question.references if text.strip()), "") if question.answerable else ""

    def _place(self, question: Question) -> tuple[str, str]:
        drawn = hashlib.sha256(f"{self.draw}\x00{question.text_key}".encode()).hexdigest()
        return drawn, question.full_key
