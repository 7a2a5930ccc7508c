"""The conformance kit of steps that learn from questions."""

from __future__ import annotations

import asyncio
from typing import Any

from ragscout.model.evalset import Question
from ragscout.model.fitted import PerFold
from ragscout.model.training import TrainingSplit
from ragscout.steps.fit.base import FitStep
from ragscout.testing.steps import WholeKit, run


class FitKit(WholeKit):
    """For stage ``fit``. A test sets ``cases`` and, where its steps read more than the split, ``more()``."""

    stage = "fit"

    def split(self) -> TrainingSplit:
        """Forty questions, some of which share a document."""
        return TrainingSplit.of(
            Question(f"q{number}", f"What is case {number}?", (f"Case {number}.",), documents=(f"d{number // 2}",))
            for number in range(40)
        )

    def more(self) -> dict[str, Any]:
        """Further inputs by stage name."""
        return {}

    def inputs(self) -> dict[str, Any]:
        """See ``WholeKit.inputs``."""
        return {"training": self.split(), **self.more()}

    def test_a_fold_has_the_value_that_is_learnt_without_it(self) -> None:
        """Each fold's value is what ``learn`` gives for the questions of all others, the last that for all."""
        split = self.split()
        for step in self.steps():
            assert isinstance(step, FitStep)
            folds = split.folds(step.folds)
            found = run(step, self.runtime(), **self.inputs())
            assert isinstance(found, PerFold) and found.folds == folds and len(found.values) == step.folds
            for fold, value in enumerate(found.values):
                rest = [question for question in split.questions if folds.of(question) != fold]
                alone = asyncio.run(step.learn(self.runtime(), rest, **self.more()))
                assert self.comparable(value) == self.comparable(alone)
            whole = asyncio.run(step.learn(self.runtime(), split.questions, **self.more()))
            assert self.comparable(found.whole) == self.comparable(whole)
