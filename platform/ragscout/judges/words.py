"""What the board says of a judge: which notes a judge gets, with their values."""

from __future__ import annotations

from ragscout.model.results.board import Note
from ragscout.model.results.calibration import AGREEMENT_FLOOR, ENOUGH_LABELS, Standing
from ragscout.words import Phrase, phrase


def judge_notes(standing: Standing) -> list[Note]:
    """Return the board's notes about one judge figure: how far it is trusted, what labels did, whether it judges
    itself."""
    notes = [_trust(standing)]
    if standing.labels >= ENOUGH_LABELS:
        notes.append(_order(standing))
    if standing.candidate:
        notes.append(Note("own_judge", {"judge": standing.judge}))
    return notes


def agreement(standing: Standing) -> Phrase | None:
    """Return a judge's agreement with people and its interval: ``kappa 0.71 [0.60, 0.82]``; ``None`` without one."""
    if standing.agreement is None:
        return None
    values = {"coefficient": standing.coefficient, "value": standing.agreement}
    if standing.low is None or standing.high is None:
        return phrase("judges.agreement", **values)
    return phrase("judges.agreement_interval", **values, low=standing.low, high=standing.high)


def _trust(standing: Standing) -> Note:
    values = {"figure": standing.figure, "labels": standing.labels}
    if standing.state == "not_calibrated" or standing.agreement is None:
        return Note("judge_uncalibrated", {**values, "needed": ENOUGH_LABELS})
    values["agreement"] = agreement(standing)
    if standing.state == "not_validated":
        return Note("judge_unvalidated", {**values, "floor": AGREEMENT_FLOOR})
    return Note("judge_confirmed", values)


def _order(standing: Standing) -> Note:
    models = list(standing.biased)
    if standing.ranks:
        return Note("corrected", {"labels": standing.labels, "models": models})
    return Note("uncorrected", {"models": models}) if models else Note("unbiased")
