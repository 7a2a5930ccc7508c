"""Ledgers of older versions are brought up to date when they are opened, on both databases."""

import contextlib
import logging
import re
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from ragscout.model.errors import StoreError
from ragscout.model.runtime import VectorRef
from ragscout.store import schema, tables
from ragscout.store.ledger import Ledger
from ragscout.testing.store import in_threads

DUMP = Path(__file__).with_name("ledger_v1.sql")
Shape = dict[str, Any]


@pytest.fixture(params=["sqlite", "postgres"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a ledger as the first version made it, with rows in every table."""
    with contextlib.closing(sqlite3.connect(tmp_path / "l.sqlite")) as made:
        made.executescript(DUMP.read_text(encoding="utf-8"))
    url = f"sqlite:///{tmp_path}/l.sqlite"
    if request.param == "sqlite":
        yield url
        return
    server = request.getfixturevalue("postgres")
    migrated_to_first(server)
    source, target = sa.create_engine(url), sa.create_engine(server)
    metadata = sa.MetaData()
    metadata.reflect(target)
    with source.begin() as reading, target.begin() as writing:
        for table in metadata.sorted_tables:
            rows = [dict(row._mapping) for row in reading.execute(sa.select(table))]
            if rows:
                writing.execute(sa.insert(table), rows)
    source.dispose()
    target.dispose()
    yield server


def migrated_to_first(url: str) -> None:
    """The first version's tables from its own step, without the version that is written down since."""
    from alembic import command

    engine, config = sa.create_engine(url), Config()
    config.set_main_option("script_location", "ragscout.store:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, schema.FIRST)
        connection.execute(sa.text(f"drop table {schema.VERSION_TABLE}"))
    engine.dispose()


def shape(ledger: Ledger) -> Shape:
    """Everything that a table is made of, as the database tells it."""
    with ledger.reading() as connection:
        inspector = sa.inspect(connection)
        return {
            name: {
                "columns": [
                    (item["name"], str(item["type"]), item["nullable"], item["default"])
                    for item in inspector.get_columns(name)
                ],
                "key": inspector.get_pk_constraint(name)["constrained_columns"],
                "unique": [item["column_names"] for item in inspector.get_unique_constraints(name)],
                "indexes": sorted((item["name"], tuple(item["column_names"])) for item in inspector.get_indexes(name)),
                "options": inspector.get_table_options(name),
            }
            for name in inspector.get_table_names()
        }


def test_an_old_ledger_is_brought_up_to_date_and_keeps_what_it_holds(old: str) -> None:
    ledger = Ledger(old)
    assert ledger.memo_get("chat", ["k1"]) == {"k1": '{"text":"15일입니다."}'}
    assert ledger.vectors_get("e", ["t1", "t2"]) == {"t1": VectorRef("v1", 0), "t2": VectorRef("v1", 1)}
    assert ledger.cells("n2", ["q1"])["q1"].path.money == 0.125
    assert [(entry.seq, entry.kind) for entry in ledger.journal("sweep1")] == [(1, "opened"), (2, "round")]
    spent = ledger.spent("sweep1")
    assert (spent.money, spent.calls, spent.llm_calls) == (0.875, 2, 4)
    assert spent.tokens == 1040
    assert spent.by_purpose["judge"].money is None
    assert ledger.spent("sweep2").by_purpose["probe"].money == 0.0625
    assert ledger.claim_sweep("sweep1", "us", 60) == 1
    ledger.close()


def test_a_migrated_ledger_has_the_tables_of_a_new_one(old: str, tmp_path: Path) -> None:
    migrated = Ledger(old)
    found = shape(migrated)
    if migrated.dialect == "postgresql":
        engine = sa.create_engine(old)
        with engine.begin() as connection:
            for name in found:
                connection.execute(sa.text(f'drop table "{name}"'))
        engine.dispose()
        new = Ledger(old)
    else:
        new = Ledger(f"sqlite:///{tmp_path}/new.sqlite")
    assert shape(new) == found
    assert set(found) == {*tables.metadata.tables, schema.VERSION_TABLE}
    for ledger in {migrated, new}:
        with ledger.reading() as connection:
            assert schema.version_of(connection) == schema.HEAD
            number = sa.select(tables.about.c.value).where(tables.about.c.name == "schema")
            assert connection.execute(number).scalar() == str(int(schema.HEAD)), "versions before refuse to open it"
        ledger.close()


def test_the_newest_step_is_the_version_of_the_tables() -> None:
    config = Config()
    config.set_main_option("script_location", "ragscout.store:migrations")
    steps = ScriptDirectory.from_config(config)
    assert steps.get_heads() == [schema.HEAD]
    numbers = [step.revision for step in reversed(list(steps.walk_revisions()))]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    files = {Path(step.path).name for step in steps.walk_revisions()}
    assert files == {
        item.name for item in resources.files("ragscout.store.migrations.versions").iterdir() if "v0" in item.name
    }


def test_the_file_is_copied_before_it_changes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = tmp_path / "l.sqlite"
    with contextlib.closing(sqlite3.connect(place)) as made:
        made.executescript(DUMP.read_text(encoding="utf-8"))
        before = list(made.iterdump())
    copy = tmp_path / f"l.sqlite.0001-to-{schema.HEAD}.backup"
    with caplog.at_level(logging.WARNING, logger="ragscout.store.schema"):
        Ledger(f"sqlite:///{place}").close()
    assert str(copy) in caplog.text and f"from version 0001 to {schema.HEAD}" in caplog.text
    with contextlib.closing(sqlite3.connect(copy)) as kept:
        assert list(kept.iterdump()) == before
    changed = copy.stat().st_mtime_ns
    Ledger(f"sqlite:///{place}").close()
    assert copy.stat().st_mtime_ns == changed
    assert sorted(item.name for item in tmp_path.glob("*.backup*")) == [copy.name]


def test_a_new_ledger_is_not_copied_and_needs_no_migration(tmp_path: Path) -> None:
    """Making and opening one imports nothing of Alembic, which would take longer than the opening."""
    script = f"""
        import sys
        from ragscout.store.ledger import Ledger
        for create in (True, False):
            Ledger("sqlite:///{tmp_path}/l.sqlite", create=create).close()
        print(any(name.partition(".")[0] in ("alembic", "mako") for name in sys.modules))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert not list(tmp_path.glob("*.backup*"))


def test_a_failed_step_leaves_the_ledger_as_it_was(old: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step and the number of the version are one transaction."""

    def fails(connection: sa.Connection, version: str) -> None:
        migrate(connection, version)
        raise StoreError("the machine went down")

    migrate = schema._migrate
    monkeypatch.setattr(schema, "_migrate", fails)
    with pytest.raises(StoreError, match="went down"):
        Ledger(old)
    engine = sa.create_engine(old)
    with engine.connect() as connection:
        assert schema.version_of(connection) == schema.FIRST
        assert not sa.inspect(connection).has_table("fences")
    engine.dispose()
    monkeypatch.undo()
    assert Ledger(old).memo_get("chat", ["k1"])


def test_a_newer_ledger_is_refused(ledger: Ledger) -> None:
    with ledger.writing() as connection:
        connection.execute(sa.update(schema._version).values(version_num="9999"))
    with pytest.raises(
        StoreError, match=rf"newer ragscout: its tables have version 9999, this one knows {schema.HEAD}"
    ):
        Ledger(ledger.url)


def test_an_older_sweep_that_runs_is_not_migrated_away(old: str) -> None:
    engine = sa.create_engine(old)

    def hold(seconds: float) -> None:
        now = sa.func.julianday("now") if engine.dialect.name == "sqlite" else None
        epoch = (now - 2440587.5) * 86400.0 if now is not None else sa.extract("epoch", sa.func.now())
        with engine.begin() as connection:
            connection.execute(sa.delete(tables.claims))
            held = {"name": "sweep:x", "owner": "sweep in process 4711 on elsewhere", "expires": epoch + seconds}
            connection.execute(sa.insert(tables.claims).values(**held))

    hold(60)
    with pytest.raises(StoreError, match=r"an older ragscout is running a sweep on this store \(sweep in process 4711"):
        Ledger(old)
    hold(-1)
    Ledger(old).close()
    engine.dispose()


def test_many_threads_open_an_old_ledger_at_once(old: str) -> None:
    ledgers = in_threads(6, lambda number: Ledger(old))
    assert sorted(item.journal_append("s", "k", {}) for item in ledgers) == list(range(1, 7))
    for ledger in ledgers:
        ledger.close()


def test_many_processes_open_an_old_ledger_at_once(old: str, tmp_path: Path) -> None:
    script = """
        import sys, logging
        logging.basicConfig(level=logging.WARNING)
        from ragscout.store.ledger import Ledger
        print("ready", flush=True)
        sys.stdin.readline()
        print(Ledger(sys.argv[1]).journal_append("s", "k", {}))
    """
    command = [sys.executable, "-c", textwrap.dedent(script), old]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    children = [subprocess.Popen(command, **pipes) for _ in range(3)]
    for child in children:
        assert child.stdout is not None and child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    said = [child.communicate(timeout=120) for child in children]
    assert sorted(output.strip() for output, _ in said) == ["1", "2", "3"], said
    assert sum(len(re.findall("brought from version", errors)) for _, errors in said) == 1
