"""What the factor search learns from blocks: the model of all configurations, and how well it predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragscout.model.results.measured import goal_value
from ragscout.search.contract import Block
from ragscout.search.factor.claims import FitCheck, goal_scale
from ragscout.search.factor.model import FactorModel, make_design
from ragscout.search.outcomes import Outcomes
from ragscout.search.space import EncodedSpace, kind_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FEWEST_UPDATES = 3
"""Updates before the model's predictions are held against what comes in."""


class FactorLearner:
    """``model``: the factor model of what was told. ``low`` and ``scale``: the goal's range, which the model has as
    0..1 with more is better."""

    def __init__(self, space: EncodedSpace, outcomes: Outcomes) -> None:
        """Args: outcomes = the table that the same blocks are told to after ``predict`` and ``cells``."""
        self._space, self._outcomes, self._goal = space, outcomes, outcomes.goal
        self._kinds = [kind_of(knob) for knob in space.knobs]
        self._column = {question: column for column, question in enumerate(outcomes.questions)}
        self._errors: list[float] = []
        self.low, self.scale = goal_scale(outcomes.goal)
        self.model = self._fresh()

    def _fresh(self, metric: Floats | None = None, borrowed: Floats | None = None) -> FactorModel:
        design = make_design(self._space.codes, self._space.active, self._kinds, metric, borrowed)
        return FactorModel(design, len(self._outcomes.questions), self._outcomes.weights)

    def cells(self, blocks: Sequence[Block]) -> list[tuple[int, int, float]]:
        """Return configuration, question and score (0..1) of what the table was not told yet."""
        return [
            (row, column, value)
            for row, scores in self._scores(blocks)
            for column, value in scores
            if not self._outcomes.asked[row, column]
        ]

    def learn(self, cells: Sequence[tuple[int, int, float]]) -> None:
        """Add cells and refit."""
        rows, columns, values = zip(*cells, strict=True)
        self.model.add(rows, columns, values)
        self.model.update()

    def learn_retrieval(self, metric: Floats, borrowed: Floats) -> None:
        """Figures of prefixes become columns of the model; what was answered so far is told to it again."""
        before = self.model
        self.model = self._fresh(metric, borrowed)
        if before.updates:
            self.model.add(*before.cells())
            self.model.update()

    def predict(self, blocks: Sequence[Block]) -> None:
        """Standardised errors of blocks before the model learns from them: the material of the fit check."""
        if self.model.updates < FEWEST_UPDATES:
            return
        told = [(row, scores) for row, scores in self._scores(blocks) if len(scores) > 1]
        if told:
            columns = [[column for column, _ in scores] for _, scores in told]
            values = [[value for _, value in scores] for _, scores in told]
            self._errors += self.model.block_errors([row for row, _ in told], columns, values)

    def fit(self) -> FitCheck:
        """Return the fit check so far."""
        import numpy as np

        if not self.model.updates:
            return FitCheck(0, 0.0, 0.0)
        spread = float(np.sqrt(np.mean(np.square(self._errors)))) if self._errors else 0.0
        return FitCheck(len(self._errors), spread, self.model.interaction_share())

    def _scores(self, blocks: Sequence[Block]) -> list[tuple[int, list[tuple[int, float]]]]:
        """Per block of a known configuration its row and, by column, its scores on 0..1, higher is better."""
        found = []
        for block in blocks:
            row = self._space.index.get(block.configuration.key)
            if row is None:
                continue
            scores = []
            for question, figures in block.scores.items():
                column = self._column.get(question)
                value = goal_value(figures.get(self._goal.metric), self._goal)
                if column is not None and value is not None:
                    unit = (value - self.low) / self.scale
                    scores.append((column, unit if self._goal.higher else 1 - unit))
            found.append((row, scores))
        return found
