"""A goal of several figures that the user weighs. Nothing else ever averages metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ragscout.model.metric import Figure
from ragscout.model.outcome import Failure, Score, Scores
from ragscout.model.results.board import Note

NAME = "weighted"
_NOT_APPLICABLE = ("no_reference", "no_evidence")


@dataclass(frozen=True)
class Weighted:
    """The figure ``weighted``: sum of weight times score over the figures of a question, 0..1.

    ``parts``: each figure with its weight; weights sum to 1. Each score is scaled first by its figure's declared range,
    (score - low) / (high - low), and turned round where lower is better, so that the scale depends on no data. A
    candidate's failure counts as the scaled floor. A figure that does not apply to a question (no reference, no
    passages) gives its weight to the others, alike for every configuration; one that could not be scored makes the
    whole missing.
    """

    parts: tuple[tuple[Figure, float], ...]

    @classmethod
    def of(cls, weights: Mapping[str, float], figures: Mapping[str, Figure]) -> Weighted:
        """Weights above 0 of known figures, brought to the sum 1.

        Raises:
            ValueError: a figure counts something and has no end to its range, so that it cannot be scaled.
        """
        total = sum(weights.values())
        for name in weights:
            if figures[name].unit != "share" or not math.isfinite(figures[name].high - figures[name].low):
                raise ValueError(f"{name} ({figures[name].unit}) has no end to its range")
        return cls(tuple((figures[name], weight / total) for name, weight in weights.items()))

    def figure(self) -> Figure:
        """Return the declared figure."""
        return Figure(NAME)

    def outcome(self, scores: Scores) -> Score | Failure | None:
        """Return the question's weighted score, ``None`` where none of the figures was measured."""
        sum_, weights = 0.0, 0.0
        shown: dict[str, str] = {}
        away: Failure | None = None
        failures: list[Failure] = []
        for figure, weight in self.parts:
            outcome = scores.get(figure.name)
            if outcome is None:
                continue
            if isinstance(outcome, Failure) and outcome.whose == "measurement":
                if outcome.kind not in _NOT_APPLICABLE:
                    return outcome
                away = outcome
                continue
            if isinstance(outcome, Failure):
                failures.append(outcome)
            value = self._scaled(figure, outcome)
            sum_, weights = sum_ + weight * value, weights + weight
            shown[figure.name] = f"{value:.4g}"
        if not weights:
            return away
        if len(failures) == len(shown) and sum_ == 0.0:
            return failures[0]
        return Score(min(1.0, max(0.0, sum_ / weights)), shown)

    def signature(self) -> str:
        """Weights and scaling."""
        return f"weighted|{self._sum()}|scaled:declared-range"

    def note(self) -> Note:
        """Return what the board says of it."""
        return Note("weighted_goal", {"sum": self._sum(" × ", " + ")})

    def _sum(self, times: str = "*", plus: str = "+") -> str:
        return plus.join(f"{weight:.3g}{times}{figure.name}" for figure, weight in self.parts)

    @staticmethod
    def _scaled(figure: Figure, outcome: Score | Failure) -> float:
        value = outcome.value if isinstance(outcome, Score) else figure.floor
        share = (value - figure.low) / (figure.high - figure.low)
        return share if figure.higher_is_better else 1.0 - share
