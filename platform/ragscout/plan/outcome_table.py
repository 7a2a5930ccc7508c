"""Outcomes and usage of one configuration in columns: what a board reads of thousands of rows without an object a cell.

``OutcomeTable`` and ``UsageTable`` are mappings by question like any other; an outcome is made when somebody asks for
it. ``column_of`` and ``usage_of`` read the same from plain mappings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ragscout.model.metric import Figure
from ragscout.model.outcome import Failure, Score, Scores, Usage, Whose

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragscout.model.results.board import Goal

    Floats = NDArray[np.float64]
    Codes = NDArray[np.uint16]
    Flags = NDArray[np.bool_]

ABSENT, SCORED, FAILED = 0, 1, 2
"""Codes of an outcome: none, a score, and from ``FAILED`` on a failure by its place among ``FailureKinds``."""


class FailureKinds:
    """Numbers for failures by whose they are and of what kind."""

    def __init__(self) -> None:
        self._codes: dict[tuple[Whose, str], int] = {}
        self._known: list[tuple[Whose, str]] = []

    def code(self, whose: Whose, kind: str) -> int:
        """Return the code of such a failure."""
        known = self._codes.get((whose, kind))
        if known is None:
            known = self._codes[whose, kind] = FAILED + len(self._known)
            self._known.append((whose, kind))
        return known

    def failure(self, code: int) -> tuple[Whose, str]:
        """Return whose a failure is and of what kind, by its code."""
        return self._known[code - FAILED]


@dataclass(frozen=True)
class Column:
    """One figure on some questions, in their order. ``values``: scores, 0 where there is none; ``codes``: what each
    outcome is; both of shape (questions,)."""

    values: Floats
    codes: Codes
    kinds: FailureKinds

    def counted(self, figure: Figure | Goal) -> tuple[Floats, Flags]:
        """Return what each outcome counts as and whether it counts, as ``model.measured.goal_value`` says: a score its
        value, a candidate's failure the figure's floor, a measurement's failure nothing."""
        known = self.codes == SCORED
        failed = set(self.codes[self.codes >= FAILED].tolist())
        floored = [code for code in sorted(failed) if self.kinds.failure(code)[0] == "candidate"]
        if not floored:
            return self.values, known
        values = self.values.copy()
        for code in floored:
            at = self.codes == code
            values[at] = figure.floor
            known |= at
        return values, known

    def of_kinds(self, kinds: Collection[str]) -> Flags:
        """Return which outcomes are failures of some kinds."""
        found: Flags = self.codes < ABSENT
        for code in set(self.codes[self.codes >= FAILED].tolist()):
            if self.kinds.failure(code)[1] in kinds:
                found |= self.codes == code
        return found

    def failures(self) -> dict[str, int]:
        """Return how many outcomes are failures, by kind."""
        found: dict[str, int] = {}
        for code in self.codes[self.codes >= FAILED].tolist():
            kind = self.kinds.failure(code)[1]
            found[kind] = found.get(kind, 0) + 1
        return dict(sorted(found.items()))


