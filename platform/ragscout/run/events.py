"""What a running sweep tells people: its progress, which is no part of any result.

What happened is in the journal. Between two entries there is one progress row a sweep, which the holder of the claim
overwrites at most once a second, so that any process can show how far the sweep is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ragscout.engine.calls import Counters
from ragscout.engine.fill import FillProgress
from ragscout.model.results.board import Board


@dataclass(frozen=True)
class SweepEvent:
    """Progress for people. ``answers``: asked of ``limit``, which is ``None`` without one; ``calls``: requests sent by
    purpose; ``money``: what they cost; ``waiting``: what requests wait for, empty when for nothing. ``fill`` and
    ``board`` are there when they are new."""

    phase: str
    round: int
    answers: int
    limit: int | None
    calls: Mapping[str, int]
    money: float
    waiting: str = ""
    fill: FillProgress | None = None
    board: Board | None = None

    def row(self) -> dict[str, Any]:
        """Return the plain values of the progress row."""
        plain = {name: value for name, value in vars(self).items() if name not in ("fill", "board")}
        return {**plain, "calls": dict(self.calls), "fill": None if self.fill is None else asdict(self.fill)}

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> SweepEvent:
        """Read a progress row back."""
        fill = row["fill"]
        known = {name: row[name] for name in ("phase", "round", "answers", "limit", "calls", "money")}
        return cls(**known, waiting=row.get("waiting", ""), fill=None if fill is None else FillProgress(**fill))


class Events:
    """Turns what happens in a sweep into progress, for a listener in this process and for the progress row."""

    def __init__(self, listener: Callable[[SweepEvent], None], counters: Counters, limit: int | None) -> None:
        """Args: counters = of the runtime; limit = answers that may be asked for, ``None`` without one."""
        self._listener, self._counters, self._limit = listener, counters, limit
        self._phase, self._round, self._answers = "start", 0, 0
        self._fill: FillProgress | None = None
        counters.changed = self._waiting

    def _waiting(self) -> None:
        self._listener(self._event())

    def round(self, number: int, phase: str, answers: int) -> None:
        """Tell that a round begins, which asks for so many answers."""
        self._phase, self._round = phase, number
        self._answers += answers
        self._listener(self._event())

    def phase(self, phase: str) -> None:
        """Tell what begins after the last round."""
        self._phase = phase
        self._listener(self._event())

    def fill(self, progress: FillProgress) -> None:
        """Tell how far the engine is."""
        self._fill = progress
        self._listener(self._event(fill=progress))

    def board(self, board: Board) -> None:
        """Tell that a round is measured."""
        self._listener(self._event(board=board))

    def row(self) -> dict[str, Any]:
        """Return what the progress row should hold now."""
        return self._event(fill=self._fill).row()

    def _event(self, fill: FillProgress | None = None, board: Board | None = None) -> SweepEvent:
        counters = self._counters
        calls, waiting = dict(counters.calls), next(iter(counters.waits), "")
        return SweepEvent(
            self._phase, self._round, self._answers, self._limit, calls, counters.money, waiting, fill, board
        )
