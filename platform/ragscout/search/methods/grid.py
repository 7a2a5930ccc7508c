"""``search: grid``: every configuration on every question."""

from __future__ import annotations

from collections.abc import Sequence

from ragscout.search.proposer import BaseProposer
from ragscout.search.state import Depth


class GridProposer(BaseProposer):
    """Everything, block of questions by block of questions over all configurations, so that the board is fair while
    it grows and an interruption loses little. With a limit on answers, rows with a role come first in each block."""

    def _round(self) -> Sequence[Depth]:
        answered = self.outcomes.answered()
        rows = [*self.space.always, *self.space.candidates]
        rows = [row for row in rows if row not in self.outcomes.failed and answered[row] < len(self.outcomes.questions)]
        if not rows:
            return []
        shallow = min(int(answered[row]) for row in rows) // self.policy.block
        return [
            Depth(row, self.policy.block - int(answered[row]) % self.policy.block, self._reason(row))
            for row in rows
            if answered[row] // self.policy.block == shallow
        ]

    def _reason(self, row: int) -> str:
        return "baseline" if self.space.configurations[row].roles else "search"
