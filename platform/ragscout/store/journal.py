"""What happened and what was registered: the sweeps' journals and the versions of evaluation sets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ragscout.store import tables as db
from ragscout.store.claims import Claims


@dataclass(frozen=True)
class Entry:
    """One line of a journal. ``seq`` counts from 1 within its sweep; ``at`` is seconds since 1970, for people only."""

    seq: int
    kind: str
    payload: Mapping[str, Any]
    at: float


@dataclass(frozen=True)
class EvalSetRow:
    """A registered version. ``parent``: digest of the version it was made from, or empty; ``manifest``: digest of the
    blob that lists its contents; ``info``: counts and origins for people."""

    name: str
    version: int
    digest: str
    parent: str
    info: Mapping[str, Any]
    manifest: str
    at: float


class History(Claims):
    """Append-only journals and numbered versions."""

    def journal_append(self, sweep: str, kind: str, payload: Mapping[str, Any], *, fence: int | None = None) -> int:
        """Append an entry; returns its sequence number (1, 2, 3, ... without gaps).

        Args:
            sweep: whose journal.
            kind: what happened.
            payload: JSON-able.
            fence: number of the claim under which the entry is written; ``None`` for whoever needs no claim.

        Raises:
            StoreError: the claim with this fence was taken over; nothing is written.
        """
        table = db.journal
        text = json.dumps(payload, ensure_ascii=False, sort_keys=True, allow_nan=False)
        with self.writing(f"journal:{sweep}") as connection:
            self.require_fence(connection, sweep, fence)
            last = connection.execute(sa.select(sa.func.max(table.c.seq)).where(table.c.sweep == sweep)).scalar()
            seq = int(last or 0) + 1
            connection.execute(
                sa.insert(table).values(sweep=sweep, seq=seq, kind=kind, payload=text, at=self.clock(connection))
            )
        return seq

    def journal(self, sweep: str, after: int = 0) -> list[Entry]:
        """Entries with a sequence number above ``after``, in order."""
        table = db.journal
        query = sa.select(table).where(table.c.sweep == sweep, table.c.seq > after).order_by(table.c.seq)
        with self.reading() as connection:
            rows = connection.execute(query).all()
        return [Entry(int(row.seq), row.kind, json.loads(row.payload), float(row.at)) for row in rows]

    def journal_end(self, sweep: str) -> int:
        """Return the sequence number of the last entry, 0 for an empty journal."""
        table = db.journal
        with self.reading() as connection:
            last = connection.execute(sa.select(sa.func.max(table.c.seq)).where(table.c.sweep == sweep)).scalar()
        return int(last or 0)

    def sweeps(self) -> list[str]:
        """Names of all sweeps with a journal, sorted; journals of other things have a colon in their name."""
        with self.reading() as connection:
            names = connection.execute(sa.select(db.journal.c.sweep).distinct()).scalars()
            return sorted(name for name in names if ":" not in name)

    def journals(self, kind: str) -> dict[str, list[Entry]]:
        """Entries of one kind in every journal that has any, by sweep; the journal that was opened first comes
        first."""
        table = db.journal
        begun = sa.select(table.c.sweep, sa.func.min(table.c.at).label("begun")).group_by(table.c.sweep).subquery()
        query = (
            sa.select(table)
            .join(begun, begun.c.sweep == table.c.sweep)
            .where(table.c.kind == kind)
            .order_by(begun.c.begun, table.c.sweep, table.c.seq)
        )
        found: dict[str, list[Entry]] = {}
        with self.reading() as connection:
            for row in connection.execute(query):
                entry = Entry(int(row.seq), row.kind, json.loads(row.payload), float(row.at))
                found.setdefault(row.sweep, []).append(entry)
        return found

    def evalset_add(self, name: str, digest: str, parent: str, info: Mapping[str, Any], manifest: str) -> int:
        """Register a version; returns its number. The same digest gives the number it already has; numbers of removed
        versions are never given to others."""
        table = db.evalsets
        with self.writing(f"evalset:{name}") as connection:
            same = sa.and_(table.c.name == name, table.c.digest == digest)
            found = connection.execute(sa.select(table.c.version).where(same)).scalar()
            if found is not None:
                connection.execute(sa.update(table).where(same).values(removed=False, manifest=manifest))
                return int(found)
            last = connection.execute(sa.select(sa.func.max(table.c.version)).where(table.c.name == name)).scalar()
            version = int(last or 0) + 1
            connection.execute(
                sa.insert(table).values(
                    name=name,
                    version=version,
                    digest=digest,
                    parent=parent,
                    info=json.dumps(info, ensure_ascii=False, sort_keys=True, allow_nan=False),
                    manifest=manifest,
                    at=self.clock(connection),
                    removed=False,
                )
            )
        return version

    def evalset(self, name: str, version: int | None = None) -> EvalSetRow | None:
        """Return a version of an evaluation set, the newest without a number; ``None`` when there is none."""
        found = [row for row in self.evalsets(name) if version is None or row.version == version]
        return found[-1] if found else None

    def evalsets(self, name: str | None = None) -> list[EvalSetRow]:
        """All registered versions (of one name), by name and version."""
        table = db.evalsets
        query = sa.select(table).where(sa.not_(table.c.removed)).order_by(table.c.name, table.c.version)
        if name is not None:
            query = query.where(table.c.name == name)
        with self.reading() as connection:
            rows = connection.execute(query).all()
        return [
            EvalSetRow(
                row.name, int(row.version), row.digest, row.parent, json.loads(row.info), row.manifest, float(row.at)
            )
            for row in rows
        ]

    def evalset_remove(self, name: str, version: int) -> bool:
        """Take a version off the list; ``False`` when it was not on it. Its blobs stay for sweeps that pinned it."""
        table = db.evalsets
        with self.writing() as connection:
            done = connection.execute(
                sa.update(table)
                .where(table.c.name == name, table.c.version == version, sa.not_(table.c.removed))
                .values(removed=True)
            )
            return done.rowcount == 1


class Journal:
    """One sweep's journal; fit for ``EvalSet.open_sealed``."""

    def __init__(self, ledger: History, sweep: str, fence: int | None = None) -> None:
        """Args: ledger = where the journal lies; sweep = its name; fence = of the claim under which it is written."""
        self.ledger = ledger
        self.sweep = sweep
        self.fence = fence

    def append(self, kind: str, payload: Mapping[str, object]) -> int:
        """Append an entry and return its sequence number."""
        return self.ledger.journal_append(self.sweep, kind, payload, fence=self.fence)

    def entries(self, after: int = 0) -> list[Entry]:
        """Entries with a sequence number above ``after``, in order."""
        return self.ledger.journal(self.sweep, after)

    def last(self, kind: str) -> Mapping[str, Any] | None:
        """Payload of the newest entry of a kind, ``None`` when there is none."""
        return next((entry.payload for entry in reversed(self.entries()) if entry.kind == kind), None)


class Once(Journal):
    """A journal that takes one entry of a kind: what is there already stays, and nothing is added."""

    def append(self, kind: str, payload: Mapping[str, object]) -> int:
        """Append an entry unless one of its kind is there; its sequence number either way."""
        for entry in self.entries():
            if entry.kind == kind:
                return entry.seq
        return super().append(kind, payload)
