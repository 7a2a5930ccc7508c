"""What each knob did: the factor model fitted on whatever a sweep measured, whichever search chose it.

An *effect* is the mean of the configurations with one value of a knob minus the mean of all that have the knob, as the
model predicts them for the whole space, so that an uneven search does not favour a value. Intervals are the
model's 95 % posterior intervals. An *interaction* is what two values give together beyond their two effects.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from ragscout.model.config import Configuration
from ragscout.model.outcome import Failure, Score
from ragscout.model.results.board import Goal
from ragscout.plan.outcome_table import column_of
from ragscout.search.factor.claims import FitCheck
from ragscout.search.factor.model import FactorModel, Kind, make_design
from ragscout.search.space import INACTIVE, EncodedSpace, encode, kind_of
from ragscout.stats.rounding import rounded
from ragscout.stats.shrinkage import Believed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

UPDATES = 12
"""Refits of the model on the finished table; question effects and variances move no more after that."""
BLOCK, FOLDS = 10, 3
NORMAL = 1.96
NEAR, SAMPLES = 0.03, 400
FEW = 8
"""Measured configurations per model below which no question effects of single models are fitted."""


@dataclass(frozen=True)
class Effect:
    """One value of a knob: points on the goal's scale above (or below) the average of the knob's values, with a 95 %
    interval. ``configurations``: how many of the space have it."""

    knob: str
    level: str
    value: float
    low: float
    high: float
    configurations: int


@dataclass(frozen=True)
class Interaction:
    """Two knobs: ``cells[i][j]`` is what value i of the first and j of the second give beyond both effects, ``None``
    where no configuration has both. ``spread``: root mean square of the cells."""

    first: str
    second: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[float | None, ...], ...]
    spread: float


@dataclass(frozen=True)
class Cells:
    """What was scored, row after row: configuration, question and value of each score, shape (scores,)."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: Floats

    def where(self, kept: NDArray[np.bool_]) -> Cells:
        """Return the scores that a mask keeps."""
        return Cells(self.rows[kept], self.columns[kept], self.values[kept])


@dataclass(frozen=True)
class _Space:
    """Configurations of the sweep, whose roles mean nothing here: a baseline is a configuration like any other."""

    configurations: tuple[Configuration, ...]


