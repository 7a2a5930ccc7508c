"""Rounding of what is shown and stored, so that the last bits of a sum never matter."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

DIGITS = 9
ORDER_DIGITS = 12
"""Far below any difference that means something, far above the rounding of a sum."""


def rounded(value: float) -> float:
    """Nine decimals: what is shown and stored must not depend on the last bits of a sum."""
    return round(value, DIGITS) + 0.0


def finite(value: float) -> float | None:
    """``rounded``, or ``None`` for an end that the figure does not have."""
    return rounded(value) if math.isfinite(value) else None


def orderable(values: Floats) -> Floats:
    """Round values that are about to be ordered.

    A matrix product may give equal rows unequal sums, and which of them is larger depends on the processor and on the
    number of threads. After rounding they are equal, and the caller's rule for ties decides.
    """
    import numpy as np

    found: Floats = np.round(values, ORDER_DIGITS)
    return found
