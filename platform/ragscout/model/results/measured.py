"""What was measured of one configuration, and what an outcome counts as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ragscout.model.config import Configuration
from ragscout.model.metric import Figure
from ragscout.model.outcome import Failure, Score, Usage
from ragscout.model.results.board import Goal

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Measured:
    """What was measured of one configuration: per question id, per figure name, its outcome; usage per question; why
    it failed as a whole."""

    configuration: Configuration
    scores: Mapping[str, Mapping[str, Score | Failure]]
    usage: Mapping[str, Usage] = field(default_factory=dict)
    failed: str = ""


def goal_value(outcome: Score | Failure | None, figure: Figure | Goal) -> float | None:
    """Return what an outcome counts as: a score its value, a candidate's failure the declared floor, a measurement's
    failure nothing (missing, out of the mean)."""
    if isinstance(outcome, Score):
        return outcome.value
    if outcome is not None and outcome.whose == "candidate":
        return figure.floor
    return None
