"""The retrieval figure of every configuration's prefix, as a soft prior of the factor model.

With a corpus sample the figure of a prefix is first the one on the sample. Retrieval is easier there, so it is moved by
the mean difference of whole corpus and sample, taken question by question: over the prefix's own answers once it has a
block of them, over those of all prefixes before. A prefix with every question on the whole corpus has its own mean.
Questions count by their weight, as they do in the goal that the figure is to foretell.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ragscout.model.config import Configuration
from ragscout.model.outcome import Score
from ragscout.search.contract import Block
from ragscout.search.space import EncodedSpace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RANKED = ("ndcg", "recall", "mrr", "hit", "precision")
METRICS = (*RANKED, *(f"doc.{name}" for name in RANKED), "reference_coverage")
"""The first of these retrieval metrics that was measured is the soft prior, at its deepest cut-off."""
OWN = 10
"""Questions on the whole corpus from which on a sampled figure is corrected by the prefix's own difference."""
FLAT = 1e-12
"""A spread that is only the last bits of sums."""


class RetrievalPrior:
    """Collects the figures of prefixes. ``parents``: prefix key to the prefix it takes its figure from as long as it
    has none of its own (one with a paid or slow step from the same one without it). ``weights``: question id to how
    much it counts, 1 where it is not named. ``sampled``: key of a prefix on the corpus sample to that of the prefix.
    ``moved``: whether a figure changed since ``columns``."""

    def __init__(
        self,
        configurations: Sequence[Configuration],
        parents: Mapping[str, str],
        weights: Mapping[str, float] | None = None,
    ) -> None:
        self._weights = weights or {}
        self.sampled: Mapping[str, str] = {}
        self.moved = False
        self._prefix = [item.retrieval().key if item.retrieves else "" for item in configurations]
        self._parents = parents
        self._known: dict[str, float] = {}
        self._on_sample: dict[str, dict[str, float]] = {}
        self._whole: dict[str, dict[str, float]] = {}

    def add(self, block: Block) -> bool:
        """Take a block of a prefix in; whether it said anything."""
        values = _values(block)
        if not values:
            return False
        prefix = self.sampled.get(block.configuration.key)
        if prefix is not None:
            self._on_sample[prefix] = values
        else:
            self._known[block.configuration.key] = self._mean(values)
            self._whole[block.configuration.key] = values
        return True

    def bought(self, row: int, block: Block) -> None:
        """Take in what answers of a configuration say about its prefix, where only the sample spoke for it."""
        prefix = self._prefix[row]
        asked = self._on_sample.get(prefix)
        if asked is None or prefix in self._known:
            return
        known = self._whole.setdefault(prefix, {})
        before = len(known)
        known.update(_values(block))
        if known.keys() >= asked.keys():
            self._known[prefix] = self._mean({name: known[name] for name in asked})
        self.moved |= prefix in self._known or before < OWN <= len(known)

    def columns(self) -> tuple[Floats, Floats]:
        """Return the figure per configuration, standardised, and an indicator of those that only have their parent's.
        What is known of neither counts as the mean."""
        import numpy as np

        self.moved = False
        figures = self._figures()
        own = np.array([prefix in figures for prefix in self._prefix])
        values = [self._value(prefix, figures) for prefix in self._prefix]
        known = [value for value in values if value is not None]
        mean = float(np.mean(known)) if known else 0.0
        figure = np.array([mean if value is None else value for value in values])
        spread = float(figure.std())
        scaled: Floats = (figure - mean) / spread if spread > FLAT else figure * 0.0
        borrowed = ~own & np.array([value is not None for value in values])
        return scaled, borrowed.astype(np.float64)

    def best(self, space: EncodedSpace, keep: float) -> tuple[int, ...]:
        """Candidates of the best share ``keep`` of the prefixes (at least one) by their figure; those whose prefix has
        none, and those that retrieve nothing, stay."""
        figures = self._figures()
        known = {p: value for p in self._prefix if (value := self._value(p, figures)) is not None}
        order = sorted(known, key=lambda prefix: (-known[prefix], prefix))
        out = set(order[max(1, math.ceil(keep * len(order))) :])
        rows = (row for row, item in enumerate(space.configurations) if not item.roles)
        return tuple(row for row in rows if self._prefix[row] not in out)

    def _figures(self) -> dict[str, float]:
        """Every prefix's figure on the whole corpus, or what the sample says it is."""
        pairs = {
            prefix: {
                name: self._whole[prefix][name] - value for name, value in asked.items() if name in self._whole[prefix]
            }
            for prefix, asked in self._on_sample.items()
            if prefix in self._whole
        }
        usual = self._mean(*pairs.values())
        found = dict(self._known)
        for prefix, asked in self._on_sample.items():
            own = pairs.get(prefix, {})
            moved = self._mean(own) if len(own) >= OWN else usual
            found.setdefault(prefix, self._mean(asked) + moved)
        return found

    def _mean(self, *values: Mapping[str, float]) -> float:
        """Weighted mean of figures by question id, 0 without any; where no question counts, all count alike."""
        pairs = [(self._weights.get(name, 1.0), value) for figures in values for name, value in figures.items()]
        total = sum(weight for weight, _ in pairs)
        if total <= 0:
            pairs, total = [(1.0, value) for _, value in pairs], float(len(pairs))
        return sum(weight * value for weight, value in pairs) / total if pairs else 0.0

    def _value(self, prefix: str, figures: Mapping[str, float]) -> float | None:
        seen: set[str] = set()
        while prefix not in figures:
            if prefix in seen or prefix not in self._parents:
                return None
            seen.add(prefix)
            prefix = self._parents[prefix]
        return figures[prefix]


def prior_figure(names: Iterable[str]) -> str | None:
    """Return the figure that ranks retrieval prefixes, among figures named ``metric@k``; ``None`` when there is
    none."""
    found = [(METRICS.index(metric), -int(cut), f"{metric}@{cut}") for metric, cut in map(_parted, names) if cut]
    return min(found)[2] if found else None


def _parted(name: str) -> tuple[str, str]:
    metric, _, cut = name.partition("@")
    return metric, cut if metric in METRICS and cut.isdecimal() else ""


def _values(block: Block) -> dict[str, float]:
    """Question id to the figure that is the prior, as far as it was scored."""
    name = prior_figure({name for figures in block.scores.values() for name in figures})
    if name is None:
        return {}
    return {
        question: outcome.value
        for question, figures in block.scores.items()
        if isinstance(outcome := figures.get(name), Score)
    }