class Effects:
    """The fitted model and what can be read from it."""

    def __init__(
        self,
        configurations: Sequence[Configuration],
        scores: Mapping[str, Mapping[str, Mapping[str, Score | Failure]]],
        questions: Sequence[str],
        goal: Goal,
        weights: Sequence[float] = (),
    ) -> None:
        """Args: configurations = the space; scores = key, question, figure to outcome; questions = ids in order;
        weights = of the questions, empty when all count alike."""
        self.goal = goal
        import numpy as np

        self.space = encode(_Space(tuple(configurations)))
        scored = _scored(self.space, scores, questions, goal)
        self._low, self._scale = _scale(goal, scored.values)
        self._cells = replace(scored, values=self._unit(scored.values))
        self._questions, self._weights = len(questions), tuple(weights)
        self.known = len(np.unique(scored.rows)) > 1 and bool(self.space.knobs)
        """Whether there is anything to compare: two measured configurations that differ in a knob."""
        if self.known:
            self._model = self._fitted(self._cells)

    def effects(self) -> tuple[Effect, ...]:
        """Every value of every knob; knobs with the largest spread first, values in the order of the space."""
        import numpy as np

        if not self.known:
            return ()
        rows, named = [], []
        for k, (knob, levels) in enumerate(self.space.knobs.items()):
            on = self._active[:, k]
            for code, level in enumerate(levels):
                has = self.space.codes[:, k] == code
                if level != INACTIVE and has.any():
                    rows.append(has / has.sum() - on / on.sum())
                    named.append((knob, level, int(has.sum())))
        mean, sd = self._model.contrasts(np.array(rows))
        found = [
            Effect(knob, level, *self._shown(float(m), float(s)), count)
            for (knob, level, count), m, s in zip(named, mean, sd, strict=True)
        ]
        size: dict[str, float] = {}
        for effect in found:
            size[effect.knob] = max(size.get(effect.knob, 0.0), abs(effect.value))
        return tuple(sorted(found, key=lambda effect: (-size[effect.knob], list(self.space.knobs).index(effect.knob))))

    def contributions(self, key: str) -> tuple[Effect, ...]:
        """Return what each knob's value adds in one configuration: against the mean of the configurations that differ
        from it in this knob only (a knob that one side does not have does not count), largest first.
        ``configurations``: how many those are. Knobs without such neighbours are left out."""
        import numpy as np

        if not self.known or key not in self.space.index:
            return ()
        at = self.space.index[key]
        codes, on = self.space.codes, self._active
        rows, named = [], []
        for k, (knob, levels) in enumerate(self.space.knobs.items()):
            if not on[at, k]:
                continue
            same = (codes == codes[at]) | ~on | ~on[at]
            same[:, k] = True
            near = same.all(1) & (codes[:, k] != codes[at, k]) & on[:, k]
            if near.any():
                row = near / -near.sum()
                row[at] += 1.0
                rows.append(row)
                named.append((knob, levels[codes[at, k]], int(near.sum())))
        if not rows:
            return ()
        mean, sd = self._model.contrasts(np.array(rows))
        found = [
            Effect(knob, level, *self._shown(float(m), float(s)), count)
            for (knob, level, count), m, s in zip(named, mean, sd, strict=True)
        ]
        return tuple(sorted(found, key=lambda effect: -abs(effect.value)))

    def predicted(self, key: str) -> float | None:
        """Return what the knobs alone give a configuration, on the goal's scale; ``None`` when nothing is known."""
        import numpy as np

        if not self.known or key not in self.space.index:
            return None
        row = np.zeros((1, len(self.space.keys)))
        row[0, self.space.index[key]] = 1.0
        mean, _ = self._model.contrasts(row)
        unit = self._model.origin + float(mean[0])
        return rounded((unit if self.goal.higher else 1 - unit) * self._scale + self._low)

    def interactions(self, count: int = 3) -> tuple[Interaction, ...]:
        """Return the pairs of knobs whose values work together most, strongest first."""
        if not self.known:
            return ()
        found = [self._interaction(a, b) for a, b in itertools.combinations(range(len(self.space.knobs)), 2)]
        strong = sorted((item for item in found if item is not None), key=lambda item: -item.spread)
        return tuple(strong[:count])

    def _interaction(self, a: int, b: int) -> Interaction | None:
        import numpy as np

        names = list(self.space.knobs)
        both = self._active[:, a] & self._active[:, b]
        if not both.any():
            return None
        levels = [[c for c in range(len(self.space.knobs[names[k]])) if self._has(k, c, both).any()] for k in (a, b)]
        if min(map(len, levels)) < 2:
            return None
        cells: list[tuple[float | None, ...]] = []
        for i in levels[0]:
            line: list[float | None] = []
            for j in levels[1]:
                cell = self._has(a, i, both) & self._has(b, j, both)
                if not cell.any():
                    line.append(None)
                    continue
                parts = [cell, self._has(a, i, both), self._has(b, j, both), both]
                row = sum(sign * part / part.sum() for sign, part in zip((1, -1, -1, 1), parts, strict=True))
                mean, _ = self._model.contrasts(np.asarray(row)[None])
                line.append(self._shown(float(mean[0]), 0.0)[0])
            cells.append(tuple(line))
        known = [value for line in cells for value in line if value is not None]
        spread = float(np.sqrt(np.mean(np.square(known))))
        first, second = ([self.space.knobs[names[k]][c] for c in levels[n]] for n, k in enumerate((a, b)))
        return Interaction(names[a], names[b], tuple(first), tuple(second), tuple(cells), rounded(spread))

    def near(self, seed: int = 0) -> dict[str, float]:
        """Posterior probability of each configuration to lie within 3 % of the best, by key; empty when the model did
        not pass its check: nothing is claimed then."""
        if not self.known or not self.fit().passed:
            return {}
        import numpy as np

        sample = self._model.sample(np.random.default_rng(seed), SAMPLES)
        within = (sample >= (1 - NEAR) * sample.max(0)).mean(1)
        return {key: rounded(float(within[row])) for key, row in self.space.index.items()}

    def posterior(self) -> dict[str, Believed]:
        """Posterior of each configuration's mean by key, pulled to what its knobs predict; empty when the model did not
        pass its check."""
        import numpy as np

        if not self.known or not self.fit().passed:
            return {}
        mean, variance = self._model.predictive(np.arange(len(self.space.keys)))
        shown = (mean if self.goal.higher else 1 - mean) * self._scale + self._low
        sd = np.sqrt(variance) * self._scale
        return {key: Believed(float(shown[row]), float(sd[row])) for key, row in self.space.index.items()}

    def fit(self) -> FitCheck:
        """Blocks of ten answers predicted by models that never saw them, and the share of interactions."""
        return self._fit

    @cached_property
    def _fit(self) -> FitCheck:
        if not self.known:
            return FitCheck(0, 0.0, 0.0)
        import numpy as np

        cells = self._cells
        # rows come one after the other, so that an answer's place among its row's is its distance from the first
        place = np.arange(len(cells.rows)) - np.searchsorted(cells.rows, cells.rows)
        folds = (cells.rows + place // BLOCK) % FOLDS
        ends = np.flatnonzero((np.diff(cells.rows) != 0) | (np.diff(place // BLOCK) != 0)) + 1
        blocks = [block for block in np.split(np.arange(len(cells.rows)), ends) if len(block) > 1]
        errors: list[float] = []
        for fold in range(FOLDS):
            held = [block for block in blocks if folds[block[0]] == fold]
            rest = cells.where(folds != fold)
            if held and len(np.unique(rest.rows)) > 1:
                rows = [int(cells.rows[block[0]]) for block in held]
                columns, values = [cells.columns[block] for block in held], [cells.values[block] for block in held]
                errors += self._fitted(rest).block_errors(rows, columns, values)
        spread = float(np.sqrt(np.mean(np.square(errors)))) if errors else 0.0
        return FitCheck(len(errors), rounded(spread), rounded(self._model.interaction_share()))

    @property
    def _active(self) -> NDArray[np.bool_]:
        return active_knobs(self.space)

    def _has(self, knob: int, code: int, among: NDArray[np.bool_]) -> NDArray[np.bool_]:
        has: NDArray[np.bool_] = (self.space.codes[:, knob] == code) & among
        return has

    def _fitted(self, cells: Cells) -> FactorModel:
        import numpy as np

        design = make_design(self.space.codes, self._active, knob_kinds(self.space))
        if len(np.unique(cells.rows)) < FEW * (int(design.model.max()) + 1):
            # a question effect per model would explain the noise of so few rows away
            design = replace(design, model=design.model * 0)
        model = FactorModel(design, self._questions, self._weights)
        model.add(cells.rows, cells.columns, cells.values)
        for _ in range(UPDATES):
            model.update()
        return model

    def _unit(self, value: Floats) -> Floats:
        unit: Floats = (value - self._low) / self._scale
        return unit if self.goal.higher else 1 - unit

    def _shown(self, mean: float, sd: float) -> tuple[float, float, float]:
        """Mean and interval on the goal's own scale and direction."""
        sign = self.goal.sign * self._scale
        ends = sorted((sign * (mean - NORMAL * sd), sign * (mean + NORMAL * sd)))
        return rounded(sign * mean), rounded(ends[0]), rounded(ends[1])


def active_knobs(space: EncodedSpace) -> NDArray[np.bool_]:
    """Whether a configuration has a knob, shape (configurations, knobs)."""
    import numpy as np

    off = [levels.index(INACTIVE) if INACTIVE in levels else -1 for levels in space.knobs.values()]
    found: NDArray[np.bool_] = space.codes != np.array(off, dtype=np.int64)
    return found


def knob_kinds(space: EncodedSpace) -> list[Kind]:
    """Whether a knob belongs to retrieval, to the prompt or to the model."""
    return [kind_of(knob) for knob in space.knobs]


def _scored(
    space: EncodedSpace,
    scores: Mapping[str, Mapping[str, Mapping[str, Score | Failure]]],
    questions: Sequence[str],
    goal: Goal,
) -> Cells:
    """Return what was scored: rows in the order of the space, a row's questions in the order of asking."""
    import numpy as np

    places = {question: place for place, question in enumerate(questions)}
    rows, columns, values = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for key, row in space.index.items():
        own = scores.get(key, {})
        asked = [question for question in own if question in places]
        counted, known = column_of(own, goal.metric, asked).counted(goal)
        rows.append(np.full(int(known.sum()), row))
        columns.append(np.array([places[question] for question in asked], dtype=np.int64)[known])
        values.append(counted[known])
    return Cells(np.concatenate(rows), np.concatenate(columns), np.concatenate(values))


def _scale(goal: Goal, values: Floats) -> tuple[float, float]:
    """Lower end and width of the goal's range; what was measured, where the range has no end."""
    if goal.low is not None and goal.high is not None and goal.high > goal.low:
        return goal.low, goal.high - goal.low
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    return low, (high - low) or 1.0
