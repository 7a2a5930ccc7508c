"""What all steps share that learn from questions: one value for each fold, none of which saw that fold's questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ragscout.model.errors import StepError
from ragscout.model.evalset import Question
from ragscout.model.fitted import PerFold
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step
from ragscout.model.training import Split, TrainingSplit


@dataclass(frozen=True, kw_only=True)
class FitStep(Step):
    """Base of steps that learn from a training split. A subclass gives ``learn`` and nothing else.

    It is given the questions that one value may see and never learns which fold is left out. A subclass that needs
    documents or chunks names them in ``uses``, with ``training`` among them.
    """

    uses: ClassVar[tuple[str, ...]] = ("training",)

    training: Split = field(metadata={"help": "name of a training split, frozen by `ragscout data freeze`"})
    folds: int = field(
        default=5, metadata={"help": "values learnt, each without one fold's questions", "ge": 2, "le": 50}
    )

    async def learn(self, runtime: Runtime, questions: Sequence[Question], **inputs: Any) -> Any:
        """Learn one value.

        Args:
            runtime: the doors to models.
            questions: those that may be learnt from, in an order that depends on nothing but themselves.
            inputs: values of the further stages in ``uses``.
        """
        raise NotImplementedError

    async def run(self, runtime: Runtime, *, training: TrainingSplit, **inputs: Any) -> PerFold:
        """Learn a value for each fold from the questions of all others, and one from all questions.

        Raises:
            StepError: the questions of a split lie in one fold, so that nothing is left to learn from.
        """
        folds = training.folds(self.folds)
        placed = [(question, folds.of(question)) for question in training.questions]
        if len({fold for _, fold in placed}) < 2:
            raise StepError(
                f"fit.{self.name}: all {len(placed)} questions of training split {self.training} lie in one fold, as "
                "they share documents or are few, so nothing is left to learn from without it. Freeze more questions "
                "about other documents under a new name, or change folds."
            )
        values = [
            await self.learn(runtime, [question for question, fold in placed if fold != left_out], **inputs)
            for left_out in range(self.folds)
        ]
        return PerFold(folds, tuple(values), await self.learn(runtime, training.questions, **inputs))
