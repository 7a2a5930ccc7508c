"""Several people who label the same answers: how far they agree, and where they do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ragscout.judges.labels import Label
from ragscout.model.results.calibration import Scale
from ragscout.stats.agreement import EstimatedValue, agreement


@dataclass(frozen=True)
class RaterPair:
    """Two labellers on the answers both labelled."""

    first: str
    second: str
    kappa: EstimatedValue
    ac1: EstimatedValue
    same: int
    n: int


def labellers(labels: Sequence[Label], scale: Scale) -> tuple[RaterPair, ...]:
    """Agreement of every two labellers who share answers, on right or wrong."""
    sides: dict[str, dict[str, int]] = {}
    for label in labels:
        sides.setdefault(label.labeller, {})[label.item] = int(label.value >= scale.passed - 1e-9)
    names = sorted(sides)
    found = []
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            shared = sorted(set(sides[first]) & set(sides[second]))
            if shared:
                one, two = [sides[first][key] for key in shared], [sides[second][key] for key in shared]
                same = sum(a == b for a, b in zip(one, two, strict=True))
                kappa = agreement(one, two, 2, shared)
                ac1 = agreement(one, two, 2, shared, coefficient="gwet")
                found.append(RaterPair(first, second, kappa, ac1, same, len(shared)))
    return tuple(found)


def disputed(labels: Sequence[Label], scale: Scale) -> list[list[Label]]:
    """Labels of the answers on which labellers disagree: another side of the pass level, or two levels apart."""
    by_item: dict[str, list[Label]] = {}
    for label in labels:
        by_item.setdefault(label.item, []).append(label)
    apart = []
    for group in by_item.values():
        values = [label.value for label in group]
        sides = {value >= scale.passed - 1e-9 for value in values}
        if len(sides) > 1 or (max(values) - min(values)) * (scale.levels - 1) >= 2 - 1e-9:
            apart.append(sorted(group, key=lambda label: label.labeller))
    return sorted(apart, key=lambda group: group[0].item)
