"""The closed space as arrays: one row of level codes per configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from ragscout.model.config import Configuration
from ragscout.model.errors import SpecError
from ragscout.model.key import digest
from ragscout.model.stages import STAGES, Kind, keys

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

INACTIVE = "–"
"""Level of a knob that a configuration does not have (the embedder of a purely lexical one)."""
_INACTIVE_COST = 0.01
_MISSING_COST = 0.5


def kind_of(knob: str) -> Kind:
    """Return what a knob belongs to, as the stage table says; the number of passages belongs to retrieval."""
    held = keys().get(knob.split(".")[0], ())
    kind: Kind = STAGES[held[0]].kind if held else "retrieval"
    return "retrieval" if knob.endswith("passages") else kind


class SpaceTable(Protocol):
    """What a proposer needs of the space: its configurations, canonical and in a fixed order, roles included."""

    @property
    def configurations(self) -> Sequence[Configuration]:
        """Every distinct configuration; rows with a role are always measured and never pruned."""
        ...


@dataclass(frozen=True, eq=False)
class EncodedSpace:
    """Configurations with their level codes.

    ``knobs``: knob name to its levels in order of appearance. ``codes``: shape (configurations, knobs), the level of
    each knob. ``always``: rows with a role; ``candidates``: all the others.
    """

    configurations: tuple[Configuration, ...]
    keys: tuple[str, ...]
    index: Mapping[str, int]
    knobs: Mapping[str, tuple[str, ...]]
    codes: NDArray[np.int64]
    always: tuple[int, ...]
    candidates: tuple[int, ...]
    digest: str

    @cached_property
    def active(self) -> NDArray[np.bool_]:
        """Which knobs each configuration has, shape (configurations, knobs)."""
        import numpy as np

        off = [levels.index(INACTIVE) if INACTIVE in levels else -1 for levels in self.knobs.values()]
        return np.asarray(self.codes != np.array(off, dtype=np.int64))

    @cached_property
    def incumbents(self) -> tuple[int, ...]:
        """Rows that the user named, the reference among them: they are measured as deeply as the finalists. The other
        rows with a role are the baselines, which a limit on answers may leave at fewer questions."""
        return tuple(row for row in self.always if {"include", "reference"} & set(self.configurations[row].roles))

    def params(self, row: int) -> dict[str, str]:
        """Knob values of a row, the inactive ones included."""
        return {name: levels[self.codes[row, k]] for k, (name, levels) in enumerate(self.knobs.items())}

    def nearest(self, params: Mapping[str, str], free: Sequence[int], order: Sequence[int]) -> int:
        """Return the row of ``free`` nearest to a proposal; ties go to the row that comes first in ``order``.

        Each differing knob costs 1. A knob that the row does not have is dropped at almost no cost; one that the
        proposal left out but the row needs costs half.
        """
        import numpy as np

        rows = np.asarray(free)
        cost = np.zeros(len(rows))
        for k, (name, levels) in enumerate(self.knobs.items()):
            codes = self.codes[rows, k]
            wanted = levels.index(params[name]) if params.get(name) in levels else -1
            off = levels.index(INACTIVE) if INACTIVE in levels else -2
            differs = codes != wanted
            cost += np.where(
                codes == off, _INACTIVE_COST * differs, np.where(wanted == off, _MISSING_COST * differs, differs)
            )
        place = np.empty(len(self.keys))
        place[np.asarray(order)] = np.arange(len(order))
        return int(rows[np.lexsort((place[rows], cost))[0]])

    def spread(self, count: int, order: Sequence[int]) -> list[int]:
        """``count`` candidates spread over the knob values: each next one uses the values used least so far, weighted
        by the number of levels; ties go to the row that comes first in ``order``."""
        import numpy as np

        candidates = set(self.candidates)
        left = np.asarray([row for row in order if row in candidates], dtype=np.int64)
        used = [np.zeros(len(levels)) for levels in self.knobs.values()]
        chosen: list[int] = []
        while len(chosen) < count and len(left):
            load = np.zeros(len(left))
            for k, seen in enumerate(used):
                load += seen[self.codes[left, k]] * len(seen)
            best = int(left[int(load.argmin())])
            chosen.append(best)
            for k, seen in enumerate(used):
                seen[self.codes[best, k]] += 1
            left = left[left != best]
        return chosen


def encode(space: SpaceTable) -> EncodedSpace:
    """Encode a space; equal configurations become one row with the roles of all.

    Raises:
        SpecError: for an empty space.
    """
    import numpy as np

    merged: dict[str, Configuration] = {}
    for configuration in space.configurations:
        known = merged.get(configuration.key)
        if known is None:
            merged[configuration.key] = configuration
        elif set(configuration.roles) - set(known.roles):
            roles = tuple(dict.fromkeys((*known.roles, *configuration.roles)))
            merged[configuration.key] = replace(known, roles=roles, name=known.name or configuration.name)
    if not merged:
        raise SpecError("search: the space has no configuration; got 0. Give each stage of the pipeline one value.")
    rows = tuple(merged.values())
    names = list(dict.fromkeys(name for row in rows for name in row.knobs))
    knobs: dict[str, tuple[str, ...]] = {}
    for name in names:
        levels = list(dict.fromkeys(row.knobs.get(name, INACTIVE) for row in rows))
        if INACTIVE in levels:
            levels.append(levels.pop(levels.index(INACTIVE)))
        knobs[name] = tuple(levels)
    codes = np.array(
        [[levels.index(row.knobs.get(name, INACTIVE)) for name, levels in knobs.items()] for row in rows],
        dtype=np.int64,
    ).reshape(len(rows), len(knobs))
    return EncodedSpace(
        configurations=rows,
        keys=tuple(merged),
        index={key: row for row, key in enumerate(merged)},
        knobs=knobs,
        codes=codes,
        always=tuple(row for row, item in enumerate(rows) if item.roles),
        candidates=tuple(row for row, item in enumerate(rows) if not item.roles),
        digest=digest("space", sorted(merged), {name: list(levels) for name, levels in knobs.items()}),
    )
