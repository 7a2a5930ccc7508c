"""Executors: found by name, and whatever happens to a worker process is said in words and is nobody's failure."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from pathlib import Path

import psutil
import pytest
from faults import worker_processes

from ragscout.engine import executors
from ragscout.engine.executors import EXECUTORS, InProcess, Subprocess, executor_factory
from ragscout.engine.task import Done, Task, done_from, done_json
from ragscout.engine.worker import Worker
from ragscout.model.errors import UnknownNameError, WorkerError
from ragscout.model.outcome import Unfilled
from ragscout.store.store import Store

TASK = Task("nobody", "0" * 64)


def run(executor: Subprocess) -> Done:
    return asyncio.run(executor.run(TASK))


def instead(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    """Let a script run where the interpreter of the worker would."""
    program = folder / "program"
    program.write_text(f"#!{sys.executable}\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(executors, "sys", type("Sys", (), {"executable": str(program)}))


def test_executors_are_found_by_name() -> None:
    assert {"in-process", "subprocess"} <= set(EXECUTORS)
    with pytest.raises(UnknownNameError, match=r"unknown executor; got 'in_proces'\. Did you mean 'in-process'"):
        executor_factory("in_proces")


def test_an_executor_can_be_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXECUTORS, "mine", lambda worker, _: InProcess(worker))
    worker: Worker = object()  # type: ignore[assignment]
    assert isinstance(executor_factory("mine")(worker, "somewhere"), InProcess)


def test_a_result_survives_the_border() -> None:
    for done in (Done(), Done({"q": Unfilled("budget", "x")}), Done(retry=Unfilled("store", "y"), reports={"n": 1.0})):
        assert done_from(done_json(done)) == done


def test_a_process_that_ends_with_a_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instead(monkeypatch, tmp_path, "import sys; sys.exit('Traceback ...\\nboom: no such library')")
    with pytest.raises(WorkerError, match=r"ended with status 1: boom: no such library\. Run again\."):
        run(Subprocess("nowhere"))


def test_a_process_that_ends_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instead(monkeypatch, tmp_path, "import sys; sys.exit(7)")
    with pytest.raises(WorkerError, match="ended with status 7 without a word"):
        run(Subprocess("nowhere"))


@pytest.mark.parametrize(
    ("number", "said"), [(signal.SIGKILL, r"was killed \(SIGKILL\), .*memory"), (signal.SIGSEGV, "ended by SIGSEGV")]
)
def test_a_process_that_is_ended_by_a_signal(
    number: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead(monkeypatch, tmp_path, f"import os; os.kill(os.getpid(), {int(number)})")
    with pytest.raises(WorkerError, match=said):
        run(Subprocess("nowhere"))


@pytest.mark.parametrize(
    ("printed", "said"), [("Loading weights: 100%", "'Loading weights: 100%'"), ("", "nothing"), ('{"failed": 3}', "3")]
)
def test_a_process_that_writes_rubbish(
    printed: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead(monkeypatch, tmp_path, f"print({printed!r})")
    with pytest.raises(WorkerError, match=f"wrote no result but .*{said}"):
        run(Subprocess("nowhere"))


def test_a_process_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = tmp_path / "number"
    script = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    instead(monkeypatch, tmp_path, script)
    with pytest.raises(WorkerError, match=r"no result in 3 seconds and was ended"):
        run(Subprocess("nowhere", longest=3.0))
    assert not psutil.pid_exists(int(note.read_text(encoding="utf-8") or "0") or 1 << 30)


def test_a_cancelled_run_leaves_no_process_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instead(monkeypatch, tmp_path, "import time; time.sleep(600)")

    async def cancelled() -> list[int]:
        running = asyncio.create_task(Subprocess("nowhere").run(TASK))
        while not (found := worker_processes()):
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return found

    assert not any(psutil.pid_exists(process) for process in asyncio.run(cancelled()))


def test_no_process_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "sys", type("Sys", (), {"executable": "/nowhere/python"}))
    with pytest.raises(WorkerError, match="no worker process could be started"):
        run(Subprocess("nowhere"))


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="the system cannot limit another process")
def test_a_worker_without_memory(tmp_path: Path) -> None:
    """The address space of a real worker is cut down while it starts."""
    store = Store.open(tmp_path / "store")

    async def starved() -> Done:
        running = asyncio.create_task(Subprocess(store.location).run(TASK))
        while not (found := worker_processes()):
            await asyncio.sleep(0.001)
        resource.prlimit(found[0], resource.RLIMIT_AS, (48 << 20, 48 << 20))
        return await running

    with pytest.raises(WorkerError, match=r"a worker process .*again"):
        asyncio.run(starved())


def test_a_worker_whose_store_cannot_be_opened_says_so(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("not a folder", encoding="utf-8")
    done = run(Subprocess(str(tmp_path / "store")))
    assert done.retry is not None and not done.failed


def test_what_a_worker_prints_does_not_get_into_its_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries print to standard output whenever they like, even below Python."""
    store = Store.open(tmp_path / "store")
    noise = tmp_path / "noise"
    noise.mkdir()
    (noise / "sitecustomize.py").write_text(
        "import atexit, os\nos.environ['PYTHONUNBUFFERED'] = '1'\natexit.register(print, 'goodbye')\n"
        "import threading\n"
        "import ragscout.engine.session as session\n"
        "opened = session.open_worker\n"
        "def loud(*args):\n    print('loading'); os.write(1, b'weights'); return opened(*args)\n"
        "session.open_worker = loud\n",
        encoding="utf-8",
    )
    paths = os.pathsep.join([str(noise), *os.environ.get("PYTHONPATH", "").split(os.pathsep), *sys.path])
    monkeypatch.setenv("PYTHONPATH", paths)
    done = run(Subprocess(store.location))
    assert done.retry is not None and "the journal knows no sweep 'nobody'" in done.retry.detail
