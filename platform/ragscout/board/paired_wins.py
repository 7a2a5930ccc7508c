"""Leader and recommended row against the reference, group of questions by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ragscout.board.metric_values import groups_of
from ragscout.board.pairs import paired_values
from ragscout.model.evalset import Question
from ragscout.model.results.board import Board, Goal, GroupStat, Note, Paired, Row
from ragscout.model.results.measured import Measured
from ragscout.plan.outcome_table import column_of
from ragscout.stats.paired import holm

FEWEST_PAIRS = 5
"""Common questions below which a group says nothing."""


def with_duels(
    rows: Sequence[Row], measured: Sequence[Measured], questions: Sequence[Question], goal: Goal
) -> tuple[Row, ...]:
    """Rows with the paired differences of their groups to the reference, for leader and recommended row."""
    reference = next((row for row in rows if row.has("reference")), None)
    if reference is None:
        return tuple(rows)
    items = {item.configuration.key: item for item in measured}
    members = groups_of(questions)
    return tuple(
        replace(row, groups=_duels(row, items[row.key], items[reference.key], members, goal))
        if (row.has("leader") or row.has("recommended")) and row.key != reference.key
        else row
        for row in rows
    )


def _duels(
    row: Row, own: Measured, other: Measured, members: dict[str, list[str]], goal: Goal
) -> tuple[GroupStat, ...]:
    found: list[Paired | None] = []
    for group in row.groups:
        asked = members.get(group.group, [])
        firsts, mine = column_of(own.scores, goal.metric, asked).counted(goal)
        seconds, theirs = column_of(other.scores, goal.metric, asked).counted(goal)
        both = mine & theirs
        enough = int(both.sum()) >= FEWEST_PAIRS
        found.append(paired_values(firsts[both].tolist(), seconds[both].tolist(), goal) if enough else None)
    adjusted = iter(holm([paired.p for paired in found if paired is not None]))
    return tuple(
        group if paired is None else replace(group, versus_reference=replace(paired, p_holm=next(adjusted)))
        for group, paired in zip(row.groups, found, strict=True)
    )


def duel_notes(board: Board) -> list[Note]:
    """Return the warning that the recommended row loses to the reference somewhere."""
    row = board.recommended()
    lost = [group for group in row.groups if group.loses(board.goal.higher)] if row is not None else []
    if row is None or not lost:
        return []
    return [Note("slice_loss", {"groups": [group.group.removeprefix("slice:") for group in lost]})]
