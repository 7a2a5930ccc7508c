"""What the next block of a configuration costs, as far as it is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ragscout.search.outcomes import Outcomes
from ragscout.search.rounds import Policy
from ragscout.search.space import EncodedSpace, kind_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CHEAPEST = 0.02
"""No block counts as cheaper than this share of the average one, so that a free baseline does not take every call."""


def prices(
    space: EncodedSpace, outcomes: Outcomes, policy: Policy, unlimited: bool, building: Mapping[str, float]
) -> Floats | None:
    """Price of the next block per configuration, relative to the average of what was measured; ``None`` when all
    count alike.

    ``policy.price``: ``money``, ``seconds``, ``none``, or ``auto``: money where any was spent and answers are not
    limited. ``unlimited``: whether there is no limit on answers. What was not measured costs the average of the
    configurations with the same model, else the average of all. ``building``: seconds of building what a retrieval
    prefix lacks, by its key; they are part of the first block in seconds.
    """
    import numpy as np

    kind = policy.price
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
    if kind == "seconds" and building:
        found += _building(space, answered, building) / policy.block
    relative: Floats = np.maximum(found / each.mean(), CHEAPEST)
    return relative


def _building(space: EncodedSpace, answered: NDArray[np.int64], building: Mapping[str, float]) -> Floats:
    """Seconds that the first block of each configuration spends on its index, none where a block was answered."""
    import numpy as np

    prefix = [item.retrieval().key if item.retrieves else "" for item in space.configurations]
    built = {prefix[row] for row in np.flatnonzero(answered)}
    return np.array([0.0 if key in built else building.get(key, 0.0) for key in prefix])


def _models(space: EncodedSpace) -> NDArray[np.int64]:
    """One number per combination of the model's knobs."""
    import numpy as np

    knobs = [k for k, name in enumerate(space.knobs) if kind_of(name) == "model"]
    if not knobs:
        return np.zeros(len(space.keys), dtype=np.int64)
    return np.unique(space.codes[:, knobs], axis=0, return_inverse=True)[1].reshape(-1)
