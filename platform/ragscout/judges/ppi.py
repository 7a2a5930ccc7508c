"""Judge scores corrected by people's labels: prediction-powered inference (Angelopoulos et al. 2023; the power-tuned
PPI++ of Angelopoulos, Duchi and Zrnic 2023) for every row of a board.

The corrected mean of a row is ``lambda * mean(judge) + mean over labels of (people - lambda * judge)``. The second
part comes from labels of the row's own answers when there are at least 30, else from those of all answers by the same
model: the judge's bias is then taken to be that model's, whatever was retrieved. ``lambda`` is the value of least
variance, the slope of people's labels on the judge's scores, kept within 0..1. What rules settle is not corrected.

Pseudo-values make the rest of the board's statistics work unchanged: one value per row and question whose mean is the
corrected mean and whose spread over questions is that of judge scores and labels together, the uncertainty of
``lambda`` included (linearisation). Differences of rows that share labels then cancel what they share.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragscout.judges.report import Labelled
from ragscout.judges.sample import LEAST, answering_model
from ragscout.model.evalset import Question
from ragscout.model.outcome import Score
from ragscout.model.results.board import FigureStat, Goal
from ragscout.model.results.calibration import ENOUGH_LABELS, Standing
from ragscout.model.results.measured import Measured
from ragscout.stats.paired import mean_interval, normal_quantile, student_quantile
from ragscout.stats.rounding import rounded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """A judge figure's labelled answers, and how far the judge is trusted. ``own``: keys of the configurations whose
    answers the judge wrote itself."""

    standing: Standing
    known: tuple[Labelled, ...] = ()
    own: frozenset[str] = frozenset()

    @property
    def enough(self) -> bool:
        """Whether there are labels enough to correct anything."""
        return len(self.known) >= ENOUGH_LABELS


@dataclass(frozen=True)
class Rectifier:
    """How people's labels move one group's judge scores: ``shift + tuned * score``. ``middle``: mean judge score of the
    labelled answers. ``residual``/``turn``: question id to its share in the error of the shift and of ``tuned``."""

    tuned: float
    shift: float
    middle: float
    residual: Mapping[str, float]
    turn: Mapping[str, float]
    labels: int


@dataclass(frozen=True)
class Corrected:
    """The corrected board. ``values``: judge scores after correction, shape (rows, questions); ``pseudo``: shape (rows,
    questions), see the module; ``stats``: per row, ``None`` where too few labels cover its model."""

    values: Floats
    pseudo: Floats
    stats: tuple[FigureStat | None, ...]
    uncovered: tuple[str, ...]


def rectifier(known: Sequence[Labelled]) -> Rectifier:
    """Return the correction of one group of labelled answers (at least three), questions counting by their weights."""
    import numpy as np

    raw = np.array([pair.weight * pair.item.question.weight for pair in known], dtype=np.float64)
    w = raw / raw.sum()
    judge = np.array([pair.judge for pair in known])
    human = np.array([pair.human for pair in known])
    middle, level = float(w @ judge), float(w @ human)
    variance = float(w @ (judge - middle) ** 2)
    slope = float(w @ ((judge - middle) * (human - level))) / variance if variance > 1e-12 else 1.0
    tuned = min(1.0, max(0.0, slope))
    error = human - level - tuned * (judge - middle)
    groups = len({pair.question for pair in known})
    # two fitted numbers, and Student's tail for the number of labelled questions instead of the board's normal one
    n = len(known)
    wider = math.sqrt(n / (n - 2)) * student_quantile(0.975, max(1, groups - 1)) / normal_quantile(0.975)
    residual: dict[str, float] = {}
    turn: dict[str, float] = {}
    free = tuned == slope and variance > 1e-12
    for place, pair in enumerate(known):
        share = float(w[place] * error[place]) * wider
        residual[pair.question] = residual.get(pair.question, 0.0) + share
        if free:
            turned = share * float(judge[place] - middle) / variance
            turn[pair.question] = turn.get(pair.question, 0.0) + turned
    return Rectifier(tuned, level - tuned * middle, middle, residual, turn, n)


def correct(
    measured: Sequence[Measured],
    questions: Sequence[Question],
    goal: Goal,
    calibration: Calibration,
    raw: Floats,
    scored: NDArray[np.bool_],
) -> Corrected | None:
    """Correct the rows of a board; ``None`` below 30 labels.

    ``raw``: goal values of shape (rows, questions); ``scored``: where there is one.
    """
    import numpy as np

    if not calibration.enough:
        return None
    columns = {question.id: column for column, question in enumerate(questions)}
    weight = np.array([question.weight for question in questions], dtype=np.float64)
    by_model: dict[str, Rectifier | None] = {}
    values, pseudo = raw.copy(), raw.copy()
    found: list[FigureStat | None] = []
    uncovered: dict[str, None] = {}
    for row, item in enumerate(measured):
        name = answering_model(item.configuration)
        if name not in by_model:
            members = [pair for pair in calibration.known if pair.item.model == name and _counts(pair)]
            by_model[name] = rectifier(members) if len(members) >= LEAST else None
        fit = _own(item, calibration.known) or by_model[name]
        if fit is None or not scored[row].any():
            uncovered.setdefault(name)
            found.append(None)
            continue
        judged = np.array([_judged(item, question.id, goal.metric) for question in questions]) & scored[row]
        values[row] = np.where(judged, fit.shift + fit.tuned * raw[row], raw[row])
        counted = np.where(scored[row], weight, 0.0)
        total = float(counted.sum())
        if total <= 0:
            found.append(None)
            continue
        mean = float(counted @ values[row]) / total
        share = float(counted[judged].sum()) / total
        off = float(counted[judged] @ raw[row, judged]) / (share * total) - fit.middle if share else 0.0
        parts = counted * (values[row] - mean) / total
        for question, error in fit.residual.items():
            if question in columns:
                parts[columns[question]] += share * (error + off * fit.turn.get(question, 0.0))
        pseudo[row] = mean + len(questions) * parts
        found.append(_stat(pseudo[row], goal, int(scored[row].sum()), len(item.scores)))
    return Corrected(values, pseudo, tuple(found), tuple(uncovered))


def _stat(pseudo: Floats, goal: Goal, scored: int, asked: int) -> FigureStat:
    """Corrected mean and interval, cut at the figure's range."""
    shown = mean_interval(pseudo.tolist())
    least = -math.inf if goal.low is None else goal.low
    most = math.inf if goal.high is None else goal.high
    mean, low, high = (rounded(min(max(value, least), most)) for value in (shown.mean, shown.low, shown.high))
    return FigureStat(mean, low, high, scored, asked)


def _own(item: Measured, known: Sequence[Labelled]) -> Rectifier | None:
    """Return the correction by labels of the row's own answers, each question once, when there are enough."""
    mine = [pair for pair in known if item.configuration.key in pair.item.configurations and _counts(pair)]
    return rectifier(mine) if len(mine) >= ENOUGH_LABELS else None


def _counts(pair: Labelled) -> bool:
    return pair.item.question.weight > 0


def _judged(item: Measured, question: str, figure: str) -> bool:
    outcome = item.scores.get(question, {}).get(figure)
    return isinstance(outcome, Score) and "level" in outcome.detail
