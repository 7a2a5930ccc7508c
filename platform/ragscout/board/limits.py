"""Limits that a row must keep (``goal.within``) and figures that the recommended row must reach (``goal.require``)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ragscout.model.results.board import Board, Note, Row
from ragscout.plan.budget import CANDIDATES
from ragscout.words import Phrase, phrase

UNMET = ("floor_low", "floor_bare", "infeasible", "unmet")
"""Notes that say why nothing is recommended, or that it misses what is required."""


def value_of(row: Row, limit: str) -> float | None:
    """Return what a row needs of a limit's quantity; ``None`` when it was not measured."""
    if limit in ("p50_seconds", "p95_seconds"):
        return None if row.latency is None else row.latency.p50 if limit == "p50_seconds" else row.latency.p95
    if limit == "usd_per_1k":
        return row.cost.per_1000
    if limit == "tokens":
        return row.cost.input_tokens + row.cost.output_tokens
    return row.cost.input_tokens if limit == "context_tokens" else row.complexity


def excess(row: Row, within: Mapping[str, float], probed: bool = True) -> dict[str, float]:
    """Limits that a row passes, with how many times over. Once the probe is over (``probed``) a row without a measured
    latency passes a limit in seconds too: nothing is recommended on trust."""
    found = {}
    for name, limit in within.items():
        value = value_of(row, name)
        if value is None and (probed or name == "usd_per_1k"):
            found[name] = math.inf
        elif value is not None and value > limit:
            found[name] = value / limit if limit else math.inf
    return found


def limit_notes(board: Board, require: Mapping[str, float]) -> tuple[Note, ...]:
    """Return what must be said when no row keeps the limits, or the recommended one misses what is required."""
    if board.recommended() is None:
        return _infeasible(board)
    return _required(board, require)


def _infeasible(board: Board) -> tuple[Note, ...]:
    rows = [row for row in board.rows if row.has("over_limit") and not row.failed]
    if not rows:
        return ()
    nearest = min(rows, key=lambda row: (max(excess(row, board.within).values()), row.rank))
    passed = [_passed(name, value_of(nearest, name), board.within[name]) for name in excess(nearest, board.within)]
    limits = [f"{name} {limit:g}" for name, limit in board.within.items()]
    return (Note("infeasible", {"limits": limits, "name": nearest.name, "passed": passed}),)


def _passed(name: str, value: float | None, limit: float) -> Phrase:
    if value is None:
        return phrase("note_part.over_unknown", name=name, limit=limit)
    return phrase("note_part.over", name=name, value=value, limit=limit)


def _required(board: Board, require: Mapping[str, float]) -> tuple[Note, ...]:
    row = board.recommended()
    assert row is not None
    missed = []
    for name, level in require.items():
        quoted = row.confirmed.figure if row.confirmed is not None and name == board.goal.metric else None
        stat = quoted or row.figures.get(name)
        value = None if stat is None else stat.mean
        lower = name in board.lower_is_better
        if value is None or (value > level if lower else value < level):
            kind = "note_part.above" if lower else "note_part.below"
            missed.append(phrase(kind, name=name, value=value, level=level))
    return (Note("unmet", {"name": row.name, "missed": missed}),) if missed else ()


def meets(board: Board) -> bool:
    """Whether something is recommended that reaches what is required."""
    return not any(note.kind in UNMET for note in board.notes)


def probe_targets(board: Board, probed: Sequence[str], most: int) -> list[str]:
    """Keys of rows whose latency is still to be probed: leader, reference, baselines and recommended candidates (the
    cheapest of the winner set within a point). Fewer than ``most`` rows are probed altogether."""
    from ragscout.board.compare import candidates

    wanted = [row for row in board.rows if row.answered and not row.failed]
    first = [row for row in wanted if row.has("leader") or row.has("reference") or row.has("baseline")]
    near = candidates(board)[:CANDIDATES]
    keys = list(dict.fromkeys(row.key for row in (*first, *near)))
    return [key for key in keys if key not in probed][: max(0, most - len(probed))]
