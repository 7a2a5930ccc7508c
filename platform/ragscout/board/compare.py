"""Rows against the reference, against the leader, and which one is recommended."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ragscout.board.question_weights import shares
from ragscout.model.results.board import Board, Goal, Paired, Row
from ragscout.stats.paired import PairedTest, by_cluster, compare_paired, holm, simultaneous
from ragscout.stats.rounding import rounded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


NO_DIFFERENCE = 1e-12
"""A lower bound that is only the last bits of sums above 0."""
SLOWER = 2.0
"""Factor between two latencies that makes a difference worth acting on."""


@dataclass(frozen=True)
class ComparisonTable:
    """Goal values in the direction "more is better", rows in board order; ``weights`` of the questions, empty when all
    count alike; ``clusters``: the group of each question, empty when each stands alone."""

    values: Floats
    scored: NDArray[np.bool_]
    sign: int
    weights: tuple[float, ...] = ()
    clusters: tuple[str, ...] = ()

    def pair(self, row: int, other: int) -> tuple[list[float], list[float]]:
        """Goal values of two rows on the questions both were scored on, by weight."""
        both = self.scored[row] & self.scored[other]
        # Back in the goal's own units, so that a difference reads as it does on the board.
        scale = self.sign * shares(self.weights, both)
        return (self.values[row, both] * scale).tolist(), (self.values[other, both] * scale).tolist()

    def common(self, rows: Sequence[int]) -> Floats:
        """Values of some rows on the questions that all of them were scored on, by weight; shape (rows, questions), or
        (rows, groups) where questions go together (``statistics.by_cluster``)."""
        both = self.shared(rows)
        found: Floats = self.values[list(rows)][:, both] * shares(self.weights, both)
        groups = self._groups(both)
        return found if groups is None else by_cluster(found, groups)

    def shared(self, rows: Sequence[int]) -> NDArray[np.bool_]:
        """Return the questions that all of some rows were scored on."""
        import numpy as np

        return np.asarray(self.scored[list(rows)].all(0))

    def test(self, row: int, other: int) -> PairedTest:
        """Two rows compared on the questions both were scored on."""
        first, second = self.pair(row, other)
        return compare_paired(first, second, clusters=self._groups(self.shared([row, other])))

    def _groups(self, asked: NDArray[np.bool_]) -> list[str] | None:
        return [name for name, there in zip(self.clusters, asked, strict=True) if there] if self.clusters else None


def _paired(test: PairedTest, p_holm: float) -> Paired:
    return Paired(
        rounded(test.difference),
        rounded(test.low),
        rounded(test.high),
        test.n,
        rounded(test.p),
        rounded(p_holm),
        test.wins,
        test.losses,
        test.method,
    )


def against_reference(rows: list[Row], table: ComparisonTable, depth: int) -> list[Row]:
    """Paired columns against the reference, for rows at full depth; Holm over all of them."""
    at = next((i for i, row in enumerate(rows) if row.has("reference")), None)
    if at is None:
        return rows
    compared = [
        i
        for i, row in enumerate(rows)
        if i != at and row.answered >= depth and (table.scored[i] & table.scored[at]).sum() > 1
    ]
    tests = [table.test(i, at) for i in compared]
    for i, test, p in zip(compared, tests, holm([test.p for test in tests]), strict=True):
        rows[i] = replace(
            rows[i],
            versus_reference=_paired(test, p),
        )
    return rows


def against_leader(
    rows: list[Row], table: ComparisonTable, family: Sequence[int], seed: int
) -> tuple[list[Row], float | None]:
    """Paired columns and winner set of the rows at full depth; the first of them is the leader.

    The critical value comes from the questions that all of them share; each difference and its error from all that the
    row shares with the leader, as beside the reference.
    """
    members = list(family)
    if table.shared(members).sum() < 2 or len(members) < 2:
        for i in members:
            rows[i] = replace(rows[i], in_winner_set=True)
        return rows, None
    critical = simultaneous(table.common(members), 0, seed).critical
    tests = [table.test(i, members[0]) for i in members[1:]]
    pairs = len(members) * (len(members) - 1) // 2
    adjusted = holm([test.p for test in tests], pairs)
    rows[members[0]] = replace(rows[members[0]], in_winner_set=True)
    for i, test, p in zip(members[1:], tests, adjusted, strict=True):
        half = critical * test.sd / math.sqrt(test.n)
        rows[i] = replace(
            rows[i],
            in_winner_set=-test.difference * table.sign - half <= NO_DIFFERENCE,
            versus_leader=replace(
                _paired(test, p), low=rounded(test.difference - half), high=rounded(test.difference + half)
            ),
        )
    spreads = sorted(test.sd for test in tests if test.sd > 0)
    return rows, spreads[len(spreads) // 2] if spreads else None


def recommended_row(family: Sequence[Row], goal: Goal) -> Row:
    """Return the cheapest (money, then clearly faster in the probe, then tokens), then simplest, of the winner set
    within one point of the leader; rows that fail a must-pass question only when all do."""
    pool = _pool(family, goal)
    probed = [row for row in pool if row.latency is not None and row.latency.p95 is not None]
    if probed:
        least = _price(probed[0], goal)[0]
        near = [row for row in probed if _price(row, goal)[0] == least]
        fastest = min(_p95(row) for row in near)
        # what a clock says decides only where it is clear: even the lower end is more than twice the fastest
        pool = [row for row in near if _p95(row, low=True) <= SLOWER * fastest]
    return pool[0]


def candidates(board: Board) -> list[Row]:
    """Rows of a board that may be recommended, the cheapest and simplest first."""
    family = [row for row in board.rows if row.has("leader") or row.in_winner_set or row.versus_leader is not None]
    return _pool(family, board.goal) if family else []


def _pool(family: Sequence[Row], goal: Goal) -> list[Row]:
    """Rows within one point of the leader that may be as good, the cheapest first; where all of them fail a must-pass
    question, the same around the best row that passes."""
    passing = [row for row in family if not row.has("must_pass")]
    near = [_near(family, family[0], goal), _near(passing, passing[0], goal) if passing else []]
    pool = [row for row in near[0] if not row.has("must_pass")] or near[1] or near[0]
    return sorted(pool, key=lambda row: _price(row, goal))


def _near(family: Sequence[Row], best: Row, goal: Goal) -> list[Row]:
    """``best`` and members of the winner set within one point of it."""
    return [
        row
        for row in family
        if row.key == best.key
        or (row.in_winner_set and abs((best.adjusted or 0.0) - (row.adjusted or 0.0)) <= goal.point + 1e-12)
    ]


def _p95(row: Row, low: bool = False) -> float:
    latency = row.latency
    assert latency is not None and latency.p95 is not None
    return latency.p95_low if low and latency.p95_low is not None else latency.p95


def _price(row: Row, goal: Goal) -> tuple[float, float, float, float, str]:
    money = row.cost.per_1000 if row.cost.per_1000 is not None else math.inf
    tokens = row.cost.input_tokens + row.cost.output_tokens
    # Two significant digits: a difference below that is no reason to run something more complex.
    coarse = float(f"{tokens:.1e}")
    return money, coarse, row.complexity, -goal.sign * (row.adjusted or 0.0), row.key
