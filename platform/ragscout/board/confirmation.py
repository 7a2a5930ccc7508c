"""Rows on the sealed hold-out, and which figure to quote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ragscout.board.metric_values import clusters_of, figure_stat
from ragscout.board.question_weights import shares, weighted_stat, weights_of
from ragscout.board.words.reasons import reason_phrase
from ragscout.model.evalset import Question
from ragscout.model.metric import Figure
from ragscout.model.results.amounts import mean, score
from ragscout.model.results.board import Board, Confirmed, FigureStat, Goal, Note, Paired, Row
from ragscout.model.results.measured import Measured, goal_value
from ragscout.stats.paired import compare_paired, holm
from ragscout.stats.rounding import rounded
from ragscout.words import Phrase, Words, phrase

SMALL_SET = 100
"""Below this many questions the optimism of a best score is told in points (simulated: 3 to 5)."""


@dataclass(frozen=True)
class Opened:
    """The hold-out after it was opened: its questions and what the confirmed configurations scored, by key."""

    questions: Sequence[Question] = ()
    measured: Mapping[str, Measured] = field(default_factory=dict)


def confirm(rows: Sequence[Row], opened: Opened, figures: Sequence[Figure], goal: Goal) -> tuple[Row, ...]:
    """Rows with their hold-out figures, and differences to the reference on the questions both were scored on; the
    reference was fixed before the hold-out was opened, so plain paired intervals hold (p corrected by Holm)."""
    figure = next((item for item in figures if item.name == goal.metric), None)
    if figure is None or not opened.measured:
        return tuple(rows)
    values = {
        key: {
            question.id: value
            for question in opened.questions
            if (value := goal_value(item.scores.get(question.id, {}).get(goal.metric), goal)) is not None
        }
        for key, item in opened.measured.items()
    }
    reference = next((row.key for row in rows if row.has("reference")), "")
    shared = weights_of(opened.questions)
    weights = {question.id: weight for question, weight in zip(opened.questions, shared, strict=False)}
    clusters = clusters_of(opened.questions)
    pairs = _pairs(values, reference, weights, clusters)
    found = []
    for row in rows:
        item = opened.measured.get(row.key)
        stat = None if item is None else figure_stat(figure, item, opened.questions, clusters)
        if item is None or stat is None:
            found.append(row)
            continue
        if weights:
            stat = weighted_stat(stat, goal, item, opened.questions, clusters)
        level = goal.pass_level
        right = None if level is None else sum(_right(value, level, goal) for value in values[row.key].values())
        found.append(replace(row, confirmed=Confirmed(stat, right, pairs.get(row.key))))
    return tuple(found)


def _right(value: float, level: float, goal: Goal) -> bool:
    return value >= level if goal.higher else value <= level


def _pairs(
    values: Mapping[str, Mapping[str, float]],
    reference: str,
    weights: Mapping[str, float],
    clusters: Mapping[str, str] | None,
) -> dict[str, Paired]:
    import numpy as np

    base = values.get(reference, {})
    tests = {}
    for key, mine in values.items():
        common = [name for name in mine if name in base]
        if key != reference and len(common) > 1:
            scale = shares([weights[name] for name in common] if weights else (), np.ones(len(common), dtype=bool))
            first, second = ((np.array([side[name] for name in common]) * scale).tolist() for side in (mine, base))
            groups = [clusters.get(name, name) for name in common] if clusters else None
            tests[key] = compare_paired(first, second, clusters=groups)
    adjusted = holm([test.p for test in tests.values()])
    return {
        key: Paired(
            rounded(test.difference),
            rounded(test.low),
            rounded(test.high),
            test.n,
            rounded(test.p),
            rounded(p),
            test.wins,
            test.losses,
            test.method,
        )
        for (key, test), p in zip(tests.items(), adjusted, strict=True)
    }


def quote_notes(board: Board) -> tuple[Note, ...]:
    """Which figure to quote, and why; how often the hold-out was used."""
    leader = board.leader()
    if leader is None:
        return ()
    notes = [_confirmed(board)] if any(row.confirmed for row in board.rows) else [_optimism(board, leader)]
    return (*(note for note in notes if note is not None), *_used(board))


def _confirmed(board: Board) -> Note | None:
    row = board.recommended() or board.leader()
    if row is None or row.confirmed is None:
        return None
    stat, metric = row.confirmed.figure, board.goal.metric
    seen = mean(board.goal, row.figures.get(metric))
    values = {"name": row.name, "metric": metric, "n": stat.scored, "sealed": score(board.goal, stat), "open": seen}
    return Note("quote", values)


def _optimism(board: Board, leader: Row) -> Note:
    if not board.had_a_choice:
        return Note("no_choice")
    sealed = board.holdout
    why = phrase("note_part.no_holdout")
    if sealed is not None:
        why = phrase("note_part.holdout_closed")
        if sealed.why is not None:
            why = phrase("note_part.holdout_sealed", why=reason_phrase(sealed.why))
    stat = leader.figures.get(board.ranked_by)
    small = stat is not None and stat.scored < SMALL_SET
    return Note(
        "optimism",
        {"why": why, "by": phrase("note_part.by_points") if small else "", "instead": _crossfit(board, leader, stat)},
    )


def _crossfit(board: Board, leader: Row, stat: FigureStat | None) -> Phrase | str:
    """Which figure to quote instead of the one that the row was chosen by."""
    if leader.crossfit is None:
        return ""
    fair, seen = mean(board.goal, leader.crossfit), mean(board.goal, stat)
    quoted = score(board.goal, leader.crossfit)
    english = Words("en")
    if english.value(fair) == english.value(seen):
        return phrase("note_part.quote_crossfit", score=quoted)
    return phrase("note_part.quote_crossfit_instead", score=quoted, open=seen)


def _used(board: Board) -> tuple[Note, ...]:
    sealed = board.holdout
    if sealed is None or not (sealed.used_by or sealed.seen):
        return ()
    uses = []
    if sealed.used_by:
        names = list(dict.fromkeys(sealed.used_by))
        uses.append(phrase("note_part.holdout_opened", times=len(sealed.used_by), names=names))
    if sealed.seen:
        uses.append(phrase("note_part.holdout_seen", seen=sealed.seen))
    return (Note("holdout_used", {"uses": uses}),)
