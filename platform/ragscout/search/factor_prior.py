"""The retrieval figure of every configuration's prefix, as a soft prior of the factor model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ragscout.model.config import Configuration
from ragscout.model.outcome import Score
from ragscout.search.contract import Block
from ragscout.search.space import EncodedSpace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RETRIEVAL_PRIOR = ("ndcg@10", "ndcg@5", "recall@10", "recall@5", "mrr@10", "hit@5", "reference_coverage")
"""The first of these figures that the prefixes have is the soft prior."""


class RetrievalPrior:
    """Collects the figures of prefixes. ``parents``: prefix key to the prefix it takes its figure from as long as it
    has none of its own (one with a paid or slow step from the same one without it)."""

    def __init__(self, configurations: Sequence[Configuration], parents: Mapping[str, str]) -> None:
        self._prefix = [item.retrieval().key if item.retrieves else "" for item in configurations]
        self._parents = parents
        self._known: dict[str, float] = {}

    def add(self, block: Block) -> bool:
        """Take a block of a prefix in; whether it said anything."""
        names = {name for figures in block.scores.values() for name in figures}
        name = next((name for name in RETRIEVAL_PRIOR if name in names), None)
        values = [o.value for figures in block.scores.values() if name and isinstance(o := figures.get(name), Score)]
        if values:
            self._known[block.configuration.key] = sum(values) / len(values)
        return bool(values)

    def columns(self) -> tuple[Floats, Floats]:
        """The figure per configuration, standardised, and an indicator of those that only have their parent's.
        What is known of neither counts as the mean."""
        import numpy as np

        own = np.array([prefix in self._known for prefix in self._prefix])
        values = [self._value(prefix) for prefix in self._prefix]
        known = [value for value in values if value is not None]
        mean = float(np.mean(known)) if known else 0.0
        figure = np.array([mean if value is None else value for value in values])
        spread = float(figure.std())
        scaled: Floats = (figure - mean) / spread if spread > 0 else figure * 0.0
        borrowed = ~own & np.array([value is not None for value in values])
        return scaled, borrowed.astype(np.float64)

    def best(self, space: EncodedSpace, keep: float) -> tuple[int, ...]:
        """Candidates of the best share ``keep`` of the prefixes (at least one) by their figure; those whose prefix has
        none, and those that retrieve nothing, stay."""
        known = {prefix: value for prefix in self._prefix if (value := self._value(prefix)) is not None}
        order = sorted(known, key=lambda prefix: (-known[prefix], prefix))
        out = set(order[max(1, math.ceil(keep * len(order))) :])
        rows = (row for row, item in enumerate(space.configurations) if not item.roles)
        return tuple(row for row in rows if self._prefix[row] not in out)

    def _value(self, prefix: str) -> float | None:
        seen: set[str] = set()
        while prefix not in self._known:
            if prefix in seen or prefix not in self._parents:
                return None
            seen.add(prefix)
            prefix = self._parents[prefix]
        return self._known[prefix]
