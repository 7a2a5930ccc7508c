"""Trouble of store, machine, worker and endpoint is nowhere booked on a candidate.

Every kind of fault happens once at every kind of node. The run ends as partial and says why; the next run fills what
is open; and its board is the one of a sweep that nothing disturbed. The clock by which work is timed stands still, so
that the boards are equal to the byte.
"""

from __future__ import annotations

import contextlib
import functools
import re
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import (
    DOWN,
    STEPS,
    FaultyStore,
    OnceElsewhere,
    Servers,
    database_error,
    kill,
    leave_alone,
    out_of_memory,
    write_sweep,
)

from ragscout.engine import runtime
from ragscout.engine.calls import Calls
from ragscout.engine.executors import EXECUTORS, Subprocess
from ragscout.model.results.journal import RoundMeasured
from ragscout.sweep import Sweep
from ragscout.testing.fake_server import Faults

FAULTS = {
    "disk full": "disk full; nothing was lost. Free space",
    "locked": "store: .*stayed locked",
    "closed connection": "store: .*closed",
    "out of memory": "machine: this machine ran out of memory. Free memory",
    "killed worker": r"worker: a worker process was killed \(SIGKILL\)",
    "time-out": "worker: a worker process gave no result in 0.2 seconds",
    "endpoint down": "endpoint: .*models.*429",
}
"""Kind of fault to what the run says of it."""
DATABASE = {
    "locked": sqlite3.OperationalError("database is locked"),
    "closed connection": sqlite3.ProgrammingError("Cannot operate on a closed database."),
}


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    found = Servers()
    with found.embed, found.generate, found.measure:
        yield found


def stop_clock(patch: pytest.MonkeyPatch) -> None:
    """Everything whose duration is kept is timed by this clock; nothing is decided by it."""
    patch.setattr(time, "perf_counter", lambda: 0.0)
    patch.setattr(runtime, "Calls", functools.partial(Calls, clock=time.perf_counter))


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    stop_clock(monkeypatch)


@pytest.fixture(scope="module")
def sweep_file(tmp_path_factory: pytest.TempPathFactory, servers: Servers) -> Path:
    return write_sweep(tmp_path_factory.mktemp("sweep"), servers.urls())


@pytest.fixture(scope="module")
def undisturbed(sweep_file: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The board of a sweep in which nothing happens."""
    with pytest.MonkeyPatch.context() as patch:
        stop_clock(patch)
        result = Sweep.load(sweep_file, tmp_path_factory.mktemp("undisturbed")).run()
    assert result.closed and len(result.board.rows) == 3
    return result.board.to_json()


@contextlib.contextmanager
def disturbed(fault: str, stage: str, store: FaultyStore, servers: Servers, patch: pytest.MonkeyPatch) -> Iterator[str]:
    """While it lasts the fault lies in wait; the executor that the sweep has to run with."""
    store.stage = stage
    if fault == "disk full":
        store.disk_full = True
        yield "in-process"
    elif fault in DATABASE:
        with database_error(store, DATABASE[fault]):
            yield "in-process"
    elif fault == "out of memory":
        out_of_memory(store, stage, patch)
        yield "in-process"
    elif fault == "endpoint down":
        servers[stage].faults, store.fired = DOWN, 1
        try:
            yield "in-process"
        finally:
            servers[stage].faults = Faults()
    else:
        longest, harm = (600.0, kill) if fault == "killed worker" else (0.2, leave_alone)
        elsewhere = Subprocess(store.location, longest=longest)
        patch.setitem(EXECUTORS, "faulty", lambda worker, _: OnceElsewhere(worker, elsewhere, store, harm))
        yield "faulty"


@pytest.mark.parametrize("stage", STEPS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_leaves_the_node_open_and_the_next_run_fills_it(
    fault: str,
    stage: str,
    sweep_file: Path,
    servers: Servers,
    undisturbed: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = FaultyStore.open(tmp_path / "store")
    assert isinstance(store, FaultyStore)
    with disturbed(fault, stage, store, servers, monkeypatch) as executor:
        sweep = Sweep.load(sweep_file, store)
        partial = sweep.run(executor=executor)
    assert store.fired == 1
    assert not partial.closed and len(partial.open) == 1
    assert re.search(FAULTS[fault], partial.open[0]), partial.open
    assert not any(row.failed for row in partial.board.rows)
    assert not any(entry.failed or entry.broken for entry in sweep.journal.of(RoundMeasured))
    resumed = Sweep.load(sweep_file, store).run()
    assert resumed.closed and not resumed.open
    assert resumed.board.to_json() == undisturbed
