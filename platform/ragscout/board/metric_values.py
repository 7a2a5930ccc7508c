"""One row's figures: means with intervals, failures by kind, what is missing, cost, groups of questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ragscout.model.evalset import Question
from ragscout.model.metric import Figure
from ragscout.model.results.board import FigureStat, Goal, GroupStat, RowCost
from ragscout.model.results.measured import Measured
from ragscout.plan.outcome_table import ABSENT, column_of, total_usage
from ragscout.stats.paired import mean_interval
from ragscout.stats.rounding import finite, rounded

MISSING_LIMIT = 0.02
"""Above this share of missing scores a configuration cannot win, and bounds are shown."""
NOT_APPLICABLE = frozenset({"no_reference", "no_evidence"})
"""Kinds that say the question has nothing to score against: out of ``asked``, alike for every configuration."""
FEWEST_CLUSTERS = 10


def clusters_of(questions: Sequence[Question]) -> dict[str, str] | None:
    """Question id to the first document that its evidence is in, for intervals that know that questions on one
    document go together (Miller 2024, arXiv 2411.00640). ``None`` with at most two questions per document, and with
    fewer than ten documents: an error from so few sums is luck itself."""
    found = {
        question.id: (*(span.document for span in question.evidence), *question.documents)[0]
        for question in questions
        if question.evidence or question.documents
    }
    documents = len(set(found.values()))
    return found if documents >= FEWEST_CLUSTERS and len(found) > 2 * documents else None


def figure_stat(
    figure: Figure, item: Measured, questions: Sequence[Question], clusters: Mapping[str, str] | None = None
) -> FigureStat | None:
    """One figure of one row, ``None`` when it was measured on no question. Sums run in the order of ``questions``."""
    ids = [question.id for question in questions]
    column = column_of(item.scores, figure.name, ids)
    if not column.codes.any():
        return None
    values, known = column.counted(figure)
    applicable = (column.codes != ABSENT) & ~column.of_kinds(NOT_APPLICABLE)
    known = known & applicable
    asked, scored = int(applicable.sum()), int(known.sum())
    missing = 1 - scored / asked if asked else 0.0
    failures = column.failures()
    if not scored:
        return FigureStat(None, None, None, 0, asked, failures, rounded(missing))
    groups = [clusters.get(name, name) for name, there in zip(ids, known, strict=True) if there] if clusters else None
    interval = mean_interval(values[known], groups, (figure.low, figure.high))
    worst = best = None
    if missing > MISSING_LIMIT:
        total, absent = sum(values[known].tolist()), asked - scored
        ends = ((total + absent * end) / asked for end in (figure.low, figure.high))
        low, high = (finite(end) for end in ends)
        worst, best = (low, high) if figure.higher_is_better else (high, low)
    return FigureStat(
        rounded(interval.mean),
        finite(interval.low),
        finite(interval.high),
        scored,
        asked,
        failures,
        rounded(missing),
        worst,
        best,
    )


def cost(item: Measured, questions: Sequence[Question]) -> RowCost:
    """Means per question over the questions with usage; money for 1,000 questions, ``None`` when a price is
    unknown."""
    total, n = total_usage(item.usage, [question.id for question in questions])
    if not n:
        return RowCost(None, 0.0, 0.0, 0.0)
    return RowCost(
        None if total.money is None else rounded(total.money / n * 1000),
        rounded(total.seconds / n),
        rounded(total.input_tokens / n),
        rounded(total.output_tokens / n),
    )


def groups_of(questions: Sequence[Question]) -> dict[str, list[str]]:
    """Question ids by group: answerable and unanswerable, and each slice, where there is more than one."""
    members: dict[str, list[str]] = {}
    split = len({question.answerable for question in questions}) > 1
    sliced = len({question.slice for question in questions}) > 1
    for question in questions:
        if split:
            members.setdefault("answerable" if question.answerable else "unanswerable", []).append(question.id)
        if sliced and question.slice:
            members.setdefault(f"slice:{question.slice}", []).append(question.id)
    return dict(sorted(members.items()))


def groups(goal: Goal, item: Measured, questions: Sequence[Question]) -> tuple[GroupStat, ...]:
    """Return the goal's mean on each group of ``groups_of``."""
    found = []
    for name, members in groups_of(questions).items():
        asked = [question for question in members if question in item.scores]
        values, known = column_of(item.scores, goal.metric, asked).counted(goal)
        scored = values[known].tolist()
        found.append(GroupStat(name, rounded(sum(scored) / len(scored)) if scored else None, len(scored), len(asked)))
    return tuple(found)
