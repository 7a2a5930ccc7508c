"""How fast requests may go: token buckets on the ledger's clock, one for every process that uses an endpoint."""

from __future__ import annotations

import sqlalchemy as sa

from ragscout.store import tables as db
from ragscout.store.database import Database

BURST = 1.0
"""Seconds of its rate that a bucket lets through at once."""


class Rates(Database):
    """Token buckets."""

    def take(self, bucket: str, per_minute: float, amount: float = 1.0) -> float:
        """Take from a token bucket: 0.0 when taken, else the seconds to wait before asking again.

        The generic cell rate algorithm with one second of burst: an amount larger than the burst is let through once
        the bucket is quiet and paid off by those who come after, so large requests do not starve.

        Raises:
            ValueError: when ``per_minute`` is not above 0.
        """
        with self.writing() as connection:
            return self._take(connection, bucket, per_minute, amount)

    def _take(self, connection: sa.Connection, bucket: str, per_minute: float, amount: float) -> float:
        if per_minute <= 0:
            raise ValueError(f"a rate must be above 0 per minute, got {per_minute}")
        table = db.buckets
        self.lock(connection, f"bucket:{bucket}")
        now = self.clock(connection)
        row = connection.execute(sa.select(table.c.next).where(table.c.name == bucket)).first()
        free_at = now if row is None else max(float(row[0]), now)
        if free_at - now > BURST:
            return free_at - now - BURST
        statement = self.insert(table).values(name=bucket, next=free_at + amount * 60.0 / per_minute)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["name"], set_={"next": statement.excluded.next})
        )
        return 0.0
