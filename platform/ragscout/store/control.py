"""What people want of a running sweep, and how far it is: one row a sweep each, read and written by any process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, get_args

import sqlalchemy as sa

from ragscout.model.errors import StoreError
from ragscout.store import tables as db
from ragscout.store.claims import Claims

Wanted = Literal["run", "pause", "stop"]


class Control(Claims):
    """One control row and one progress row a sweep."""

    def control(self, sweep: str) -> Wanted:
        """Return what people want of a sweep; ``run`` when nobody said anything."""
        query = sa.select(db.controls.c.wanted).where(db.controls.c.sweep == sweep)
        with self.reading() as connection:
            wanted: Wanted = connection.execute(query).scalar() or "run"
        return wanted

    def control_set(self, sweep: str, wanted: Wanted, *, fence: int | None = None) -> None:
        """Say what is wanted of a sweep. Anybody may; the process that runs it gives its fence.

        Raises:
            StoreError: the claim with this fence was taken over, or nobody knows what is wanted.
        """
        if wanted not in get_args(Wanted):
            raise StoreError(f"sweep {sweep[:12]}: {wanted!r} cannot be wanted of it. Say run, pause or stop.")
        statement = self.insert(db.controls).values(sweep=sweep, wanted=wanted)
        statement = statement.on_conflict_do_update(index_elements=["sweep"], set_={"wanted": wanted})
        with self.writing() as connection:
            self.require_fence(connection, sweep, fence)
            connection.execute(statement)

    def progress_write(self, sweep: str, payload: Mapping[str, Any], fence: int | None) -> None:
        """Replace the progress row of a sweep.

        Raises:
            StoreError: the claim with this fence was taken over; the row stays.
        """
        text = json.dumps(payload, ensure_ascii=False, sort_keys=True, allow_nan=False)
        statement = self.insert(db.progress).values(sweep=sweep, payload=text, at=self.now)
        statement = statement.on_conflict_do_update(
            index_elements=["sweep"], set_={"payload": text, "at": statement.excluded.at}
        )
        with self.writing() as connection:
            self.require_fence(connection, sweep, fence)
            connection.execute(statement)

    def progress(self, sweep: str) -> Mapping[str, Any] | None:
        """Return the newest progress of a sweep, ``None`` when there is none. ``at`` is added: seconds since 1970 on
        the ledger's clock, when it was written."""
        query = sa.select(db.progress.c.payload, db.progress.c.at).where(db.progress.c.sweep == sweep)
        with self.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else {**json.loads(row.payload), "at": float(row.at)}
