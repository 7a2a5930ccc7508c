"""Values made fit to be ordered, alike on every processor and with every number of threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ORDER_DIGITS = 12
"""Far below any difference that means something, far above the rounding of a sum."""


def orderable(values: Floats) -> Floats:
    """Round values that are about to be ordered.

    A matrix product may give equal rows unequal sums, and which of them is larger depends on the processor and on the
    number of threads. After rounding they are equal, and the caller's rule for ties decides.
    """
    import numpy as np

    found: Floats = np.round(values, ORDER_DIGITS)
    return found
