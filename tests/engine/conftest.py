"""Stores to test against: a folder, a team's store in memory and SQLite, and PostgreSQL where it is installed.

``RAGSCOUT_TEST_POSTGRES`` may name a server instead: the SQLAlchemy URL of a database in which schemas may be made and
dropped.
"""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import postgres_server
import pytest
import sqlalchemy as sa

from ragscout.store.ledger import Ledger
from ragscout.store.store import Store


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    named, binaries = os.environ.get("RAGSCOUT_TEST_POSTGRES"), postgres_server.programs()
    if named:
        yield named
    elif binaries is None:
        pytest.skip("PostgreSQL is not installed, and RAGSCOUT_TEST_POSTGRES names no server")
    else:
        with postgres_server.server(binaries) as url:
            yield url


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[str]:
    url = sa.make_url(postgres_url).set(drivername="postgresql+psycopg")
    schema = f"test_{uuid.uuid4().hex}"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"create schema {schema}"))
    try:
        scoped = url.update_query_dict({"options": f"-csearch_path={schema}"})
        yield scoped.render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f"drop schema {schema} cascade"))
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    url = request.getfixturevalue("postgres") if request.param == "postgres" else f"sqlite:///{tmp_path}/l.sqlite"
    made = Ledger(url)
    yield made
    made.close()


@pytest.fixture(params=["folder", "memory", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("RAGSCOUT_CACHE", str(tmp_path / "cache"))
    location = str(tmp_path / "저장소")
    if request.param != "folder":
        database = f"sqlite:///{tmp_path}/l.sqlite"
        if request.param == "postgres":
            database = request.getfixturevalue("postgres")
        blobs = f"memory://{uuid.uuid4().hex}"
        location = f"store:?blobs={quote(blobs, safe='')}&ledger={quote(database, safe='')}"
    made = Store.open(location)
    yield made
    made.close()


@pytest.fixture
def folder_store(tmp_path: Path) -> Iterator[Store]:
    made = Store.open(tmp_path / "store")
    yield made
    made.close()
