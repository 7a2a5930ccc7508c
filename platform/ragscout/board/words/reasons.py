"""Why a search ended, or why a hold-out stayed sealed, as a phrase."""

from __future__ import annotations

from ragscout.model.results.reason import Reason
from ragscout.words import Phrase, phrase


def reason_phrase(reason: Reason) -> Phrase:
    """Return a reason as a phrase. A sentence of an earlier version stays in the language that it was written in."""
    return phrase(f"reason.{reason.kind}", **reason.values)
