"""What the journal of a sweep says so far, kept by folding each entry in once: new entries are all that is read."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ragscout.model.board import Note
from ragscout.store.journal import Entry, History


@dataclass
class AskedRow:
    """Questions that were asked of one configuration, in the order of asking. ``touched``: number of the entry that
    last said something of the row."""

    names: dict[str, None] = field(default_factory=dict)
    touched: int = 0


@dataclass
class JournalState:
    """The journal up to entry ``sequence``.

    ``rounds``: requests of every round as they were written; ``asked``: rows by configuration key, in the order of first
    asking; ``failed``: configuration key to why it cannot run; ``broken``: measure node to why it cannot be computed;
    ``notes``: what the proposer said last; ``finals``: whether the search has come to them; ``first``: payload of the
    first entry of every other kind; ``probed``: payloads of the latency probe.
    """

    sequence: int = 0
    rounds: list[list[Mapping[str, Any]]] = field(default_factory=list)
    asked: dict[str, AskedRow] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    finals: bool = False
    first: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    probed: list[Mapping[str, Any]] = field(default_factory=list)

    def fold(self, entry: Entry) -> None:
        """Take in the next entry."""
        payload = entry.payload
        if entry.kind == "round":
            self.rounds.append(payload["requests"])
            for request in payload["requests"]:
                row = self.asked.setdefault(request["configuration"], AskedRow())
                row.names.update(dict.fromkeys(request["questions"]))
                row.touched = entry.seq
                self.finals = self.finals or request["reason"] == "final"
        elif entry.kind == "measured":
            self._measured(payload, entry.seq)
        elif entry.kind == "probed":
            self.probed.append(payload)
        else:
            self.first.setdefault(entry.kind, payload)
        self.sequence = entry.seq

    def has(self, *kinds: str) -> bool:
        """Return whether there is an entry of one of these kinds (none of those with a field of their own)."""
        return any(kind in self.first for kind in kinds)

    def _measured(self, payload: Mapping[str, Any], seq: int) -> None:
        self.failed |= payload["failed"]
        self.broken |= payload["broken"]
        self.notes = tuple(Note(**note) for note in payload["notes"])
        number = int(payload["round"])
        for request in self.rounds[number] if number < len(self.rounds) else ():
            self.asked[request["configuration"]].touched = seq


class JournalCursor:
    """A journal's state, brought up to date on demand. Safe to use from many threads."""

    def __init__(self, ledger: History, sweep: str) -> None:
        """Args: ledger = where the journal lies; sweep = its name."""
        self._ledger, self._sweep = ledger, sweep
        self._lock = threading.Lock()
        self._state = JournalState()

    def now(self) -> JournalState:
        """Return the state as of now."""
        with self._lock:
            for entry in self._ledger.journal(self._sweep, self._state.sequence):
                self._state.fold(entry)
            return self._state
