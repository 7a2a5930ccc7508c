"""The packaged weights of the fact score, and which of them may judge a question.

They were fitted on labelled answers to questions of the bundled evaluation sets. A question of such a set is judged by
weights that were fitted without any label of that set; every other question by weights fitted on all labels.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from ragscout.prompts.files import PackagedFile
from ragscout.steps.measure.fact.features import FEATURES

WEIGHTS = PackagedFile("ragscout.steps.measure", "fact/weights.json")
"""The fitted weights as they are packaged; part of the metric's key."""
DIGITS = 16
"""Hexadecimal digits by which a question of a labelled set is known again."""


@dataclass(frozen=True)
class Weights:
    """A fitted logistic regression. ``without``: the labelled set that had no part in it, empty when all had."""

    intercept: float
    by_feature: Mapping[str, float]
    without: str = ""

    def chance(self, values: Mapping[str, float]) -> float:
        """Return the chance (0..1, four decimals) that an answer with these figures is right."""
        margin = self.intercept + sum(self.by_feature[item.name] * values[item.name] for item in FEATURES)
        return round(1 / (1 + math.exp(-max(-700.0, min(700.0, margin)))), 4)

    def contributions(self, values: Mapping[str, float]) -> list[tuple[str, float]]:
        """Return what each figure adds to the margin, largest first; figures that add nothing are left out."""
        added = ((item.name, self.by_feature[item.name] * values[item.name]) for item in FEATURES)
        return sorted((pair for pair in added if pair[1]), key=lambda pair: (-abs(pair[1]), pair[0]))


def question_digest(question: str) -> str:
    """Return the digest by which a question (in normal form) of a labelled set is known again."""
    return hashlib.sha256(" ".join(question.split()).encode()).hexdigest()[:DIGITS]


def weights_for(question: str) -> Weights:
    """Return the weights that may judge a question: none that saw a label of its set."""
    without, sets = _packaged()
    return without[sets.get(question_digest(question), "")]


@functools.cache
def _packaged() -> tuple[dict[str, Weights], dict[str, str]]:
    """Weights by the set they were fitted without, and the set of every question of a labelled set."""
    data = json.loads(WEIGHTS.text)
    fitted = {name: Weights(found["intercept"], found["weights"], name) for name, found in data["without"].items()}
    return fitted, {question: name for name, questions in data["questions"].items() for question in questions}
