"""What a run of a sweep comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ragscout.board.words.headline import headline
from ragscout.model.results.board import Board, BoardLanguage
from ragscout.model.results.reason import Reason
from ragscout.record.recorder import Snapshot
from ragscout.run.session import Ended, Session


@dataclass
class Result:
    """How a run ended. ``open``: why cells stayed open, in words, empty when none did. ``calls``: requests sent by
    purpose. ``computed``/``cached``: cells and values per stage."""

    board: Board
    closed: bool
    ended: Reason
    open: list[str] = field(default_factory=list)
    calls: Mapping[str, int] = field(default_factory=dict)
    computed: Mapping[str, int] = field(default_factory=dict)
    cached: Mapping[str, int] = field(default_factory=dict)
    reports: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def headline(self, language: BoardLanguage = "en") -> str:
        """Say what the sweep found in one sentence."""
        return headline(self.board, language)


def result_of(session: Session, snapshot: Snapshot, ended: Ended) -> Result:
    """Return what a run came to: its last snapshot, why it ended, and what it did."""
    totals = session.totals
    return Result(
        snapshot.board,
        snapshot.closed,
        ended.reason,
        list(dict.fromkeys([*ended.left, *session.unkept])),
        session.runtime.counters.calls,
        totals.computed,
        totals.cached,
        totals.reports,
    )
