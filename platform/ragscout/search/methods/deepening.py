"""What the greedy and the additive search share: configurations are measured to one depth, block by block, and the
paired rule may give one up on the way."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence

from ragscout.search import rounds as steps
from ragscout.search.proposer import BaseProposer
from ragscout.search.state import Depth, SearchState


class DeepeningProposer(BaseProposer):
    """Subclasses say which configurations come next; ``wanted`` is how many they hope to measure."""

    def _wanted(self) -> int:
        raise NotImplementedError

    def _next(self, progress: SearchState) -> Iterable[int]:
        """Rows to bring to the depth before anything else is decided."""
        raise NotImplementedError

    def _round(self) -> Sequence[Depth]:
        progress = self.progress()
        wants = steps.start(progress, ())
        if wants:
            return wants
        limit = self.policy.trials or len(self.space.candidates)
        started = sum(1 for row in self.space.candidates if progress.answered[row])
        found = []
        for row in self._next(progress):
            started += not progress.answered[row]
            if started <= limit:
                size = min(self.policy.block, self.depth - int(progress.answered[row]))
                found.append(Depth(row, size, "continue" if progress.answered[row] else "search"))
        return found

    def _finals(self) -> Sequence[Depth]:
        return steps.finals(self.progress())

    def _to_stop(self) -> set[int]:
        return self.progress().to_stop()

    def _open(self, progress: SearchState, rows: Iterable[int]) -> list[int]:
        """Rows that are neither at the depth nor given up nor broken."""
        return [
            row
            for row in dict.fromkeys(rows)
            if progress.alive(row) and row not in self.stopped and progress.answered[row] < self.depth
        ]

    @functools.cached_property
    def depth(self) -> int:
        """Questions each configuration answers: all without a limit, else so many that ``_wanted`` fit four fifths."""
        total = len(self.outcomes.questions)
        if self.answers is None:
            return total
        share = int(self.answers * (1 - self.policy.finals_share)) // max(1, self._wanted())
        return max(min(self.policy.minimum, total), min(total, share))
