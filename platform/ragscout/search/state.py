"""The state that the round policies decide from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ragscout.search.outcomes import Outcomes
from ragscout.search.space import EncodedSpace
from ragscout.search.stopping import RULES
from ragscout.stats.ordering import orderable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragscout.search.rounds import Policy

LOOK = 16
"""How many rounds' worth of open configurations are looked at for stopping."""


@dataclass(frozen=True)
class Depth:
    """A row and how many more questions it should answer."""

    row: int
    count: int
    reason: str


@dataclass
class SearchState:
    """What the policy decides from: the space, the outcomes, which rows were given up, what may still be asked."""

    space: EncodedSpace
    outcomes: Outcomes
    policy: Policy
    stopped: set[int]
    limit: int | None
    spent: int
    estimates: NDArray[np.float64]
    """Of shape (rows,), more is better, minus infinity where nothing is known."""

    def __post_init__(self) -> None:
        self.estimates = orderable(self.estimates)
        self.answered: NDArray[np.int64] = self.outcomes.answered()
        self.total = len(self.outcomes.questions)

    @property
    def left(self) -> int:
        """Answers that may still be asked; the whole rest of the grid without a limit."""
        rest = int((self.total - self.answered).sum())
        return rest if self.limit is None else max(0, min(rest, self.limit - self.spent))

    def alive(self, row: int) -> bool:
        """Whether a row can run at all."""
        return row not in self.outcomes.failed

    @cached_property
    def _alive(self) -> NDArray[np.bool_]:
        import numpy as np

        alive = np.ones(len(self.answered), dtype=bool)
        alive[list(self.outcomes.failed)] = False
        return alive

    @cached_property
    def _candidate(self) -> NDArray[np.bool_]:
        import numpy as np

        candidate = np.zeros(len(self.answered), dtype=bool)
        candidate[list(self.space.candidates)] = True
        return candidate

    @cached_property
    def _ranked(self) -> NDArray[np.int64]:
        import numpy as np

        rows = np.flatnonzero((self.answered > 0) & self._alive)
        return rows[np.lexsort((rows, -self.estimates[rows]))]

    def started(self) -> list[int]:
        """Rows with answers that can run, best estimate first."""
        return list(self._ranked.tolist())

    def fresh(self) -> list[int]:
        """Candidates that were never asked."""
        import numpy as np

        return list(np.flatnonzero(self._candidate & self._alive & (self.answered == 0)).tolist())

    def begun(self) -> int:
        """How many candidates have answers or cannot run."""
        return int((self._candidate & ((self.answered > 0) | ~self._alive)).sum())

    def open(self) -> list[int]:
        """Return started candidates that may still get questions, best first."""
        return list(self._open.tolist())

    @cached_property
    def _open(self) -> NDArray[np.int64]:
        going = self._candidate & (self.answered < self.total)
        going[list(self.stopped)] = False
        return self._ranked[going[self._ranked]]

    def incumbent(self) -> int | None:
        """Return the best row among those with enough answers to trust."""
        rows = self.started()
        if not rows:
            return None
        enough = min(self.policy.minimum, max(int(self.answered[row]) for row in rows))
        return next(row for row in rows if self.answered[row] >= enough)

    def to_stop(self) -> set[int]:
        """Open candidates that the stopping rule gives up, of those that may be asked next: what is further down is
        looked at when its turn comes, so that a round costs the same however many configurations there are."""
        best = self.incumbent()
        if best is None:
            return set()
        return {row for row in self.open()[: LOOK * self.policy.round] if row != best and self.loses(row, best)}

    def loses(self, row: int, other: int) -> bool:
        """Whether the stopping rule gives ``row`` up against another."""
        return RULES[self.policy.stop](*self.outcomes.common(row, other), self.total)
