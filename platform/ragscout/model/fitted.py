"""What is learnt from questions: one value for each fold of a training split, and one learnt from all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ragscout.model.evalset import Question
from ragscout.model.outcome import Failure
from ragscout.model.training import SEEN, Folds


@dataclass(frozen=True)
class PerFold:
    """A whole value that was learnt from questions, or was made of one that was.

    ``values``: for each fold the value that never saw a training question of that fold. ``whole``: the one that saw
    them all, for questions that belong to no evaluation set. Steps never see this container: each is handed one of its
    values at a time (``model.inputs``), so that no step can take the wrong one.
    """

    folds: Folds
    values: tuple[Any, ...]
    whole: Any

    def held_out(self, question: Question) -> Any:
        """Return the value that may serve a question of an evaluation set; ``SEEN`` when none may."""
        fold = self.folds.of(question)
        return SEEN if fold is None else self.values[fold]

    def every(self) -> tuple[Any, ...]:
        """Return all values, the one that was learnt from the whole split last."""
        return (*self.values, self.whole)


def served(values: Mapping[str, Any]) -> dict[str, Any]:
    """Whole values by stage for a question that somebody asks: what was learnt, from the whole split."""
    return {stage: value.whole if isinstance(value, PerFold) else value for stage, value in values.items()}


def evaluated(values: Mapping[str, Any], question: Question) -> dict[str, Any | Failure]:
    """Whole values by stage for a question of an evaluation set: what was learnt, without its fold."""
    return {stage: value.held_out(question) if isinstance(value, PerFold) else value for stage, value in values.items()}
