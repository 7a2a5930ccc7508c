"""The columns of the factor model: main effects, two-way products, the retrieval figure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragscout.model.stages import Kind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Design:
    """Columns of the model. ``phi``: shape (configurations, columns); ``group``: group of each column; ``interaction``:
    whether a group is made of two-way products; ``model``: the model level of each configuration."""

    phi: Floats
    group: Ints
    interaction: NDArray[np.bool_]
    mains: int
    model: Ints


def make_design(
    codes: Ints,
    active: NDArray[np.bool_],
    kinds: Sequence[Kind],
    metric: Floats | None = None,
    borrowed: Floats | None = None,
) -> Design:
    """Columns from level codes.

    ``codes``, ``active``: shape (configurations, knobs); ``metric``: the prefixes' retrieval figure per configuration,
    standardised, ``None`` when nothing is known; ``borrowed``: 1 where it is that of another prefix.
    """
    import numpy as np

    rows = len(codes)
    hot = [np.eye(int(codes[:, k].max()) + 1)[codes[:, k]] * active[:, k, None] for k in range(codes.shape[1])]
    columns: list[Floats] = []
    group: list[int] = []
    for k, block in enumerate(hot):
        columns.append(block)
        group += [k] * block.shape[1]
    mains = count = len(hot)
    pairs: dict[str, list[Floats]] = {"retrieval": [], "model": [], "prompt": []}
    for i, j in itertools.combinations(range(len(hot)), 2):
        product = (hot[i][:, :, None] * hot[j][:, None, :]).reshape(rows, -1)
        kind = (
            "model"
            if "model" in (kinds[i], kinds[j])
            else "prompt"
            if "prompt" in (kinds[i], kinds[j])
            else "retrieval"
        )
        pairs[kind].append(product[:, product.any(0)])
    interaction = [False] * mains
    for blocks in pairs.values():
        if blocks:
            columns += blocks
            group += [count] * sum(block.shape[1] for block in blocks)
            interaction.append(True)
            count += 1
    model = _levels(codes, [k for k, kind in enumerate(kinds) if kind == "model"])
    if metric is not None and float(np.std(metric)) > 0:
        parts = [metric[:, None], metric[:, None] * np.eye(int(model.max()) + 1)[model]]
        if borrowed is not None and 0 < borrowed.mean() < 1:
            parts.append(borrowed[:, None])
        for block in parts:
            columns.append(block)
            group += [count] * block.shape[1]
            interaction.append(False)
            count += 1
    if not columns:
        columns, group, interaction = [np.zeros((rows, 1))], [0], [False]
    return Design(np.hstack(columns), np.array(group), np.array(interaction), mains, model)


def _levels(codes: Ints, knobs: Sequence[int]) -> Ints:
    """One level per distinct combination of some knobs."""
    import numpy as np

    if not knobs:
        return np.zeros(len(codes), dtype=np.int64)
    return np.unique(codes[:, list(knobs)], axis=0, return_inverse=True)[1].reshape(-1)
