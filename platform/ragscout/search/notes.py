"""What every search may have to say on the board."""

from __future__ import annotations

from collections.abc import Mapping

from ragscout.model.results.board import Board, Note
from ragscout.stats.rounding import rounded
from ragscout.stats.shrinkage import Believed
from ragscout.words import phrase


def reused_note(answers: int, configurations: int, new: int) -> Note:
    """Return what was known before the search began."""
    return Note("reused", {"answers": answers, "configurations": configurations, "new": new})


def screen_note(left_out: int, everyone: int, keep: float) -> Note:
    """Return what the user's hard filter took away."""
    return Note("screened", {"left_out": left_out, "configurations": everyone, "keep": keep})


def posterior_notes(board: Board, model: Mapping[str, Believed]) -> tuple[Note, ...]:
    """Return the notes that the factor model orders the rows, and which row has a higher plain mean than the leader."""
    leader = board.leader()
    if leader is None or not all(row.key in model for row in board.rows if row.estimate is not None):
        return ()
    if leader.adjusted != rounded(model[leader.key].mean):
        return ()
    sign = board.goal.sign
    deep = [row for row in board.rows if row.versus_leader is not None and row.estimate is not None]
    first = max(deep, key=lambda row: ((row.estimate or 0.0) * sign, row.key), default=leader)
    ahead = leader.estimate is not None and (first.estimate or 0.0) * sign > leader.estimate * sign
    return (Note("posterior", {"other": phrase("note_part.better_mean", name=first.name) if ahead else ""}),)
