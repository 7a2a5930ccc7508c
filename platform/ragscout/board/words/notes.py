"""What the board says in words, in English and Korean."""

from __future__ import annotations

from collections import Counter

from ragscout.board.confirmation import quote_notes
from ragscout.board.words.reasons import reason_words
from ragscout.judges.words import judge_notes
from ragscout.model.board import Board, Note
from ragscout.stats.paired import questions_to_separate, smallest_detectable

TYPICAL_SD = 0.28
"""Sd of paired differences near the top, used until it can be measured (simulated worlds: 0.28)."""
NOTHING = 1e-9
"""A difference of means that is only the last bits of sums."""


def board_notes(board: Board, sd: float | None) -> tuple[Note, ...]:
    """Notes in a fixed order: power, separation, depth, limits, optimism, missing scores, failures."""
    leader = board.leader()
    if leader is None and any(row.has("over_limit") for row in board.rows):
        return (*_depth(board, 0), *_ended(board), *_missing(board), *_failures(board))
    if leader is None:
        return (_nothing(board), *_ended(board), *_failures(board))
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
    return (*notes, *_judges(board), *_missing(board), *_failures(board))


def _nothing(board: Board) -> Note:
    """Why no row can be ranked: the reasons of the scores that are not there."""
    stats = [row.figures[board.goal.metric] for row in board.rows if board.goal.metric in row.figures]
    kinds = sum((Counter(stat.failures) for stat in stats if not stat.scored), Counter[str]())
    if not kinds:
        return Note(
            "nothing",
            "No configuration has enough scores to be ranked; see the failures of the rows.",
            "순위를 매길 만큼 점수가 있는 구성이 없습니다. 각 행의 실패 사유를 보십시오.",
        )
    shown = ", ".join(f"{kind} {number}" for kind, number in sorted(kinds.items()))
    return Note(
        "nothing",
        f"No row can be ranked: {board.goal.metric} could score no answer ({shown}). Choose a goal that these "
        "questions can be scored by, or give them what is missing.",
        f"순위를 매길 수 없습니다: {board.goal.metric}로 채점된 답변이 없습니다 ({shown}). 이 문항으로 채점할 수 있는 "
        "목표를 고르거나 빠진 것을 채우십시오.",
    )


def _judges(board: Board) -> list[Note]:
    return [note for standing in board.judges for note in judge_notes(standing)]


def _unit(board: Board, value: float) -> tuple[str, str]:
    if board.goal.unit:
        return f"{value * 100:.0f} points", f"{value * 100:.0f}점"
    return f"{value:.3g}", f"{value:.3g}"


def _power(board: Board, n: int, sd: float | None) -> Note:
    detectable = smallest_detectable(TYPICAL_SD if sd is None else sd, n)
    en, ko = _unit(board, detectable)
    basis = "a typical spread of" if sd is None else "the measured"
    basis_ko = "통상적인" if sd is None else "측정된"
    spread = TYPICAL_SD if sd is None else sd
    return Note(
        "power",
        f"With {n} question{'s' * (n != 1)} only differences above about {en} can be shown (80 % power, {basis} sd "
        f"{spread:.2f} of paired differences).",
        f"{n}문항으로는 약 {ko} 이상의 차이만 보일 수 있습니다 (검정력 80 %, {basis_ko} 짝지은 차이의 표준편차 "
        f"{spread:.2f}).",
    )


def _separation(board: Board, n: int, sd: float | None) -> list[Note]:
    others = [row for row in board.winner_set() if not row.has("leader")]
    compared = [row for row in board.rows if row.versus_leader is not None]
    if not compared:
        return []
    if not others:
        return [
            Note(
                "separated",
                f"The leader is separated from all {len(compared)} rows measured as deeply.",
                f"선두는 같은 깊이로 측정된 {len(compared)}개 구성 모두와 구별됩니다.",
            )
        ]
    second = compared[0]
    paired = second.versus_leader
    assert paired is not None
    more = questions_to_separate(paired.difference, TYPICAL_SD if sd is None else sd, n)
    tail = f"; about {more:,} more questions would separate the first two" if more else ""
    tail_ko = f"; 1위와 2위를 구별하려면 약 {more:,}문항이 더 필요합니다" if more else ""
    return [
        Note(
            "not_separated",
            f"The leader cannot be told apart from {len(others)} of {len(compared)} rows measured as deeply{tail}.",
            f"선두는 같은 깊이로 측정된 {len(compared)}개 중 {len(others)}개와 구별되지 않습니다{tail_ko}.",
        )
    ]


def _constant(board: Board) -> list[Note]:
    """Said where the goal gives every compared row the same score on all that they answered: then it has chosen
    nothing."""
    compared = [row.versus_leader for row in board.rows if row.versus_leader is not None]
    rows = [row for row in board.rows if row.has("leader") or row.versus_leader is not None]
    most = max((stat.scored for row in rows if (stat := row.figures.get(board.goal.metric)) is not None), default=0)
    if not compared or any(abs(paired.difference) > NOTHING or paired.n < most for paired in compared):
        return []
    metric, count = board.goal.metric, len(rows)
    return [
        Note(
            "constant",
            f"{metric} gives all {count} rows measured as deeply the same score, so it chose nothing: cost and "
            "simplicity did. Look at the other metrics before you rely on it.",
            f"{metric} 점수는 같은 깊이로 측정된 {count}개 구성 모두에서 같아 아무것도 고르지 못했고, 비용과 단순함이 "
            "순서를 정했습니다. 믿기 전에 다른 지표를 보십시오.",
        )
    ]


def _depth(board: Board, answered: int) -> list[Note]:
    partly = sum(1 for row in board.rows if row.has("partial"))
    if not partly:
        return []
    return [
        Note(
            "partial",
            f"{partly} of {len(board.rows)} rows answered only a part of the {board.questions} questions (the leader "
            f"{answered}); they are ordered by means adjusted for which questions they answered, below the rows that "
            "answered more.",
            f"{len(board.rows)}개 행 중 {partly}개는 {board.questions}문항의 일부만 답했습니다 (선두 {answered}문항). "
            "답한 문항의 난이도를 보정한 평균으로, 더 많이 답한 행 아래에 정렬됩니다.",
        )
    ]


def _ended(board: Board) -> list[Note]:
    if board.ended is None:
        return []
    why, why_ko = reason_words(board.ended, "en"), reason_words(board.ended, "ko")
    return [
        Note(
            "ended",
            f"The sweep was ended by its limit: {why}. A larger limit may change the order.",
            f"한도에 도달하여 탐색이 끝났습니다: {why_ko}. 한도를 늘리면 순위가 바뀔 수 있습니다.",
        )
    ]


def _missing(board: Board) -> list[Note]:
    rows = [row for row in board.rows if row.has("cannot_win")]
    if not rows:
        return []
    return [
        Note(
            "missing",
            f"{len(rows)} row{'s' * (len(rows) > 1)} cannot win: more than 2 % of their {board.goal.metric} scores are "
            "missing.",
            f"{len(rows)}개 행은 {board.goal.metric} 점수의 2 % 넘게 빠져 있어 1위가 될 수 없습니다.",
        )
    ]


def _failures(board: Board) -> list[Note]:
    rows = [row for row in board.rows if row.failed]
    if not rows:
        return []
    return [
        Note(
            "failed",
            f"{len(rows)} configuration{'s' * (len(rows) > 1)} could not run, for example {rows[0].name}: "
            f"{rows[0].failed}",
            f"{len(rows)}개 구성을 실행하지 못했습니다. 예: {rows[0].name}: {rows[0].failed}",
        )
    ]