class OutcomeTable(Mapping[str, Scores]):
    """Outcomes of one configuration by question, for the questions whose cells are all there."""

    def __init__(
        self,
        places: Mapping[str, int],
        asked: Sequence[str],
        columns: Mapping[str, tuple[Floats, Codes]],
        kinds: FailureKinds,
        load: Callable[[], Mapping[str, Scores]],
    ) -> None:
        """Describe a table.

        Args:
            places: question id to its place in every column.
            asked: ids of the questions that have outcomes, in the order of asking.
            columns: figure name to values and codes of all places.
            kinds: what the codes of failures mean.
            load: reads the outcomes themselves, with their details.
        """
        self._places, self._columns, self.kinds, self._load = places, columns, kinds, load
        self._asked = dict.fromkeys(asked)
        self._at: dict[tuple[str, ...], list[int]] = {}

    def __getitem__(self, question: str) -> Scores:
        return self._loaded[question]

    def __iter__(self) -> Iterator[str]:
        return iter(self._asked)

    def __len__(self) -> int:
        return len(self._asked)

    def __contains__(self, question: object) -> bool:
        return question in self._asked

    def column(self, figure: str, questions: Sequence[str]) -> Column:
        """Return one figure on some questions; those that are not in the table have no outcome."""
        import numpy as np

        known = self._columns.get(figure)
        if known is None:
            return Column(np.zeros(len(questions)), np.zeros(len(questions), dtype=np.uint16), self.kinds)
        wanted = tuple(questions)
        if wanted not in self._at:
            # the last place is nobody's: it has no outcome
            self._at[wanted] = [self._places[name] if name in self._asked else -1 for name in wanted]
        at = self._at[wanted]
        return Column(known[0][at], known[1][at], self.kinds)

    def without_details(self) -> dict[str, Scores]:
        """Return every outcome, with no detail of scores and failures, as the columns say."""
        found: dict[str, dict[str, Score | Failure]] = {name: {} for name in self._asked}
        at = [self._places[name] for name in self._asked]
        for figure, (values, codes) in self._columns.items():
            for scores, value, code in zip(found.values(), values[at].tolist(), codes[at].tolist(), strict=True):
                if code == SCORED:
                    scores[figure] = Score(value)
                elif code >= FAILED:
                    scores[figure] = Failure(*self.kinds.failure(code))
        return dict(found)

    @cached_property
    def _loaded(self) -> Mapping[str, Scores]:
        return self._load()


def column_of(scores: Mapping[str, Scores], figure: str, questions: Sequence[str]) -> Column:
    """Return one figure of some questions from any mapping of outcomes by question."""
    import numpy as np

    if isinstance(scores, OutcomeTable):
        return scores.column(figure, questions)
    values, codes, kinds = np.zeros(len(questions)), np.zeros(len(questions), dtype=np.uint16), FailureKinds()
    for place, name in enumerate(questions):
        outcome = scores[name].get(figure) if name in scores else None
        if isinstance(outcome, Score):
            values[place], codes[place] = outcome.value, SCORED
        elif isinstance(outcome, Failure):
            codes[place] = kinds.code(outcome.whose, outcome.kind)
    return Column(values, codes, kinds)


USED = ("input_tokens", "output_tokens", "seconds", "money", "calls")
"""Fields of a usage in the order of the rows of a ``UsageTable``."""
COUNTS = ("input_tokens", "output_tokens", "calls")


def without_details(scores: Mapping[str, Scores]) -> Mapping[str, Scores]:
    """Return outcomes as a search reads them: values and kinds of failures, and perhaps no detail."""
    return scores.without_details() if isinstance(scores, OutcomeTable) else scores


class UsageTable(Mapping[str, Usage]):
    """Usage of one configuration by question."""

    def __init__(self, places: Mapping[str, int], asked: Sequence[str], fields: Floats) -> None:
        """Describe a table.

        Args:
            places: question id to its column.
            asked: ids of the questions that have a usage.
            fields: the fields of ``USED``, shape (fields, places); money is NaN where a price is unknown.
        """
        self._places, self._asked, self._fields = places, dict.fromkeys(asked), fields

    def __getitem__(self, question: str) -> Usage:
        if question not in self._asked:
            raise KeyError(question)
        return _usage(self._fields[:, self._places[question]].tolist())

    def __iter__(self) -> Iterator[str]:
        return iter(self._asked)

    def __len__(self) -> int:
        return len(self._asked)

    def total(self, questions: Sequence[str]) -> tuple[Usage, int]:
        """Return the sum over some questions and how many of them have a usage."""
        at = [self._places[name] for name in questions if name in self._asked]
        return _usage([sum(row) for row in self._fields[:, at].tolist()]), len(at)


def total_usage(usage: Mapping[str, Usage], questions: Sequence[str]) -> tuple[Usage, int]:
    """Return the sum of the usages of some questions, in their order, and how many of them have one."""
    if isinstance(usage, UsageTable):
        return usage.total(questions)
    used = [usage[name] for name in questions if name in usage]
    return sum(used, Usage()), len(used)


def _usage(fields: Sequence[float]) -> Usage:
    known = dict(zip(USED, fields, strict=True))
    money = None if math.isnan(known["money"]) else known["money"]
    tokens_in, tokens_out, calls = (int(known[name]) for name in COUNTS)
    return Usage(tokens_in, tokens_out, known["seconds"], money, calls)
