"""What the next block of a configuration costs, as far as it is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragscout.search.outcomes import Outcomes
from ragscout.search.space import EncodedSpace, kind_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CHEAPEST = 0.02
"""No block counts as cheaper than this share of the average one, so that a free baseline does not take every call."""


def prices(space: EncodedSpace, outcomes: Outcomes, kind: str, unlimited: bool) -> Floats | None:
    """Price of one more question per configuration, relative to the average of what was measured; ``None`` when all
    count alike.

    ``kind``: ``money``, ``seconds``, ``none``, or ``auto``: money where any was spent and answers are not limited.
    ``unlimited``: whether there is no limit on answers. What was not measured costs the average of the configurations
    with the same model, else the average of all. Work of whole stages (chunks, vectors, an index) is part of the
    seconds of the first configuration that needed it, so prefixes that are built already come cheaper.
    """
    import numpy as np

    money = any(usage.money for usage in outcomes.usage.values())
    if kind == "none" or (kind == "auto" and not (money and unlimited)) or (kind == "money" and not money):
        return None
    answered = outcomes.answered()
    known = np.array([row for row in outcomes.usage if answered[row]], dtype=np.int64)
    if not len(known):
        return None
    spent = [outcomes.usage[row].seconds if kind == "seconds" else outcomes.usage[row].money or 0.0 for row in known]
    each = np.array(spent) / answered[known]
    if each.mean() <= 0:
        return None
    level = _models(space)
    found: Floats = np.full(len(space.keys), float(each.mean()))
    for value in np.unique(level[known]):
        found[level == value] = each[level[known] == value].mean()
    found[known] = each
    return np.maximum(found / each.mean(), CHEAPEST)


def _models(space: EncodedSpace) -> NDArray[np.int64]:
    """One number per combination of the model's knobs."""
    import numpy as np

    knobs = [k for k, name in enumerate(space.knobs) if kind_of(name) == "model"]
    if not knobs:
        return np.zeros(len(space.keys), dtype=np.int64)
    return np.unique(space.codes[:, knobs], axis=0, return_inverse=True)[1].reshape(-1)
