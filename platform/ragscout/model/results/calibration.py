"""How far a judge can be trusted, as plain values: what the board, MLflow and the pages show beside its scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ragscout.words import Language, Phrase, Words, phrase

State = Literal["not_calibrated", "not_validated", "calibrated"]
AGREEMENT_FLOOR = 0.6
"""Agreement with people below which a judge is not validated."""
ENOUGH_LABELS = 30
"""Labelled answers below which nothing is said about a judge, and nothing is corrected."""
CORRECTED = ".corrected"
"""Suffix of the figure that holds a judge's scores corrected by people's labels."""


@dataclass(frozen=True)
class Scale:
    """A judge's scale: ``levels``, and the level from which an answer counts as right."""

    levels: int = 5
    pass_level: int = 4

    @property
    def passed(self) -> float:
        """The pass level on 0..1."""
        return (self.pass_level - 1) / (self.levels - 1)


@dataclass(frozen=True)
class Standing:
    """One judge figure of a sweep. ``agreement`` with people -1..1 by ``coefficient`` (``kappa``, or ``AC1`` where one
    class holds more than 85 %) with a 95 % interval, ``None`` without enough labels.

    ``candidate``: whether the judge also writes answers in this sweep. ``biased``: answering models whose signed bias
    has an interval that excludes 0. ``ranks``: whether the order of the rows uses the corrected scores.
    """

    figure: str
    judge: str
    state: State
    labels: int = 0
    coefficient: str = "kappa"
    agreement: float | None = None
    low: float | None = None
    high: float | None = None
    candidate: bool = False
    biased: tuple[str, ...] = ()
    ranks: bool = False

    @property
    def warning(self) -> Phrase | None:
        """What must stand beside the judge's scores; ``None`` for a judge that people confirm."""
        if self.state == "calibrated":
            return None
        if self.state == "not_calibrated" or self.agreement is None:
            return phrase("judges.not_calibrated")
        return phrase("judges.not_validated", coefficient=self.coefficient, value=self.agreement)

    def badge(self, language: Language = "en") -> str:
        """Return the warning in a language; empty for a judge that people confirm."""
        return "" if self.warning is None else Words(language).value(self.warning)


def standing_state(labels: int, agreement: float | None) -> State:
    """State by number of labelled answers and agreement with people."""
    if labels < ENOUGH_LABELS or agreement is None:
        return "not_calibrated"
    return "calibrated" if agreement >= AGREEMENT_FLOOR else "not_validated"
