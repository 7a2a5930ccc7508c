"""The scores and usages of a sweep in columns, one set of arrays a node, read from the store in bulk."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from ragscout.engine.worker import cell_key
from ragscout.model.config import Node
from ragscout.model.evalset import Question
from ragscout.model.metric import MeasureStep
from ragscout.plan.outcome_table import SCORED, USED, FailureKinds, UsageTable
from ragscout.store.scan import scan_cells, scan_usage
from ragscout.store.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.uint16]
    Flags = NDArray[np.bool_]

METRIC_FAILED = "metric_failed"
"""Kind of the failure of every figure whose node cannot be computed."""


class NodeColumns:
    """Figures of one measure node: values and codes by place. ``there``: places whose cell was read."""

    def __init__(self, size: int) -> None:
        import numpy as np

        self.size = size
        self.there: Flags = np.zeros(size, dtype=bool)
        self.figures: dict[str, tuple[Floats, Codes]] = {}

    def figure(self, name: str) -> tuple[Floats, Codes]:
        """Return the arrays of a figure; empty ones for a new figure."""
        import numpy as np

        if name not in self.figures:
            self.figures[name] = np.zeros(self.size), np.zeros(self.size, dtype=np.uint16)
        return self.figures[name]


class CellColumns:
    """Columns of the nodes of a sweep. Each question has a place; the last place is nobody's and stays empty."""

    def __init__(self, store: Store, questions: Sequence[Question]) -> None:
        """Args: questions = those whose cells are read, in the order of places."""
        self._store, self._questions = store, questions
        self.places = {question.id: place for place, question in enumerate(questions)}
        self.kinds = FailureKinds()
        self._size = len(questions) + 1
        self._nodes: dict[str, NodeColumns] = {}
        self._usage: dict[str, Floats] = {}
        self._used: dict[str, Flags] = {}
        self._keys: dict[tuple[str, bool], dict[str, list[int]]] = {}
        self._places_of: dict[tuple[str, ...], NDArray[np.int64]] = {}

    def load_scores(self, nodes: Mapping[Node, Collection[str]]) -> None:
        """Read the measure nodes of which the cell of a question is not known yet. ``nodes``: with question ids."""
        wanted = {node.key: node for node, names in nodes.items() if not self._complete(node, names)}
        for key, rows in scan_cells(self._store, wanted):
            self.add_scores(wanted[key], rows)

    def load_usage(self, nodes: Mapping[Node, Collection[str]]) -> None:
        """Read the usage along the path of the nodes where it is not known yet for a question."""
        import numpy as np

        wanted = {
            node.key: node
            for node, names in nodes.items()
            if node.key not in self._used or not self._used[node.key][self._at(names)].all()
        }
        for key, rows in scan_usage(self._store, wanted):
            at = self._places(wanted[key])
            fields = self._usage.setdefault(key, np.zeros((len(USED), self._size)))
            used = self._used.setdefault(key, np.zeros(self._size, dtype=bool))
            known = [(place, number) for number, (question, _) in enumerate(rows) for place in at.get(question, ())]
            if known:
                places, numbers = map(list, zip(*known, strict=True))
                fields[:, places] = np.array(_fields(text for _, text in rows)).T[:, numbers]
                used[places] = True

    def usage(self, node: Node, names: Sequence[str]) -> UsageTable:
        """Return the usage of some questions along the path of a node; nothing where it was not read."""
        import numpy as np

        fields = self._usage.get(node.key)
        return UsageTable(self.places, names, np.zeros((len(USED), self._size)) if fields is None else fields)

    def joined(
        self, nodes: Sequence[Node], names: Sequence[str], broken: Collection[str]
    ) -> tuple[list[str], dict[str, tuple[Floats, Codes]], int]:
        """Join the columns of the measure nodes of a configuration.

        Args:
            nodes: the measure nodes.
            names: ids of the questions that were asked.
            broken: keys of the nodes that cannot be computed.

        Returns:
            The ids of the questions whose cells are all there or whose missing cells are broken ones; the columns by
            figure; how many cells are there.
        """
        import numpy as np

        whole, at, cells = np.ones(self._size, dtype=bool), self._at(names), 0
        columns: dict[str, tuple[Floats, Codes]] = {}
        for node in nodes:
            known = self._nodes.get(node.key) or NodeColumns(self._size)
            columns |= known.figures if node.key not in broken else self._broken(node, known)
            cells += int(known.there[at].sum())
            whole &= known.there | (node.key in broken)
        kept = names if whole[at].all() else [name for name, there in zip(names, whole[at], strict=True) if there]
        return list(kept), columns, cells

    def _broken(self, node: Node, known: NodeColumns) -> dict[str, tuple[Floats, Codes]]:
        """Return the columns of a node that cannot be computed: what is there counts, the rest is its failure."""
        import numpy as np

        assert isinstance(node.step, MeasureStep)
        code = self.kinds.code("measurement", METRIC_FAILED)
        missing = ~known.there
        missing[-1] = False
        made = dict(known.figures)
        for figure in node.step.figures():
            values, codes = known.figure(figure.name)
            made[figure.name] = values, np.where(missing, np.uint16(code), codes)
        return made

    def _complete(self, node: Node, names: Collection[str]) -> bool:
        known = self._nodes.get(node.key)
        return known is not None and bool(known.there[self._at(names)].all())

    def _at(self, names: Collection[str]) -> NDArray[np.int64]:
        """Return the places of some questions; the same few collections are asked for again and again."""
        import numpy as np

        asked = tuple(names)
        if asked not in self._places_of:
            self._places_of[asked] = np.array([self.places[name] for name in asked], dtype=np.int64)
        return self._places_of[asked]

    def _places(self, node: Node) -> dict[str, list[int]]:
        """Keys of a node's cells to the places of the questions that share them; nodes of a kind have the same keys."""
        kind = (node.stage, node.learnt)
        if kind not in self._keys:
            found: dict[str, list[int]] = {}
            for place, question in enumerate(self._questions):
                found.setdefault(cell_key(node, question), []).append(place)
            self._keys[kind] = found
        return self._keys[kind]

    def add_scores(self, node: Node, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Take in the cells of a measure node as the store holds them, by question key."""
        at = self._places(node)
        known = self._nodes.setdefault(node.key, NodeColumns(self._size))
        cells = [(place, data["scores"]) for key, data in rows for place in at.get(key, ())]
        places = [place for place, _ in cells]
        known.there[places] = True
        for name in dict.fromkeys(chain.from_iterable(scores for _, scores in cells)):
            values, codes = known.figure(name)
            items = [scores.get(name) for _, scores in cells]
            scored = [(place, item["v"]) for place, item in zip(places, items, strict=True) if item and "v" in item]
            if scored:
                here, numbers = map(list, zip(*scored, strict=True))
                values[here], codes[here] = numbers, SCORED
            if len(scored) < len(items):
                for place, item in zip(places, items, strict=True):
                    if item and "v" not in item:
                        codes[place] = self.kinds.code(item["failure"]["whose"], item["failure"]["kind"])


def _fields(texts: Iterable[str]) -> list[list[float]]:
    """Return the fields of ``USED`` of usages as the ledger writes them."""
    found = []
    for usage in json.loads("[" + ",".join(texts) + "]"):
        fields = [usage.get(name, 0) for name in USED]
        found.append([math.nan if field is None else field for field in fields])
    return found
