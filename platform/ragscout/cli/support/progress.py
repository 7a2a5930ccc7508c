"""Shows a running sweep: phase, work done, cached and left, requests, money, time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ragscout.cli.support.output import duration, printable

if TYPE_CHECKING:
    from ragscout.model.results.board import Board, Row
    from ragscout.run.events import SweepEvent

BOARDS = 3  # provisional boards that are printed
FIRST_BOARD = 30.0  # seconds before the first and between two of them: a short sweep shows its end only
EVERY = 10.0  # seconds between lines where there is no terminal


class ProgressLine:
    """One line that stays in place on a terminal, a line now and then elsewhere; the first provisional boards
    too, so that figures are seen early."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        """Args: quiet = show nothing (for ``--json``)."""
        self._console, self._quiet = console, quiet
        self._terminal = sys.stdout.isatty() and not quiet
        self._live = Live(Text(""), console=console, refresh_per_second=4, transient=True) if self._terminal else None
        self._started = self._last = time.monotonic()
        self._first_answer: tuple[float, int] | None = None
        self._boards = 0
        self._shown_board = self._started
        self._done = self._cached = 0
        self._shown = ""

    def __enter__(self) -> ProgressLine:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, event: SweepEvent, state: str = "") -> None:
        """Take one event. ``state``: what is said instead of the phase, when the sweep does not simply run."""
        if self._quiet:
            return
        now = time.monotonic()
        line = printable(self._line(event, now, state or event.phase))
        if self._live is not None:
            self._live.update(Text(line, style="cyan"))
        elif now - self._last >= EVERY and line != self._shown:
            self._last, self._shown = now, line
            self._console.print(line, markup=False)
        if event.board is not None:
            board = event.board
            self.provisional(lambda: board)

    def say(self, text: str) -> None:
        """Print a line above the one that stays in place."""
        if not self._quiet:
            self._console.print(f"[{duration(time.monotonic() - self._started)}] {text}", markup=False)

    def provisional(self, board: Callable[[], Board]) -> None:
        """Show one of the first boards, when it is time for it."""
        now = time.monotonic()
        if self._quiet or self._boards >= BOARDS or now - self._shown_board < FIRST_BOARD:
            return
        from ragscout.board.show.table import render_terminal

        self._shown_board = now
        self._boards += 1
        self._console.print(f"\nProvisional board after {duration(now - self._started)}:")
        render_terminal(_measured(board()), self._console)

    def _line(self, event: SweepEvent, now: float, phase: str) -> str:
        elapsed = now - self._started
        parts = [f"[{duration(elapsed)}] {phase}, round {event.round}"]
        if event.fill is not None:
            parts.append(f"nodes: {event.fill.done} done, {event.fill.cached} cached, {event.fill.left} left")
        if event.limit:
            parts.append(f"answers {event.answers}/{event.limit}")
        elif event.answers:
            parts.append(f"answers {event.answers}")
        if event.calls:
            parts.append("requests: " + ", ".join(f"{number} {name}" for name, number in sorted(event.calls.items())))
        if event.money:
            parts.append(f"cost {event.money:.4f}")
        if event.waiting:
            parts.append(event.waiting)
        if (left := self._left(event, now)) is not None:
            parts.append(f"about {duration(left)} left")
        return " · ".join(parts)

    def _left(self, event: SweepEvent, now: float) -> float | None:
        if not event.limit or not event.answers:
            return None
        if self._first_answer is None:
            self._first_answer = (now, event.answers)
        began, at = self._first_answer
        if event.answers <= at or now - began < 5:
            return None
        return (event.limit - event.answers) * (now - began) / (event.answers - at)


def _measured(board: Board) -> Board:
    """Return the board without rows of which nothing came yet: the round that asks them is on its way."""

    def came(row: Row) -> bool:
        return bool(row.failed) or any(stat.mean is not None for stat in row.figures.values())

    return replace(board, rows=tuple(filter(came, board.rows)), retrieval=tuple(filter(came, board.retrieval)))
