"""The journal of one sweep as typed entries: read behind a cursor, written by the holder of the claim.

Every look reads only what was added since the last one, so that a round costs the same however many came before it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from ragscout.model.results.journal import JournalEntry, decode, encode, kind_of
from ragscout.store.ledger import Ledger

T = TypeVar("T", bound=JournalEntry)


@dataclass(frozen=True)
class JournalLine:
    """One entry with its place. ``seq`` counts from 1 within the sweep; ``at``: seconds since 1970, for people only."""

    seq: int
    at: float
    entry: JournalEntry

    @property
    def kind(self) -> str:
        """Name of the entry's kind."""
        return kind_of(self.entry)


class SweepJournal:
    """One sweep's journal. ``fence``: number of the claim under which this process writes, ``None`` while it holds
    none; an entry under the fence of a claim that was taken over is refused. Safe to share between threads."""

    def __init__(self, ledger: Ledger, sweep: str) -> None:
        """Args: ledger = where the journal lies; sweep = id of the sweep."""
        self.ledger, self.sweep = ledger, sweep
        self.fence: int | None = None
        self._lock = threading.Lock()
        self._lines: list[JournalLine] = []
        self._by_kind: dict[type[JournalEntry], list[JournalEntry]] = {}

    def append(self, entry: JournalEntry) -> int:
        """Append an entry and return its sequence number.

        Raises:
            StoreError: the claim of this process was taken over.
        """
        kind, payload = encode(entry)
        return self.ledger.journal_append(self.sweep, kind, payload, fence=self.fence)

    def append_once(self, entry: JournalEntry) -> None:
        """Append an entry unless one of its kind is there."""
        if self.last(type(entry)) is None:
            self.append(entry)

    def entries(self) -> list[JournalLine]:
        """Return all entries in order, those that others added included."""
        with self._lock:
            added = self.ledger.journal(self.sweep, self._lines[-1].seq if self._lines else 0)
            for line in added:
                entry = decode(line.kind, line.payload)
                self._lines.append(JournalLine(line.seq, line.at, entry))
                self._by_kind.setdefault(type(entry), []).append(entry)
        return self._lines

    def of(self, kind: type[T]) -> Sequence[T]:
        """Return the entries of a kind, in order."""
        self.entries()
        return cast("list[T]", self._by_kind.get(cast("type[JournalEntry]", kind), []))

    def first(self, kind: type[T]) -> T | None:
        """Return the oldest entry of a kind, ``None`` when there is none."""
        return next(iter(self.of(kind)), None)

    def last(self, kind: type[T]) -> T | None:
        """Return the newest entry of a kind, ``None`` when there is none."""
        return next(reversed(self.of(kind)), None)


class SealRecord:
    """What ``EvalSet.open_sealed`` writes to: the opening of a hold-out is written down once."""

    def __init__(self, journal: SweepJournal) -> None:
        """Args: journal = of the sweep that opens it."""
        self._journal = journal

    def append(self, kind: str, payload: Mapping[str, object]) -> int:
        """Write the entry down unless it is there; return how many entries there are."""
        self._journal.append_once(decode(kind, payload))
        return len(self._journal.entries())
