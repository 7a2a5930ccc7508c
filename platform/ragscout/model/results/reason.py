"""Why a search ended, or why a hold-out stayed sealed: a kind and its values, without words.

``board.words.reasons`` puts a reason into words, in every language that the board has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ReasonKind = Literal[
    "done", "search_minutes", "search_share", "minutes", "request", "late", "few_answers", "open", "stopped", "legacy"
]


@dataclass(frozen=True)
class Reason:
    """A kind of reason with the values that its words need.

    ``done``: the search had nothing more to ask.
    ``search_minutes``, ``search_share``: the search's part of the minutes, or of the other limits, is used.
    ``minutes``: the minutes are over. ``request``: the next request could exceed the budget.
    ``late``: no minutes are left for the hold-out.
    ``few_answers``: the budget leaves ``each`` answers for each of ``rows`` rows, where ``needed`` are needed.
    ``open``: cells stayed open. ``stopped``: somebody ended the run.
    ``legacy``: ``text`` is a sentence that an earlier version wrote down.
    """

    kind: ReasonKind
    values: Mapping[str, int | str] = field(default_factory=dict)

    @property
    def limit(self) -> bool:
        """Whether a limit of the sweep is the reason."""
        return self.kind not in ("done", "open", "stopped")


DONE = Reason("done")
STOPPED = Reason("stopped")
OPEN = Reason("open")
