"""Which version the tables of a ledger have, and how those of an older ragscout are brought up to date."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from pathlib import Path

import sqlalchemy as sa

from ragscout.model.errors import StoreError
from ragscout.store.owners import is_dead, shown
from ragscout.store.tables import about, claims, metadata

HEAD = "0003"
"""Version of ``store.tables``: the newest file of ``store/migrations/versions``."""
FIRST = "0001"
"""Version of a ledger that was made before versions were written down."""
VERSION_TABLE = "ragscout_alembic_version"
"""Alembic's table under a name of its own: MLflow and Optuna may keep theirs in the same database."""

log = logging.getLogger(__name__)
_version = sa.Table(
    VERSION_TABLE,
    sa.MetaData(),
    sa.Column("version_num", sa.String(32), nullable=False),
    sa.PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)
_one_at_a_time = threading.Lock()
"""Alembic keeps the migration that it runs in a module of its own, one for all threads."""


def version_of(connection: sa.Connection) -> str | None:
    """Return the version of a ledger's tables, ``None`` when there are none."""
    inspector = sa.inspect(connection)
    if inspector.has_table(VERSION_TABLE):
        return str(connection.execute(sa.select(_version.c.version_num)).scalar_one())
    return FIRST if inspector.has_table(about.name) else None


def bring_up(connection: sa.Connection, where: str, now: sa.ColumnElement[float]) -> str:
    """Make the tables, or bring those of an older version up to date, in the transaction of ``connection``.

    The caller holds the lock under which one process at a time does this. A SQLite file is copied before it changes.

    Args:
        connection: in a write transaction.
        where: the ledger's name for people.
        now: the database's clock.

    Raises:
        StoreError: the ledger was written by a newer version, or an older one is running a sweep on it.
    """
    version = version_of(connection)
    if version is None:
        metadata.create_all(connection)
        connection.execute(sa.insert(about).values(name="schema", value=str(int(HEAD))))
        _stamp(connection, HEAD)
    elif version > HEAD:
        raise StoreError(
            f"{where}: the store was written by a newer ragscout: its tables have version {version}, this one knows "
            f"{HEAD}. Upgrade ragscout, or name another store."
        )
    elif version < HEAD:
        _refuse_running(connection, where, now)
        kept = _backup(connection, version)
        _migrate(connection, version)
        log.warning(
            "%s: the store was brought from version %s to %s. %s",
            where,
            version,
            HEAD,
            f"The ledger as it was before is kept as {kept}." if kept else "No copy was made of a database server.",
        )
    return HEAD


def _stamp(connection: sa.Connection, version: str) -> None:
    _version.create(connection, checkfirst=True)
    connection.execute(sa.insert(_version).values(version_num=version))


def _refuse_running(connection: sa.Connection, where: str, now: sa.ColumnElement[float]) -> None:
    """Refuse while an older process runs: it would write past the tables that its rows are moved to."""
    query = sa.select(claims.c.owner).where(claims.c.name.startswith("sweep:"), claims.c.expires > now)
    running = [owner for owner in connection.execute(query).scalars() if not is_dead(owner)]
    if running:
        raise StoreError(
            f"{where}: an older ragscout is running a sweep on this store ({shown(running[0])}), so that it cannot be "
            "brought up to date. Wait until that sweep has ended; when it was killed, run again in a minute."
        )


def _backup(connection: sa.Connection, version: str) -> Path | None:
    """Copy a SQLite file as the last commit left it; one copy for each step from version to version."""
    place = connection.engine.url.database
    if connection.dialect.name != "sqlite" or not place or place == ":memory:":
        return None
    target = Path(f"{place}.{version}-to-{HEAD}.backup")
    partial = target.with_suffix(".partial")
    try:
        with contextlib.closing(sqlite3.connect(place)) as source, contextlib.closing(sqlite3.connect(partial)) as copy:
            source.backup(copy)
        # a copy of an earlier attempt is older than the ledger that this one starts from
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def _migrate(connection: sa.Connection, version: str) -> None:
    from alembic import command
    from alembic.config import Config

    if not sa.inspect(connection).has_table(VERSION_TABLE):
        _stamp(connection, version)
    config = Config()
    config.set_main_option("script_location", "ragscout.store:migrations")
    config.attributes["connection"] = connection
    with _one_at_a_time:
        command.upgrade(config, HEAD)
    connection.execute(sa.update(about).where(about.c.name == "schema").values(value=str(int(HEAD))))
