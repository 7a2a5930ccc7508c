"""Limits that a row must keep (``goal.within``) and figures that the recommended row must reach (``goal.require``)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ragscout.model.board import Board, Note, Row
from ragscout.plan.budget import CANDIDATES

UNITS = {
    "usd_per_1k": "per 1,000 questions",
    "p50_seconds": "s (median)",
    "p95_seconds": "s (95th percentile)",
    "tokens": "tokens per question",
    "context_tokens": "tokens of prompt per question",
    "complexity": "of complexity",
}


def value_of(row: Row, limit: str) -> float | None:
    """What a row needs of a limit's quantity; ``None`` when it was not measured."""
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
    """What must be said when no row keeps the limits, or the recommended one misses what is required."""
    if board.recommended() is None:
        return _infeasible(board)
    return _required(board, require)


def _infeasible(board: Board) -> tuple[Note, ...]:
    rows = [row for row in board.rows if row.has("over_limit") and not row.failed]
    if not rows:
        return ()
    nearest = min(rows, key=lambda row: (max(excess(row, board.within).values()), row.rank))
    parts, parts_ko = [], []
    for name in excess(nearest, board.within):
        value = value_of(nearest, name)
        shown = "unknown" if value is None else f"{value:.3g}"
        parts.append(f"{name} {shown}, at most {board.within[name]:g} is allowed")
        parts_ko.append(f"{name} {'알 수 없음' if value is None else shown}, 한도 {board.within[name]:g}")
    limits = ", ".join(f"{name} {limit:g}" for name, limit in board.within.items())
    return (
        Note(
            "infeasible",
            f"Infeasible: no measured configuration keeps within {limits}. Nearest is {nearest.name}: "
            f"{'; '.join(parts)}. Raise the limit or add configurations that need less.",
            f"조건을 만족하는 구성이 없습니다: {limits}. 가장 가까운 구성은 {nearest.name}: {'; '.join(parts_ko)}. "
            "한도를 올리거나 더 가벼운 구성을 추가하십시오.",
        ),
    )


def _required(board: Board, require: Mapping[str, float]) -> tuple[Note, ...]:
    row = board.recommended()
    assert row is not None
    missed: list[str] = []
    for name, level in require.items():
        quoted = row.confirmed.figure if row.confirmed is not None and name == board.goal.metric else None
        stat = quoted or row.figures.get(name)
        value = None if stat is None else stat.mean
        lower = name in board.lower_is_better
        if value is None or (value > level if lower else value < level):
            missed.append(f"{name} {'–' if value is None else f'{value:.3g}'} ({level:g})")
    if not missed:
        return ()
    return (
        Note(
            "unmet",
            f"{row.name} does not reach what is required: {', '.join(missed)}.",
            f"{row.name} 구성은 요구 수준에 못 미칩니다: {', '.join(missed)}.",
        ),
    )


def meets(board: Board) -> bool:
    """Whether something is recommended that reaches what is required."""
    return not any(note.kind in ("infeasible", "unmet") for note in board.notes)


def probe_targets(board: Board, probed: Sequence[str], most: int) -> list[str]:
    """Keys of rows whose latency is still to be probed: leader, reference, baselines and recommended candidates (the
    cheapest of the winner set within a point). Fewer than ``most`` rows are probed altogether."""
    from ragscout.board.compare import candidates

    wanted = [row for row in board.rows if row.answered and not row.failed]
    first = [row for row in wanted if row.has("leader") or row.has("reference") or row.has("baseline")]
    near = candidates(board)[:CANDIDATES]
    keys = list(dict.fromkeys(row.key for row in (*first, *near)))
    return [key for key in keys if key not in probed][: max(0, most - len(probed))]
