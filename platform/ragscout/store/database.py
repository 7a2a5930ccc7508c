"""The database below a ledger: SQLite in WAL mode on one machine, PostgreSQL for a team."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from ragscout.model.errors import StoreError
from ragscout.store import schema
from ragscout.store.rows import batches
from ragscout.store.tables import BATCH

_NOW = {
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
    "postgresql": "extract(epoch from clock_timestamp())::double precision",
}


class Database:
    """A connection pool with short transactions, one clock and readable errors. Safe to use from many threads."""

    def __init__(self, url: str, *, create: bool = True, timeout: float = 30.0) -> None:
        """Open a database and make or check its tables.

        Args:
            url: a SQLAlchemy URL of SQLite or PostgreSQL.
            create: whether missing tables are made.
            timeout: seconds to wait for another program's lock.

        Raises:
            StoreError: unknown URL, unreachable or locked database, a store written by a newer version.
        """
        self.url = url
        self.timeout = timeout
        try:
            parsed = sa.make_url(url)
            if parsed.get_backend_name() not in _NOW:
                raise ValueError(f"{parsed.get_backend_name()} is not supported")
            if parsed.drivername == "postgresql":
                parsed = parsed.set(drivername="postgresql+psycopg")
            self.where = parsed.render_as_string(hide_password=True)
            self.dialect = parsed.get_backend_name()
            self._engine = self._make_engine(parsed)
        except (sa.exc.ArgumentError, ValueError, ImportError) as error:
            raise StoreError(
                f"ledger: this database cannot be used; got {error}. Use a folder (SQLite), or a URL such as "
                "postgresql://user@host/name with the package psycopg installed."
            ) from error
        self.now: sa.ColumnElement[float] = sa.literal_column(_NOW[self.dialect], sa.Double)
        self._writer = self._engine.execution_options(ragscout_write=True)
        self._lock: contextlib.AbstractContextManager[Any] = (
            threading.RLock() if self.dialect == "sqlite" else contextlib.nullcontext()
        )
        self._prepare(create)

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Yield a short read transaction."""
        with self._errors(), self._engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self, name: str = "") -> Iterator[sa.Connection]:
        """Yield a short write transaction; with a name, one at a time among all that use the same name."""
        with self._lock, self._errors(), self._writer.begin() as connection:
            if name:
                self.lock(connection, name)
            yield connection

    def lock(self, connection: sa.Connection, name: str) -> None:
        """Wait in a write transaction until no other one has the same name; SQLite has one writer anyway."""
        if self.dialect == "postgresql":
            number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))

    def insert_new(self, connection: sa.Connection, table: sa.Table, values: Sequence[Mapping[str, Any]]) -> int:
        """Insert the rows that are not there; returns how many there were."""
        columns = [column.name for column in table.primary_key]
        statement = self.insert(table).on_conflict_do_nothing().returning(*(table.c[name] for name in columns))
        return sum(len(connection.execute(statement, batch).all()) for batch in batches(values, BATCH))

    def select_in(
        self, connection: sa.Connection, table: sa.Table, scope: str, value: str, column: str, wanted: Iterable[str]
    ) -> list[Any]:
        """Rows whose column ``scope`` has a value and whose ``column`` is one of those wanted."""
        rows: list[Any] = []
        for batch in batches(list(dict.fromkeys(wanted)), BATCH):
            query = sa.select(table).where(table.c[scope] == value, table.c[column].in_(batch))
            rows += connection.execute(query).all()
        return rows

    def insert(self, table: sa.Table) -> Any:
        """Return an INSERT of this dialect, which knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
        # only the dialect that is used is imported
        if self.dialect == "sqlite":
            from sqlalchemy.dialects import sqlite

            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)

    def clock(self, connection: sa.Connection) -> float:
        """Return the database's clock in seconds since 1970: all who share the store read the same one."""
        return float(connection.execute(sa.select(self.now)).scalar_one())

    def _make_engine(self, url: sa.URL) -> sa.Engine:
        if self.dialect != "sqlite":
            return sa.create_engine(url, pool_pre_ping=True)
        engine = sa.create_engine(url, connect_args={"timeout": self.timeout}, pool_size=16, max_overflow=48)

        @sa.event.listens_for(engine, "connect")
        def connected(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # transactions are opened below, where writers take the lock at once
            connection.execute(f"PRAGMA busy_timeout={int(self.timeout * 1000)}")
            _journal_mode(connection, self.timeout)
            connection.execute("PRAGMA synchronous=NORMAL")

        @sa.event.listens_for(engine, "begin")
        def begun(connection: sa.Connection) -> None:
            write = connection.get_execution_options().get("ragscout_write")
            connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

        return engine

    def _prepare(self, create: bool) -> None:
        with self.reading() as connection:
            version = schema.version_of(connection)
        if version != schema.HEAD and (create or version is not None):
            with self.writing("schema") as connection:
                version = schema.bring_up(connection, self.where, self.now)
        if version is None:
            raise StoreError(f"{self.where}: there is no store here. Run a sweep first, or correct the location.")

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.DBAPIError, sqlite3.Error) as error:
            if isinstance(error, (sa.exc.ProgrammingError, sa.exc.IntegrityError, sa.exc.DataError)):
                raise  # a mistake of ours, which must not be dressed as the user's
            text = str(getattr(error, "orig", error))
            if "locked" in text or "busy" in text:
                raise StoreError(
                    f"{self.where}: the ledger stayed locked for {self.timeout:g} s by another program. Close what "
                    "has it open (a database browser, a backup, a second sweep) and run again; nothing was lost."
                ) from error
            if "disk is full" in text or "No space left" in text:
                raise StoreError(
                    f"{self.where}: disk full; nothing was lost. Free space there and run again: the work goes on "
                    "where it stopped."
                ) from error
            raise StoreError(
                f"{self.where}: the ledger cannot be used; got {text.strip().splitlines()[0]!r}. Check that it is "
                "reachable, writable and a ragscout ledger."
            ) from error


def _journal_mode(connection: sqlite3.Connection, timeout: float) -> None:
    """Switch to WAL. SQLite does not wait for locks while the mode changes, so two first openers need this loop."""
    until = time.monotonic() + timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.05)
