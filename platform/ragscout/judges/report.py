"""What people's labels say about a judge: agreement, bias, errors, noise.

A label and a judgement are compared as right or wrong (at the judge's pass level) for kappa, AC1, false passes and
false fails, and on 0..1 for bias and slope. Where several people labelled an answer, their mean counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, pvariance

from ragscout.judges.labels import Label
from ragscout.judges.people import RaterPair, labellers
from ragscout.judges.sample import Item
from ragscout.model.results.calibration import ENOUGH_LABELS, Scale, Standing, standing_state
from ragscout.stats.agreement import DOMINANT, EstimatedValue, agreement, jackknife
from ragscout.stats.paired import wilson

WORST = 10
"""Disagreements that are listed."""


@dataclass(frozen=True)
class Labelled:
    """An answer that people labelled (``human``, 0..1) and a judge scored (``judge``, 0..1). ``weight``: how many
    answers of its model it stands for, as a share; the weights of a model sum to 1."""

    item: Item
    human: float
    judge: float
    weight: float = 1.0

    @property
    def question(self) -> str:
        """Id of the question: answers to one question are one group."""
        return self.item.question.id


@dataclass(frozen=True)
class Bias:
    """Judge minus people on 0..1 for one answering model (empty: all). An interval that excludes 0 is a bias."""

    model: str
    bias: float
    low: float | None
    high: float | None
    n: int

    @property
    def found(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Rate:
    """A share with Wilson's interval: ``count`` of ``of``; ``None`` when there is nothing to count."""

    count: int
    of: int
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Noise:
    """Repeated judgements: pooled standard deviation on 0..1, and in how many answers the verdict changed sides."""

    answers: int
    sd: float
    flipped: int


@dataclass(frozen=True)
class Report:
    """The calibration of one judge on one criterion. ``kappa`` and ``ac1`` on right or wrong; ``ac2`` and
    ``weighted_kappa`` on levels with quadratic weights, where people used the judge's levels. ``slope``: change of
    (judge - people) when an answer doubles its length. ``false_pass``: of the answers people call wrong, those the
    judge passes; ``false_fail``: of the right ones, those it fails. ``table``: counts of (people, judge) as
    ``right_right``, ``right_wrong``, ``wrong_right``, ``wrong_wrong``."""

    figure: str
    judge: str
    answers: int
    labels: int
    labellers: tuple[str, ...]
    coefficient: str
    value: EstimatedValue
    kappa: EstimatedValue
    ac1: EstimatedValue
    weighted_kappa: EstimatedValue
    ac2: EstimatedValue
    table: Mapping[str, int]
    bias: tuple[Bias, ...]
    slope: EstimatedValue
    false_pass: Rate
    false_fail: Rate
    noise: Noise | None
    between: tuple[RaterPair, ...]
    worst: tuple[Labelled, ...]

    @property
    def state(self) -> str:
        """``not_calibrated``, ``not_validated`` or ``calibrated``."""
        return standing_state(self.answers, self.value.value)

    def standing(self, *, candidate: bool = False, ranks: bool = False) -> Standing:
        """Return what the board wears."""
        enough = self.answers >= ENOUGH_LABELS
        return Standing(
            self.figure,
            self.judge,
            standing_state(self.answers, self.value.value),
            self.answers,
            self.coefficient,
            _rounded(self.value.value) if enough else None,
            _rounded(self.value.low) if enough else None,
            _rounded(self.value.high) if enough else None,
            candidate,
            tuple(bias.model for bias in self.bias if bias.model and bias.found) if enough else (),
            ranks,
        )


def matched(
    items: Sequence[Item], labels: Sequence[Label], judged: Mapping[str, float] | None = None
) -> list[Labelled]:
    """Labelled answers with a judge's score, by item.

    ``judged``: item key to another judge's score; without it the sweep's own. The weight undoes the sampling: within a
    model, each level of the sweep's judge counts as much as it has answers.
    """
    by_item: dict[str, list[float]] = {}
    for label in labels:
        by_item.setdefault(label.item, []).append(label.value)
    scores = {item.key: item.value if judged is None else judged.get(item.key) for item in items}
    known = [item for item in items if item.key in by_item and scores[item.key] is not None]
    weights = stratum_weights(items, known)
    return [
        Labelled(item, fmean(by_item[item.key]), float(scores[item.key] or 0.0), weight)
        for item, weight in zip(known, weights, strict=True)
    ]


def stratum_weights(items: Sequence[Item], known: Sequence[Item]) -> list[float]:
    """Weight of each labelled item inside its model: share of its level among the model's items over the number of
    labels there. A level without any label lends its share to the nearest level that has one."""
    sizes: dict[tuple[str, str], int] = {}
    for item in items:
        sizes[item.model, item.level] = sizes.get((item.model, item.level), 0) + 1
    labelled: dict[tuple[str, str], int] = {}
    for item in known:
        labelled[item.model, item.level] = labelled.get((item.model, item.level), 0) + 1
    lent = dict.fromkeys(labelled, 0.0)
    for (model, level), size in sizes.items():
        near = [other for name, other in labelled if name == model]
        if near:
            best = min(near, key=lambda other: (abs(_number(other) - _number(level)), other))
            lent[model, best] += size
    total: dict[str, float] = {}
    for (model, _), share in lent.items():
        total[model] = total.get(model, 0.0) + share
    return [lent[item.model, item.level] / total[item.model] / labelled[item.model, item.level] for item in known]


def _number(level: str) -> float:
    return float(level) if level else 0.0


