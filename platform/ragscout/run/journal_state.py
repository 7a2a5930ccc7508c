"""What the journal of a sweep says so far, kept by folding each entry in once: new entries are all that is read."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar, cast

from ragscout.engine.journal import JournalLine, SweepJournal
from ragscout.model.results.board import Note
from ragscout.model.results.journal import (
    AskedRequest,
    JournalEntry,
    Probed,
    RoundAsked,
    RoundMeasured,
    RowsDropped,
    RowsWaiting,
)

T = TypeVar("T", bound=JournalEntry)


@dataclass
class AskedRow:
    """Questions that were asked of one configuration, in the order of asking. ``touched``: number of the entry that
    last said something of the row."""

    names: dict[str, None] = field(default_factory=dict)
    touched: int = 0


@dataclass
class JournalState:
    """The journal up to entry ``sequence``.

    ``rounds``: requests of every round; ``asked``: rows by configuration key, in the order of first asking; ``failed``:
    configuration key to why it cannot run; ``broken``: measure node to why it cannot be computed; ``waiting``:
    configuration key to why it waits for the next run; ``notes``: what the proposer said last; ``finals``: whether the
    search has come to them; ``first``: the first entry of every other kind; ``probed``: what the latency probe saw.
    """

    sequence: int = 0
    rounds: list[tuple[AskedRequest, ...]] = field(default_factory=list)
    asked: dict[str, AskedRow] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    waiting: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    finals: bool = False
    first: dict[type[JournalEntry], JournalEntry] = field(default_factory=dict)
    probed: list[Probed] = field(default_factory=list)

    def fold(self, line: JournalLine) -> None:
        """Take in the next entry."""
        entry = line.entry
        if isinstance(entry, RoundAsked):
            self.rounds.append(entry.requests)
            for request in entry.requests:
                row = self.asked.setdefault(request.configuration, AskedRow())
                row.names.update(dict.fromkeys(request.questions))
                row.touched = line.seq
                self.finals = self.finals or request.reason == "final"
        elif isinstance(entry, RoundMeasured):
            self._measured(entry, line.seq)
        elif isinstance(entry, RowsWaiting):
            self.waiting = entry.rows
        elif isinstance(entry, RowsDropped):
            self._dropped(entry, line.seq)
        elif isinstance(entry, Probed):
            self.probed.append(entry)
        else:
            self.first.setdefault(type(entry), entry)
        self.sequence = line.seq

    def has(self, *kinds: type[JournalEntry]) -> bool:
        """Return whether there is an entry of one of these kinds (none of those with a field of their own)."""
        return any(kind in self.first for kind in kinds)

    def get(self, kind: type[T]) -> T | None:
        """Return the first entry of a kind, ``None`` when there is none."""
        return cast("T | None", self.first.get(cast("type[JournalEntry]", kind)))

    def _dropped(self, entry: RowsDropped, seq: int) -> None:
        self.failed |= entry.rows
        self.waiting = {key: why for key, why in self.waiting.items() if key not in entry.rows}
        for key in entry.rows:
            if key in self.asked:
                self.asked[key].touched = seq

    def _measured(self, entry: RoundMeasured, seq: int) -> None:
        self.failed |= entry.failed
        self.broken |= entry.broken
        self.notes = tuple(entry.notes)
        for request in self.rounds[entry.round] if entry.round < len(self.rounds) else ():
            self.asked[request.configuration].touched = seq


class JournalCursor:
    """A journal's state, brought up to date on demand. Safe to use from many threads."""

    def __init__(self, journal: SweepJournal) -> None:
        """Args: journal = of the sweep."""
        self._journal = journal
        self._lock = threading.Lock()
        self._state = JournalState()

    def now(self) -> JournalState:
        """Return the state as of now."""
        with self._lock:
            for line in self._journal.entries()[self._state.sequence :]:
                self._state.fold(line)
            return self._state
