"""Where MLflow keeps runs: addresses, a database that is locked, lost or down, and MLflow's settings and logging."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from ragscout.model.errors import StoreError

_OPENED: dict[str, list[tuple[int, int]]] = {}  # database file to device and inode of every file that lay there


def default_tracking_uri(store_folder: Path) -> str:
    """``MLFLOW_TRACKING_URI`` when set, else SQLite in the store's folder.

    Raises:
        StoreError: the variable names a folder; MLflow no longer keeps runs in files.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", "").strip()
    if uri:
        check_tracking_uri(uri, "MLFLOW_TRACKING_URI")
        return uri
    return f"sqlite:///{store_folder.resolve() / 'mlflow.db'}"


def check_tracking_uri(uri: str, where: str) -> None:
    """Refuse what MLflow cannot keep runs in.

    Raises:
        StoreError: a folder or a ``file:`` URI.
    """
    if not re.match(r"[a-zA-Z][\w+.-]+:", uri) or uri.lower().startswith("file:"):
        raise StoreError(
            f"{where}: MLflow keeps runs in a database or on a server, not in a folder; got {uri!r}. "
            f"Use for example sqlite:///{Path('mlflow.db').absolute()} or http://127.0.0.1:5000."
        )


def prepare_environment() -> None:
    """Set what MLflow reads at import or at its first request: no telemetry, and a server that is down is an
    error within seconds instead of minutes. What the user set stays."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")


def sqlite_file(tracking_uri: str) -> Path | None:
    """Return the file of an SQLite tracking URI, ``None`` for other places."""
    if not tracking_uri.startswith("sqlite:///"):
        return None
    return Path(unquote(tracking_uri.removeprefix("sqlite:///").partition("?")[0]))


def beside(tracking_uri: str) -> Path | None:
    """Return the folder of artifacts beside an SQLite file, ``None`` for other places."""
    file = sqlite_file(tracking_uri)
    return file.absolute().parent / "mlartifacts" if file is not None else None


def probe(tracking_uri: str) -> None:
    """Find out in seconds that a database cannot be written, where MLflow itself would retry for minutes.

    Raises:
        sqlite3.Error, sqlalchemy.exc.SQLAlchemyError: it cannot.
    """
    file = sqlite_file(tracking_uri)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists():
            connection = sqlite3.connect(file, timeout=5.0, isolation_level=None)
            try:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
            finally:
                connection.close()
    elif not tracking_uri.startswith(("http:", "https:")):
        import sqlalchemy

        engine = sqlalchemy.create_engine(tracking_uri)
        try:
            engine.connect().close()
        finally:
            engine.dispose()


def holds(tracking_uri: str, sweep: str, mark: str) -> bool:
    """Return whether an SQLite database holds all runs of a closed sweep as the snapshot with this mark made them.

    It is read without MLflow, whose import takes longer than all that a finished sweep needs. ``False`` where that
    cannot be seen: then MLflow is asked.
    """
    from ragscout.record.runs import TAG_RUNS, TAG_SNAPSHOT, TAG_SWEEP

    file = sqlite_file(tracking_uri)
    if file is None or not file.is_file():
        return False
    tagged = "JOIN tags {0} ON {0}.run_uuid = r.run_uuid AND {0}.key = ?"
    active = (
        "FROM runs r JOIN experiments e ON e.experiment_id = r.experiment_id AND e.lifecycle_stage = 'active' "
        f"{tagged.format('s')} AND s.value = ? {{}} WHERE r.lifecycle_stage = 'active'"
    )
    marked = f"{tagged.format('m')} AND m.value = ? {tagged.format('n')}"
    try:
        with contextlib.closing(sqlite3.connect(f"file:{quote(str(file.absolute()))}?mode=ro", uri=True)) as connection:
            named = (TAG_SWEEP, sweep)
            parents = connection.execute(
                f"SELECT n.value {active.format(marked)}", (*named, TAG_SNAPSHOT, mark, TAG_RUNS)
            ).fetchall()
            (count,) = connection.execute(f"SELECT count(*) {active.format('')}", named).fetchone()
    except sqlite3.Error:
        return False
    return len(parents) == 1 and int(parents[0][0]) + 1 == count


def open_client(tracking_uri: str) -> Any:
    """Return an ``MlflowClient`` on the database that lies there now.

    MLflow keeps one engine per URI for the life of the process; after the file was deleted that engine would go on
    writing into the deleted one. Another spelling of the path (``/./``) makes it open the new file.
    """
    from mlflow import MlflowClient

    file = sqlite_file(tracking_uri)
    if file is None:
        return MlflowClient(tracking_uri=tracking_uri)
    file = file.absolute()
    seen = _OPENED.setdefault(str(file), [])
    file.touch()
    stat = file.stat()
    identity = (stat.st_dev, stat.st_ino)
    if identity not in seen:
        seen.append(identity)
    return MlflowClient(tracking_uri=f"sqlite:///{file.parent}/{'./' * seen.index(identity)}{file.name}")


@contextmanager
def quiet() -> Iterator[None]:
    """MLflow and its migrations log stack traces of their own; what went wrong is said once, by the recorder."""
    loggers = [logging.getLogger(name) for name in ("mlflow", "mlflow.store.db.utils", "alembic", "urllib3")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
