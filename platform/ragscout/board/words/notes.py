"""What the board says in words: which notes a board gets, with their values."""

from __future__ import annotations

from collections import Counter

from ragscout.board.confirmation import quote_notes
from ragscout.board.words.reasons import reason_phrase
from ragscout.judges.words import judge_notes
from ragscout.model.results.amounts import amount
from ragscout.model.results.board import Board, Note
from ragscout.stats.paired import questions_to_separate, smallest_detectable
from ragscout.words import phrase

TYPICAL_SD = 0.28
"""Sd of paired differences near the top, used until it can be measured (simulated worlds: 0.28)."""
NO_CHANGE = 1e-9
"""A difference of means that is only the last bits of sums."""


def board_notes(board: Board, sd: float | None) -> tuple[Note, ...]:
    """Return notes in a fixed order: power, separation, depth, limits, optimism, missing scores, replies that
    were cut, failures."""
    leader = board.leader()
    if leader is None and any(row.has("over_limit") for row in board.rows):
        return (*_depth(board, 0), *_ended(board), *_missing(board), *_cut(board), *_failures(board))
    if leader is None:
        return (_nothing(board), *_ended(board), *_cut(board), *_failures(board))
    stat = leader.figures.get(board.goal.metric)
    n = stat.scored if stat is not None else 0
    notes = [
        _power(board, n, sd),
        *_separation(board, n, sd),
        *_constant(board),
        *_depth(board, leader.answered),
        *_ended(board),
    ]
    notes += quote_notes(board)
    return (*notes, *_judges(board), *_missing(board), *_cut(board), *_failures(board))


def _nothing(board: Board) -> Note:
    """Why no row can be ranked: the reasons of the scores that are not there."""
    stats = [row.figures[board.goal.metric] for row in board.rows if board.goal.metric in row.figures]
    kinds = sum((Counter(stat.failures) for stat in stats if not stat.scored), Counter[str]())
    if not kinds:
        return Note("nothing")
    failures = [f"{kind} {number}" for kind, number in sorted(kinds.items())]
    return Note("nothing_scored", {"metric": board.goal.metric, "failures": failures})


def _judges(board: Board) -> list[Note]:
    return [note for standing in board.judges for note in judge_notes(standing)]


def _power(board: Board, n: int, sd: float | None) -> Note:
    spread = TYPICAL_SD if sd is None else sd
    basis = phrase("note_part.typical_sd", sd=spread) if sd is None else phrase("note_part.measured_sd", sd=spread)
    return Note("power", {"n": n, "detectable": amount(board.goal, smallest_detectable(spread, n)), "basis": basis})


def _separation(board: Board, n: int, sd: float | None) -> list[Note]:
    others = [row for row in board.winner_set() if not row.has("leader")]
    compared = [row for row in board.rows if row.versus_leader is not None]
    if not compared:
        return []
    if not others:
        return [Note("separated", {"compared": len(compared)})]
    paired = compared[0].versus_leader
    assert paired is not None
    more = questions_to_separate(paired.difference, TYPICAL_SD if sd is None else sd, n)
    if len(compared) == 1:
        rows = phrase("note_part.not_separated_one", n=n)
    elif len(others) == len(compared):
        rows = phrase("note_part.not_separated_all", n=n, compared=len(compared))
    else:
        rows = phrase("note_part.not_separated_some", n=n, others=len(others), compared=len(compared))
    return [Note("not_separated", {"rows": rows, "more": phrase("note_part.more", more=more) if more else ""})]


def _constant(board: Board) -> list[Note]:
    """Said where the goal gives every compared row the same score on all that they answered: then it has chosen
    nothing."""
    compared = [row.versus_leader for row in board.rows if row.versus_leader is not None]
    rows = [row for row in board.rows if row.has("leader") or row.versus_leader is not None]
    most = max((stat.scored for row in rows if (stat := row.figures.get(board.goal.metric)) is not None), default=0)
    if not compared or any(abs(paired.difference) > NO_CHANGE or paired.n < most for paired in compared):
        return []
    return [Note("constant", {"metric": board.goal.metric, "rows": len(rows)})]


def _depth(board: Board, answered: int) -> list[Note]:
    partly = sum(1 for row in board.rows if row.has("partial"))
    if not partly:
        return []
    values = {"partly": partly, "rows": len(board.rows), "questions": board.questions, "answered": answered}
    return [Note("partial", values)]


def _ended(board: Board) -> list[Note]:
    return [Note("ended", {"why": reason_phrase(board.ended)})] if board.ended is not None else []


def _missing(board: Board) -> list[Note]:
    rows = [row for row in board.rows if row.has("cannot_win")]
    return [Note("missing", {"rows": len(rows), "metric": board.goal.metric})] if rows else []


def _cut(board: Board) -> list[Note]:
    """Return a note on answers, and one on scores, that did not come because a reply was cut at its limit of tokens."""
    answers = [max((stat.failures.get("cut", 0) for stat in row.figures.values()), default=0) for row in board.rows]
    notes = [Note("cut_answers", {"n": sum(answers), "rows": sum(map(bool, answers))})] if any(answers) else []
    scores = Counter[str]()
    for row in board.rows:
        scores.update({name: stat.failures.get("judge_cut", 0) for name, stat in row.figures.items()})
    figures = [name for name, number in scores.items() if number]
    return [*notes, *([Note("cut_scores", {"n": scores.total(), "figures": figures})] if figures else [])]


def _failures(board: Board) -> list[Note]:
    rows = [row for row in board.rows if row.failed]
    return [Note("failed", {"rows": len(rows), "name": rows[0].name, "why": rows[0].failed})] if rows else []
