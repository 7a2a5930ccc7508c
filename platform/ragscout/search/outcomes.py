"""What the search knows: a configuration x question table of goal values, built from told blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ragscout.model.outcome import Score, Usage
from ragscout.model.results.board import Goal
from ragscout.model.results.measured import goal_value
from ragscout.search.contract import Block
from ragscout.stats.two_way import adjusted_means

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Outcomes:
    """The table. Rows are configurations in the order of ``keys``, columns questions in the common order.

    ``weights``: of the questions, of mean 1, empty when all count alike. The search maximises what the board ranks by,
    so means and comparisons are weighted by them.
    """

    def __init__(
        self, keys: Sequence[str], questions: Sequence[str], goal: Goal, weights: Sequence[float] = ()
    ) -> None:
        import numpy as np

        self.keys, self.questions, self.goal = tuple(keys), tuple(questions), goal
        self.weights = tuple(weights)
        self._row = {key: row for row, key in enumerate(self.keys)}
        self._column = {question: column for column, question in enumerate(self.questions)}
        self.values = np.zeros((len(self.keys), len(self.questions)))
        self.scored = np.zeros(self.values.shape, dtype=bool)
        self.asked = np.zeros(self.values.shape, dtype=bool)
        self._answered = np.zeros(len(self.keys), dtype=np.int64)
        self.failed: dict[int, str] = {}
        self.usage: dict[int, Usage] = {}
        self._sums: dict[int, dict[str, tuple[float, int]]] = {}

    def add(self, block: Block) -> int | None:
        """Take a block in; gives its row, ``None`` for a configuration that is not in the table. Questions that were
        already asked keep their first outcome."""
        row = self._row.get(block.configuration.key)
        if row is None:
            return None
        if block.failed:
            self.failed.setdefault(row, block.failed)
            return row
        sums = self._sums.setdefault(row, {})
        for question, scores in block.scores.items():
            column = self._column.get(question)
            if column is None or self.asked[row, column]:
                continue
            self.asked[row, column] = True
            self._answered[row] += 1
            value = goal_value(scores.get(self.goal.metric), self.goal)
            if value is not None:
                self.values[row, column], self.scored[row, column] = value, True
            for name, outcome in scores.items():
                if isinstance(outcome, Score):
                    total, count = sums.get(name, (0.0, 0))
                    sums[name] = (total + outcome.value, count + 1)
        self.usage[row] = self.usage.get(row, Usage()) + block.usage
        return row

    def answered(self) -> NDArray[np.int64]:
        """Questions asked of each row (a copy)."""
        return self._answered.copy()

    def means(self, row: int) -> dict[str, float]:
        """Mean score of every figure of a row."""
        return {name: total / count for name, (total, count) in sorted(self._sums.get(row, {}).items())}

    def mean(self, row: int) -> float | None:
        """Mean goal value of what the row answered, ``None`` when nothing of any weight was scored."""
        import numpy as np

        known = self.scored[row]
        if not self.weights:
            return float(self.values[row, known].mean()) if known.any() else None
        weight = np.asarray(self.weights)[known]
        return float(np.average(self.values[row, known], weights=weight)) if weight.sum() > 0 else None

    def missing(self, row: int, count: int, order: NDArray[np.int64] | None = None) -> tuple[str, ...]:
        """Return the first ``count`` questions not asked of a row, in the common order or in one of its own
        (columns)."""
        import numpy as np

        left = np.flatnonzero(~self.asked[row]) if order is None else order[~self.asked[row, order]]
        return tuple(self.questions[column] for column in left[:count])

    def estimates(self) -> Floats:
        """Return adjusted means of shape (rows,) in the direction "more is better"; minus infinity where nothing is
        known."""
        import numpy as np

        adjusted = adjusted_means(self.values, self.scored, self.weights)
        return np.where(np.isfinite(adjusted), adjusted * self.goal.sign, -np.inf)

    def common(self, row: int, other: int) -> tuple[list[float], list[float]]:
        """Goal values of two rows on the questions both were scored on, in the direction "more is better", times the
        questions' weights: their mean difference is the weighted one."""
        import numpy as np

        both = self.scored[row] & self.scored[other]
        scale = self.goal.sign * np.asarray(self.weights)[both] if self.weights else self.goal.sign
        return (self.values[row, both] * scale).tolist(), (self.values[other, both] * scale).tolist()


def total_usage(usages: Mapping[str, Usage]) -> Usage:
    """Sum over questions, in the mapping's order."""
    total = Usage()
    for usage in usages.values():
        total = total + usage
    return total
