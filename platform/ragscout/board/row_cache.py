"""Rows of a board that is built again after every round: most of them have not changed since."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ragscout.model.evalset import Question
from ragscout.model.metric import Figure
from ragscout.model.results.board import Goal, Row
from ragscout.model.results.measured import Measured


@dataclass(frozen=True)
class _Kept:
    item: Measured
    questions: tuple[Question, ...]
    figures: tuple[Figure, ...]
    goal: Goal
    clusters: Mapping[str, str] | None
    row: Row


class RowCache:
    """The last row made of each configuration and goal, with everything it was made of. It is taken again only while
    all of that is equal, so a board with the cache and one without are the same board."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], _Kept] = {}

    def row(
        self,
        item: Measured,
        questions: Sequence[Question],
        figures: Sequence[Figure],
        goal: Goal,
        clusters: Mapping[str, str] | None,
        make: Callable[[], Row],
    ) -> Row:
        """Return the row of a configuration, made anew when anything differs."""
        place = item.configuration.key, goal.metric
        known = self._kept.get(place)
        asked, shown = tuple(questions), tuple(figures)
        if (
            known is not None
            and _same(known.item, item)
            and (known.questions, known.figures, known.goal, known.clusters) == (asked, shown, goal, clusters)
        ):
            return known.row
        row = make()
        self._kept[place] = _Kept(item, asked, shown, goal, clusters, row)
        return row


def _same(known: Measured, item: Measured) -> bool:
    """Equal outcomes; those that were read once are the same objects, which makes this quick."""
    return (
        known.configuration.roles == item.configuration.roles
        and known.configuration.knobs == item.configuration.knobs
        and known.failed == item.failed
        and known.scores == item.scores
        and known.usage == item.usage
    )
