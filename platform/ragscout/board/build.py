"""From measurements to the leaderboard.

How rows are ordered: by their posterior mean, ``Row.adjusted``. It is that of the factor model where the search used it
and its check passed, else what the table of rows and questions itself says (``search.posterior``): among rows that
answered all the same questions that is the order of their means. ``Row.estimate`` is the mean before that, corrected
for which questions a row answered (a two-way fit); for a row that answered everything it is the plain mean. Rows are
compared for the first place only at the depth of the search: all rows that answered every question if any candidate
did, else all rows with at least as many questions as the third-deepest candidate. These come first; then rows that
cannot win because more than 2 % of their scores are missing; then the partly measured ones; then what failed.
Comparisons of two rows are always made on their scores, question by question.

With labels of people for a judge that is the goal and is biased, rows are ordered and compared by the scores that the
labels correct (``search.calibration_ppi``).

*Leader*: the first row. *Winner set*: rows of that depth whose simultaneous lower bound for (leader - row) is at most
0. *Recommended*: the cheapest (money, then tokens), then simplest member of the winner set within one point of the
leader. Nothing is recommended where the best row is at the floor (``board.floor``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from ragscout.board import labelled as labelled
from ragscout.board import metric_values as parts
from ragscout.board.complexity import complexity
from ragscout.board.confirmation import confirm
from ragscout.board.floor import withheld
from ragscout.board.limits import limit_notes
from ragscout.board.paired_wins import duel_notes, with_duels
from ragscout.board.question_weights import weight_notes, weighted_stat, weights_of
from ragscout.board.ranking import Facts, passes, ranked
from ragscout.board.row_cache import RowCache
from ragscout.board.words.notes import board_notes
from ragscout.model.config import Configuration
from ragscout.model.evalset import Question
from ragscout.model.key import short
from ragscout.model.metric import Figure
from ragscout.model.results.board import Board, Goal, Mark, Row
from ragscout.model.results.calibration import CORRECTED
from ragscout.model.results.measured import Measured
from ragscout.plan.outcome_table import column_of
from ragscout.search.notes import posterior_notes

__all__ = ["Facts", "build_board", "differing", "row_names"]


def build_board(
    measured: Sequence[Measured],
    questions: Sequence[Question],
    figures: Sequence[Figure],
    goal: Goal,
    facts: Facts,
    retrieval_figures: Sequence[Figure] = (),
    kept: RowCache | None = None,
) -> Board:
    """Return the leaderboard of what was measured; a pure function: equal inputs give equal bytes.

    ``figures``: of answers, in display order; ``retrieval_figures``: of rankings. Configurations that generate nothing
    form the second table, unless none generates. ``kept``: rows of the board's last state, which change no number.
    """
    kept = kept or RowCache()
    generating = any(item.configuration.generates for item in measured)
    main = _unique([item for item in measured if item.configuration.generates or not generating])
    prefixes = _unique([item for item in measured if generating and not item.configuration.generates])
    everything = (*figures, *retrieval_figures)
    plain = _plain_rows(main, questions, everything, goal, facts, kept)
    rows, sd, labels = ranked(plain, main, questions, goal, facts)
    rows = with_duels(confirm(rows, facts.opened, everything, goal), main, questions, goal)
    retrieval = _retrieval_rows(prefixes, questions, everything, retrieval_figures, facts, kept)
    rows, floor = withheld(rows, main, goal, retrieval, retrieval_figures)
    board = Board(
        sweep=facts.sweep,
        eval_set=facts.eval_set,
        goal=goal,
        questions=len(questions),
        configurations=max(facts.configurations, len(rows)),
        rows=rows,
        retrieval=retrieval,
        figures=_present(rows, everything),
        retrieval_figures=_present(retrieval, everything),
        knobs=tuple(differing([item.configuration for item in main])),
        currency=facts.currency,
        ended=facts.ended,
        within=dict(facts.within),
        holdout=facts.holdout,
        judges=labelled.standings(facts.judges, goal, labels),
        lower_is_better=tuple(figure.name for figure in everything if not figure.higher_is_better),
    )
    said = (*floor, *limit_notes(board, facts.require), *duel_notes(board), *weight_notes(questions, goal))
    said += posterior_notes(board, facts.posterior)
    notes = (*said, *board_notes(board, sd), *facts.notes)
    return replace(board, notes=notes)


def differing(configurations: Sequence[Configuration]) -> list[str]:
    """Knobs that take more than one value (or are absent) among configurations; order: of the one with most knobs."""
    longest = max(configurations, key=lambda item: len(item.knobs), default=None)
    names = list(
        dict.fromkeys([*(longest.knobs if longest else ()), *(k for item in configurations for k in item.knobs)])
    )
    return [name for name in names if len({item.knobs.get(name) for item in configurations}) > 1]


def row_names(configurations: Sequence[Configuration]) -> list[str]:
    """Names by the knobs that differ; equal names get the start of the key."""
    knobs = differing(configurations)
    names = [
        item.name or " · ".join(item.knobs[knob] for knob in knobs if knob in item.knobs) or item.label()
        for item in configurations
    ]
    often = Counter(names)
    return [
        f"{name} ({short(item.key)})" if often[name] > 1 else name
        for name, item in zip(names, configurations, strict=True)
    ]


def _unique(measured: Sequence[Measured]) -> list[Measured]:
    found: dict[str, Measured] = {}
    for item in measured:
        found.setdefault(item.configuration.key, item)
    return list(found.values())


def _present(rows: Sequence[Row], figures: Sequence[Figure]) -> tuple[str, ...]:
    names = list(dict.fromkeys(name for figure in figures for name in (figure.name, figure.name + CORRECTED)))
    names += sorted({name for row in rows for name in row.figures} - set(names))
    return tuple(name for name in names if any(name in row.figures for row in rows))


def _plain_rows(
    measured: Sequence[Measured],
    questions: Sequence[Question],
    figures: Sequence[Figure],
    goal: Goal,
    facts: Facts,
    kept: RowCache,
) -> list[Row]:
    """Rows with everything that needs no other row."""
    names = row_names([item.configuration for item in measured])
    rows = []
    for item, name in zip(measured, names, strict=True):
        make = partial(_plain_row, item, questions, figures, goal, facts.clusters)
        row = kept.row(item, questions, figures, goal, facts.clusters, make)
        rows.append(row if row.name == name else replace(row, name=name))
    return rows


def _plain_row(
    item: Measured,
    questions: Sequence[Question],
    figures: Sequence[Figure],
    goal: Goal,
    clusters: Mapping[str, str] | None,
) -> Row:
    asked = [question for question in questions if question.id in item.scores]
    stats = {figure.name: parts.figure_stat(figure, item, asked, clusters) for figure in figures}
    known = {figure: stat for figure, stat in stats.items() if stat is not None}
    if goal.metric in known and weights_of(questions):
        known[goal.metric] = weighted_stat(known[goal.metric], goal, item, asked, clusters)
    level = goal.pass_level
    right = None
    if level is not None:
        values, scored = column_of(item.scores, goal.metric, list(item.scores)).counted(goal)
        right = sum(passes(value, level, goal) for value in values[scored].tolist())
    return Row(
        rank=0,
        key=item.configuration.key,
        name="",
        knobs=dict(item.configuration.knobs),
        roles=item.configuration.roles,
        marks=(),
        answered=len(asked),
        estimate=None,
        adjusted=None,
        figures=known,
        right=right,
        cost=parts.cost(item, questions),
        complexity=complexity(item.configuration),
        groups=parts.groups(goal, item, questions),
        failed=item.failed,
    )


def _retrieval_rows(
    measured: Sequence[Measured],
    questions: Sequence[Question],
    figures: Sequence[Figure],
    retrieval_figures: Sequence[Figure],
    facts: Facts,
    kept: RowCache,
) -> tuple[Row, ...]:
    """Return retrieval prefixes, ordered by the first retrieval figure."""
    if not measured:
        return ()
    first = Goal.of((retrieval_figures or figures)[0]) if (retrieval_figures or figures) else Goal("")
    rows = _plain_rows(measured, questions, figures, first, facts, kept)

    def value(row: Row) -> float | None:
        stat = row.figures.get(first.metric)
        return stat.mean if stat is not None else None

    def place(row: Row) -> tuple[bool, float, str]:
        mean = value(row)
        return mean is None, -first.sign * mean if mean is not None else 0.0, row.key

    ordered = sorted(rows, key=place)
    found = []
    for rank, row in enumerate(ordered, 1):
        marks: tuple[Mark, ...] = ()
        if row.failed:
            marks = ("failed",)
        elif value(row) is None:
            marks = ("unscored",)
        elif row.answered < len(questions):
            marks = ("partial",)
        found.append(replace(row, rank=rank, estimate=value(row), right=None, marks=marks))
    return tuple(found)
