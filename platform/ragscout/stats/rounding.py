"""Rounding of what is shown and stored, so that the last bits of a sum never matter."""

from __future__ import annotations

import math

DIGITS = 9


def rounded(value: float) -> float:
    """Nine decimals: what is shown and stored must not depend on the last bits of a sum."""
    return round(value, DIGITS) + 0.0


def finite(value: float) -> float | None:
    """Return ``rounded``, or ``None`` for an end that the figure does not have."""
    return rounded(value) if math.isfinite(value) else None
