"""The floor of a recommendation: what answers too few questions, or no more than without passages, is not recommended.

It applies to goals that are shares of right answers (figures with a pass level). Then the board says where the wrong
answers come from: from passages that hold no evidence, or from a writer that does not use the evidence it is given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ragscout.board.ranking import passes
from ragscout.model.metric import Figure
from ragscout.model.outcome import Score
from ragscout.model.results.board import Goal, Note, Row
from ragscout.model.results.measured import Measured, goal_value
from ragscout.words import Phrase, phrase

FEWEST_RIGHT = 0.25
"""Share of right answers below which no row is recommended."""
_EVIDENCE = re.compile(r"(?:doc\.)?(?:hit|recall)@(\d+)|reference_coverage@(\d+)")


def withheld(
    rows: Sequence[Row],
    measured: Sequence[Measured],
    goal: Goal,
    retrieval: Sequence[Row],
    retrieval_figures: Sequence[Figure],
) -> tuple[tuple[Row, ...], tuple[Note, ...]]:
    """Take the recommendation back where the best row is at the floor.

    Args:
        rows: in the order of the board, with their marks.
        measured: what the rows were made of, in any order.
        goal: of the board.
        retrieval: retrieval-only rows, best first.
        retrieval_figures: figures of retrieval in the order of the sweep file.

    Returns:
        The rows, and a note that says why nothing is recommended; the rows as they are and no note above the floor.
    """
    by_key = {item.configuration.key: item for item in measured}
    if goal.pass_level is None or not any(row.has("recommended") for row in rows):
        return tuple(rows), ()
    leader = next(row for row in rows if row.has("leader"))
    stat = leader.figures[goal.metric]
    bare = next((row for row in rows if _answers_bare(row, by_key[row.key])), None)
    best = next((row for row in rows if row is not bare and row.answered >= leader.answered), leader)
    share = (leader.right or 0) / stat.scored if stat.scored else 0.0
    low = share < FEWEST_RIGHT
    if not low and (bare is None or best is bare or not _no_better(best, bare, goal)):
        return tuple(rows), ()
    figure = _evidence_figure(by_key[best.key], retrieval_figures)
    why = {
        "cause": _cause(by_key[best.key], goal, figure),
        "retrieval": _best_retrieval([*rows, *retrieval], figure),
    }
    if low:
        values = {"name": leader.name, "right": leader.right, "of": stat.scored, "floor": round(100 * FEWEST_RIGHT)}
        note = Note("floor_low", {**values, **why})
    else:
        note = Note("floor_bare", {"name": best.name, "bare": bare.name if bare is not None else "", **why})
    kept = tuple(replace(row, marks=tuple(mark for mark in row.marks if mark != "recommended")) for row in rows)
    return kept, (note,)


def _answers_bare(row: Row, item: Measured) -> bool:
    """Whether a row is the baseline that answers without passages."""
    configuration = item.configuration
    return (
        row.has("baseline")
        and configuration.generates
        and not configuration.retrieves
        and not configuration.whole_system
        and row.adjusted is not None
    )


def _no_better(best: Row, bare: Row, goal: Goal) -> bool:
    return (
        best.adjusted is not None
        and bare.adjusted is not None
        and bare.answered >= best.answered
        and goal.sign * (best.adjusted - bare.adjusted) <= 0
    )


def _evidence_figure(item: Measured, figures: Sequence[Figure]) -> str:
    """Return the figure that says best whether the evidence was among the passages: the one whose depth is nearest to
    how many passages the prompt takes. Empty where none was measured."""
    passages = item.configuration.knobs.get("passages", "")
    wanted = int(passages) if passages.isdigit() else None
    depths = {}
    for figure in figures:
        matched = _EVIDENCE.fullmatch(figure.name)
        if matched and any(figure.name in scores for scores in item.scores.values()):
            depths[figure.name] = int(matched[1] or matched[2])
    if not depths:
        return ""
    return min(depths, key=lambda name: 0 if wanted is None else abs(depths[name] - wanted))


def _cause(item: Measured, goal: Goal, figure: str) -> Phrase | str:
    """Return where the wrong answers of a row come from, empty where retrieval was not measured."""
    assert goal.pass_level is not None
    found = lacking = 0
    for scores in item.scores.values():
        value, evidence = goal_value(scores.get(goal.metric), goal), scores.get(figure)
        if value is None or passes(value, goal.pass_level, goal) or not isinstance(evidence, Score):
            continue
        if evidence.value > 0:
            found += 1
        else:
            lacking += 1
    if not found + lacking:
        return ""
    kind = "note_part.writer" if found >= lacking else "note_part.retrieval"
    return phrase(kind, number=max(found, lacking), wrong=found + lacking, figure=figure)


def _best_retrieval(rows: Sequence[Row], figure: str) -> Phrase | str:
    """Return the row that retrieves best, empty where retrieval was not measured."""
    means = [
        (stat.mean, row) for row in rows if (stat := row.figures.get(figure)) is not None and stat.mean is not None
    ]
    if not means:
        return ""
    value, row = max(means, key=lambda pair: pair[0])
    return phrase("note_part.best_retrieval", name=row.name, figure=figure, value=value)
