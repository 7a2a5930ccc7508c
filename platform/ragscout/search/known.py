"""What the store knows already of a sweep's questions: the scores an earlier sweep left behind.

A cell's address holds everything that made it, so a score that is found is exactly the one that would be measured:
equal questions of a grown evaluation set are known, new ones are not. What is found becomes the first journalled round
of the search, so that a resumed sweep hears the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from ragscout.model.config import Configuration
from ragscout.model.outcome import Failure, Score
from ragscout.search.contract import Request

KNOWN = "known"
"""Reason of such requests."""
MOST_CELLS = 200_000
"""Answers that one sweep starts from at most; configurations in the order of the space."""


class Reader(Protocol):
    """Reads complete cells."""

    def scores(
        self, configuration: Configuration, names: Sequence[str], failed: Mapping[str, str]
    ) -> Mapping[str, Mapping[str, Score | Failure]]:
        """Question id to outcomes, for the questions whose cells are all there."""
        ...


def known(
    configurations: Iterable[Configuration],
    questions: Sequence[str],
    reader: Reader,
    nodes: Collection[str],
    asked: Mapping[str, Collection[str]],
) -> list[Request]:
    """One request per configuration with answers in the store that this sweep has not asked for.

    ``nodes``: keys of nodes that have cells at all; ``asked``: question ids this sweep asked, by configuration.
    """
    found: list[Request] = []
    left = MOST_CELLS
    for item in configurations:
        if not item.generates or item.last.key not in nodes or left <= 0:
            continue
        before = set(asked.get(item.key, ()))
        scores = reader.scores(item, [name for name in questions if name not in before], {})
        names = tuple(name for name in questions if name in scores)[:left]
        if names:
            left -= len(names)
            found.append(Request(item, names, KNOWN))
    return found
