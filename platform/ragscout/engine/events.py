"""What a running sweep tells people. Not part of any result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ragscout.engine.fill import Progress
from ragscout.engine.runtime import EngineRuntime
from ragscout.model.board import Board


@dataclass(frozen=True)
class Event:
    """Progress for people: ``answers`` asked of ``limit`` (``None`` = no limit), requests sent by purpose, money."""

    phase: str
    round: int
    answers: int
    limit: int | None
    calls: Mapping[str, int]
    money: float
    fill: Progress | None = None
    board: Board | None = None


class Show:
    """Turns what happens into progress events."""

    def __init__(self, progress: Callable[[Event], None], runtime: EngineRuntime, limit: int | None) -> None:
        """Args: limit = answers that may be asked for, ``None`` without one."""
        self._progress, self._runtime, self._limit = progress, runtime, limit
        self._phase, self._round, self._answers = "start", 0, 0

    def round(self, number: int, phase: str, answers: int) -> None:
        """A round begins that asks for so many answers."""
        self._phase, self._round = phase, number
        self._answers += answers
        self._tell()

    def fill(self, progress: Progress) -> None:
        """The engine went on."""
        self._tell(fill=progress)

    def board(self, board: Board) -> None:
        """A round is measured."""
        self._tell(board=board)

    def _tell(self, fill: Progress | None = None, board: Board | None = None) -> None:
        counters = self._runtime.counters
        event = Event(
            self._phase, self._round, self._answers, self._limit, dict(counters.calls), counters.money, fill, board
        )
        self._progress(event)
