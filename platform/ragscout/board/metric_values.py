"""One row's figures: means with intervals, failures by kind, what is missing, cost, groups of questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ragscout.model.board import Cost, FigureStat, Goal, GroupStat
from ragscout.model.evalset import Question
from ragscout.model.measured import Measured, goal_value
from ragscout.model.metric import Figure
from ragscout.model.outcome import Failure, Usage
from ragscout.stats.paired import Interval, mean_interval
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
    outcomes = [
        (question.id, item.scores[question.id][figure.name])
        for question in questions
        if figure.name in item.scores.get(question.id, {})
    ]
    if not outcomes:
        return None
    kinds = Counter(outcome.kind for _, outcome in outcomes if isinstance(outcome, Failure))
    applicable = [
        (name, goal_value(outcome, figure))
        for name, outcome in outcomes
        if not (isinstance(outcome, Failure) and outcome.kind in NOT_APPLICABLE)
    ]
    known = [(name, value) for name, value in applicable if value is not None]
    asked, scored = len(applicable), len(known)
    missing = 1 - scored / asked if asked else 0.0
    failures = dict(sorted(kinds.items()))
    if not known:
        return FigureStat(None, None, None, 0, asked, failures, rounded(missing))
    values = [value for _, value in known]
    interval = mean_interval(
        values, [clusters.get(name, name) for name, _ in known] if clusters else None, (figure.low, figure.high)
    )
    worst = best = None
    if missing > MISSING_LIMIT:
        total, absent = sum(values), asked - scored
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


def set_stat(interval: Interval) -> FigureStat:
    """A set-level figure with its bootstrap interval."""
    return FigureStat(
        rounded(interval.mean), finite(interval.low), finite(interval.high), interval.n, interval.n, {}, 0.0
    )


def cost(item: Measured, questions: Sequence[Question]) -> Cost:
    """Means per question over the questions with usage; money for 1,000 questions, ``None`` when a price is
    unknown."""
    used = [item.usage[question.id] for question in questions if question.id in item.usage]
    if not used:
        return Cost(None, 0.0, 0.0, 0.0)
    total = Usage()
    for usage in used:
        total = total + usage
    n = len(used)
    return Cost(
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
    """The goal's mean on each group of ``groups_of``."""
    found = []
    for name, members in groups_of(questions).items():
        asked = [item.scores[question] for question in members if question in item.scores]
        values = [
            value for value in (goal_value(scores.get(goal.metric), goal) for scores in asked) if value is not None
        ]
        mean = rounded(sum(values) / len(values)) if values else None
        found.append(GroupStat(name, mean, len(values), len(asked)))
    return tuple(found)
