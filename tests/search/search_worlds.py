"""Made-up worlds of the search tests: those of the shipped kit, and how many of them a test plays."""

from collections.abc import Callable
from typing import Any

import pytest
from scipy import stats

from ragscout.testing.search import GOAL, MadeSpace, World, configuration, judge_failed, opened, play, small_space

__all__ = [
    "GOAL",
    "MadeSpace",
    "World",
    "configuration",
    "judge_failed",
    "likely",
    "opened",
    "play",
    "played",
    "small_space",
]


def played(few: int, many: int) -> Callable[[Any], Any]:
    """The test takes ``worlds``: a few in `make test`, many behind `make test-all`."""
    return pytest.mark.parametrize("worlds", [few, pytest.param(many, marks=pytest.mark.simulation)])


def likely(share: float, worlds: int) -> tuple[float, float]:
    """Least and largest share of ``worlds`` in which a thing that happens in ``share`` of all worlds may be seen: what
    lies outside has a probability of one in a thousand on either side."""
    low, high = stats.binom.ppf((0.001, 0.999), worlds, share) / worlds
    return float(low), float(high)
