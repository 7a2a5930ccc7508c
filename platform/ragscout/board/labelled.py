"""Where people's labels enter the board: a corrected column, the order of the rows, marks and standings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ragscout.board.compare import ComparisonTable
from ragscout.judges.ppi import Calibration, Corrected, correct
from ragscout.model.evalset import Question
from ragscout.model.results.board import Goal, Paired, Row
from ragscout.model.results.calibration import CORRECTED, Standing
from ragscout.model.results.measured import Measured

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

METHOD = "ppi"


@dataclass(frozen=True)
class GoalLabels:
    """The goal's corrected scores. ``ranks``: whether rows are ordered by them, which needs a judge whose signed bias
    for some answering model excludes 0, and labels of every model on the board: an unbiased judge alone decides better
    than few labels do."""

    corrected: Corrected
    ranks: bool

    def values(self, raw: Floats) -> Floats:
        """Return what rows are ordered by."""
        return self.corrected.values if self.ranks else raw


def goal_labels(
    measured: Sequence[Measured],
    questions: Sequence[Question],
    goal: Goal,
    judges: Sequence[Calibration],
    raw: Floats,
    scored: NDArray[np.bool_],
) -> GoalLabels | None:
    """Return the goal's correction, ``None`` when the goal is no judge's figure or has too few labels."""
    calibration = next((item for item in judges if item.standing.figure == goal.metric), None)
    if calibration is None:
        return None
    corrected = correct(measured, questions, goal, calibration, raw, scored)
    if corrected is None:
        return None
    return GoalLabels(corrected, bool(calibration.standing.biased) and not corrected.uncovered)


def with_figure(rows: Sequence[Row], goal: Goal, labels: GoalLabels | None) -> list[Row]:
    """Rows with the corrected figure beside the goal's."""
    if labels is None:
        return list(rows)
    name = goal.metric + CORRECTED
    return [
        row if stat is None else replace(row, figures={**row.figures, name: stat})
        for row, stat in zip(rows, labels.corrected.stats, strict=True)
    ]


def table(raw: ComparisonTable, order: Sequence[int], labels: GoalLabels | None) -> ComparisonTable:
    """Return the table that rows are compared by: pseudo-values where the corrected scores rank, else the raw ones."""
    import numpy as np

    if labels is None or not labels.ranks:
        return raw
    pseudo = labels.corrected.pseudo[list(order)]
    known = np.zeros(pseudo.shape, dtype=bool)
    known[raw.scored.any(1)] = True
    return ComparisonTable(pseudo * raw.sign, known, raw.sign)


def with_counts(rows: Sequence[Row], raw: ComparisonTable, leader: int | None, labels: GoalLabels | None) -> list[Row]:
    """Comparisons by pseudo-values, with the questions, wins and losses that were really counted."""
    if labels is None or not labels.ranks:
        return list(rows)
    reference = next((place for place, row in enumerate(rows) if row.has("reference")), None)
    return [
        replace(
            row,
            versus_reference=_counted(row.versus_reference, raw, place, reference),
            versus_leader=_counted(row.versus_leader, raw, place, leader),
        )
        for place, row in enumerate(rows)
    ]


def _counted(paired: Paired | None, raw: ComparisonTable, row: int, other: int | None) -> Paired | None:
    if paired is None or other is None:
        return paired
    apart = [a - b for a, b in zip(*raw.pair(row, other), strict=True)]
    wins, losses = sum(d > 1e-12 for d in apart), sum(d < -1e-12 for d in apart)
    return replace(paired, n=len(apart), wins=wins, losses=losses, method=METHOD)


def standings(judges: Sequence[Calibration], goal: Goal, labels: GoalLabels | None) -> tuple[Standing, ...]:
    """Return the judges of the board; the goal's says whether its corrected scores rank."""
    ranks = labels is not None and labels.ranks
    return tuple(replace(item.standing, ranks=ranks and item.standing.figure == goal.metric) for item in judges)


def own_answers(judges: Sequence[Calibration]) -> frozenset[str]:
    """Return configurations whose answers were written by a model that also judges them."""
    return frozenset(key for item in judges for key in item.own)