def report(
    figure: str,
    judge: str,
    scale: Scale,
    known: Sequence[Labelled],
    labels: Sequence[Label],
    judged: Sequence[Mapping[str, str]] = (),
) -> Report:
    """Return the calibration of a judge. ``judged``: details of all its judgements, for the noise of repeats."""
    groups = [pair.question for pair in known]
    people = [int(pair.human >= scale.passed - 1e-9) for pair in known]
    machine = [int(pair.judge >= scale.passed - 1e-9) for pair in known]
    kappa = agreement(people, machine, 2, groups)
    ac1 = agreement(people, machine, 2, groups, coefficient="gwet")
    share = (sum(people) + sum(machine)) / (2 * len(known)) if known else 0.5
    use_gwet = max(share, 1 - share) > DOMINANT
    cells = list(zip(people, machine, strict=True))
    names = {(1, 1): "right_right", (1, 0): "right_wrong", (0, 1): "wrong_right", (0, 0): "wrong_wrong"}
    table = {name: cells.count(cell) for cell, name in names.items()}
    weighted, ac2 = _on_levels(known, labels, scale)
    here = {pair.item.key for pair in known}
    shown = [label for label in labels if label.item in here]
    apart = sorted(known, key=lambda pair: (-abs(pair.judge - pair.human), pair.item.key))
    return Report(
        figure=figure,
        judge=judge,
        answers=len(known),
        labels=len(shown),
        labellers=tuple(sorted({label.labeller for label in shown})),
        coefficient="AC1" if use_gwet else "kappa",
        value=ac1 if use_gwet else kappa,
        kappa=kappa,
        ac1=ac1,
        weighted_kappa=weighted,
        ac2=ac2,
        table=table,
        bias=biases(known),
        slope=length_slope(known),
        false_pass=rate(table["wrong_right"], table["wrong_right"] + table["wrong_wrong"]),
        false_fail=rate(table["right_wrong"], table["right_wrong"] + table["right_right"]),
        noise=repeat_noise(judged, scale),
        between=labellers(shown, scale),
        worst=tuple(pair for pair in apart[:WORST] if abs(pair.judge - pair.human) > 1e-9),
    )


def _on_levels(
    known: Sequence[Labelled], labels: Sequence[Label], scale: Scale
) -> tuple[EstimatedValue, EstimatedValue]:
    """Weighted kappa and AC2 of the answers that people put on the judge's own levels."""
    own = {label.item for label in labels if label.levels == scale.levels > 2}
    kept = [pair for pair in known if pair.item.key in own]
    if not kept:
        nothing = EstimatedValue(None, None, None, 0)
        return nothing, nothing
    top = scale.levels - 1
    people = [round(pair.human * top) for pair in kept]
    machine = [round(pair.judge * top) for pair in kept]
    groups = [pair.question for pair in kept]
    return (
        agreement(people, machine, scale.levels, groups, weights="quadratic"),
        agreement(people, machine, scale.levels, groups, weights="quadratic", coefficient="gwet"),
    )


def biases(known: Sequence[Labelled]) -> tuple[Bias, ...]:
    """Signed bias over all answers and for each answering model, largest first, with 95 % intervals by question."""
    models: dict[str, list[Labelled]] = {}
    for pair in known:
        models.setdefault(pair.item.model, []).append(pair)
    found = [_bias(name, members) for name, members in models.items()]
    found.sort(key=lambda bias: (-bias.bias, bias.model))
    return (_bias("", known), *found) if known else ()


def _bias(name: str, members: Sequence[Labelled]) -> Bias:
    def mean(places: Sequence[int]) -> float | None:
        weight = sum(members[place].weight for place in places)
        total = sum(members[place].weight * (members[place].judge - members[place].human) for place in places)
        return total / weight if weight else None

    made = jackknife(mean, [pair.question for pair in members])
    return Bias(name, float(made.value or 0.0), made.low, made.high, len(members))


def length_slope(known: Sequence[Labelled]) -> EstimatedValue:
    """Slope of (judge - people) on log2 of the answer's length in characters: points (of 1) per doubling."""
    x = [math.log2(max(1, len(pair.item.answer))) for pair in known]
    y = [pair.judge - pair.human for pair in known]

    def slope(places: Sequence[int]) -> float | None:
        if len(places) < 3:
            return None
        middle = fmean(x[place] for place in places)
        level = fmean(y[place] for place in places)
        spread = sum((x[place] - middle) ** 2 for place in places)
        return sum((x[place] - middle) * (y[place] - level) for place in places) / spread if spread > 1e-12 else None

    return jackknife(slope, [pair.question for pair in known])


def rate(count: int, of: int) -> Rate:
    """Return a share with Wilson's interval."""
    return Rate(count, of, count / of, *wilson(count, of)) if of else Rate(count, of, None, None, None)


def repeat_noise(judged: Sequence[Mapping[str, str]], scale: Scale) -> Noise | None:
    """Spread of repeated judgements of the same answers; ``None`` without repeats."""
    repeated = [[int(level) for level in detail["levels"].split()] for detail in judged if "levels" in detail]
    repeated = [levels for levels in repeated if len(levels) > 1]
    if not repeated:
        return None
    variance = fmean(pvariance(levels) * len(levels) / (len(levels) - 1) for levels in repeated)
    flipped = sum(len({level >= scale.pass_level for level in levels}) > 1 for levels in repeated)
    return Noise(len(repeated), math.sqrt(variance) / (scale.levels - 1), flipped)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 9) + 0.0
