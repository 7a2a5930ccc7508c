"""Faults of the store, the machine, a worker and an endpoint, each of which happens once, at a chosen stage."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import sqlalchemy as sa

from ragscout.engine.executors import InProcess, Subprocess
from ragscout.engine.task import Done, Task
from ragscout.engine.worker import Worker
from ragscout.model.step import step_class
from ragscout.store.blobs import Blobs, disk_errors
from ragscout.store.rows import ShardRows
from ragscout.store.shards import CellData
from ragscout.store.store import Store
from ragscout.testing.fake_server import FakeServer, Faults

DOWN = Faults(limit_429=1.0, retry_after=0.001)
"""An endpoint that refuses everything, and lets its clients give up quickly."""
STEPS = {"embed": "openai", "generate": "chat", "measure": "judge"}
"""The step in which memory runs out, by stage."""
SETTINGS = """
sweep: faults
eval_set: {folder}/set
models:
  vectors: {{provider: openai, base_url: "{embed}", model: e, kind: embed, price: {{input: 0, output: 0, per: 1M}}}}
  writer: {{provider: openai, base_url: "{generate}", model: gpt-writer, price: {{input: 1, output: 2, per: 1M}}}}
  judge: {{provider: openai, base_url: "{measure}", model: gpt-judge, price: {{input: 1, output: 2, per: 1M}}}}
pipeline:
  chunk: {{use: characters, size: 80, overlap: 0}}
  embed: vectors
  retriever: dense
  prompt: {{use: template, passages: 1}}
  generate: {{use: chat, model: writer, max_tokens: 16}}
measure: {{retrieval: [recall@3], answer: [token_f1, {{use: judge, model: judge, criteria: [correctness]}}]}}
goal: {{maximize: judge.correctness}}
search: grid
budget: {{usd: 5}}
network: offline
probe: off
"""
DOCUMENT = """# Leave
Annual leave is fifteen days a year. It never exceeds 25 days. Leave must be requested two weeks ahead.

# Expenses
Expenses are paid back within ten days. Every receipt must be kept. Taxis are paid after ten in the evening.
"""
QUESTIONS = (
    ("How many days of leave are there a year?", "fifteen days", "Annual leave is fifteen days a year."),
    ("When are expenses paid back?", "within ten days", "Expenses are paid back within ten days."),
    ("How early must leave be requested?", "two weeks ahead", "Leave must be requested two weeks ahead."),
)


@dataclass
class Servers:
    """An endpoint per stage, so that each can be down alone."""

    embed: FakeServer = field(default_factory=FakeServer)
    generate: FakeServer = field(default_factory=FakeServer)
    measure: FakeServer = field(default_factory=FakeServer)

    def __getitem__(self, stage: str) -> FakeServer:
        server: FakeServer = getattr(self, stage)
        return server

    def urls(self) -> dict[str, str]:
        """Base URL by stage."""
        return {stage: self[stage].base_url for stage in STEPS}


def write_sweep(folder: Path, urls: Mapping[str, str], **changes: str) -> Path:
    """A sweep of three rows over three questions: a dense one, and the baselines without retrieval and with words.

    ``changes``: name of a line of the settings to what stands there instead.
    """
    (folder / "set" / "documents").mkdir(parents=True)
    (folder / "set" / "documents" / "handbook.md").write_text(DOCUMENT, encoding="utf-8")
    rows = [
        {
            "id": f"q{number}",
            "question": question,
            "references": [reference],
            "evidence": [{"document": "handbook.md", "quote": quote}],
        }
        for number, (question, reference, quote) in enumerate(QUESTIONS)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "set" / "questions.jsonl").write_text(lines, encoding="utf-8")
    return write_settings(folder, urls, **changes)


def write_settings(folder: Path, urls: Mapping[str, str], **changes: str) -> Path:
    """The sweep file alone."""
    lines = SETTINGS.format(folder=folder, **urls).splitlines()
    names = [line.strip().partition(":")[0] for line in lines]
    for name, text in changes.items():
        at = names.index(name)
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
        lines[at] = f"{indent}{name}: {text}"
    path = folder / "faults.yaml"
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


class FaultyStore(Store):
    """A store on which one write at ``stage`` fails: its bytes when ``disk_full``, else see ``database_error``."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.stage, self.disk_full, self.fired = "", False, 0
        self._one = threading.Lock()
        self.blobs = FaultyBlobs(self.blobs, self)  # type: ignore[assignment]

    def save_value(self, key: str, *args: Any) -> None:
        with self._writing(key):
            super().save_value(key, *args)

    def write_shard(self, node: str, cells: Mapping[str, CellData]) -> ShardRows:
        with self._writing(node):
            return super().write_shard(node, cells)

    def at_stage(self, key: str) -> bool:
        """Whether a node is one of those whose write fails."""
        row = self.ledger.node(key)
        return row is not None and row.stage == self.stage

    def due(self, key: str) -> bool:
        """Whether the fault happens now, while this node is written; it happens once."""
        with self._one:
            if self.fired or not self.at_stage(key):
                return False
            self.fired += 1
            return True

    @contextlib.contextmanager
    def _writing(self, key: str) -> Iterator[None]:
        token = _WRITTEN.set(key)
        try:
            yield
        finally:
            _WRITTEN.reset(token)


_WRITTEN: ContextVar[str] = ContextVar("written", default="")
"""Node whose bytes are written in this thread."""


class FaultyBlobs:
    """Blobs on a disk that is full once."""

    def __init__(self, inner: Blobs, store: FaultyStore) -> None:
        self._inner, self._store = inner, store

    def put(self, data: bytes) -> str:
        self._check()
        return self._inner.put(data)

    def put_file(self, path: Path) -> str:
        self._check()
        return self._inner.put_file(path)

    def _check(self) -> None:
        if self._store.disk_full and self._store.due(_WRITTEN.get()):
            with disk_errors(self._inner.location):
                raise OSError(errno.ENOSPC, "No space left on device")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@contextlib.contextmanager
def database_error(store: FaultyStore, error: sqlite3.Error) -> Iterator[None]:
    """The first row that makes a value or a cell of the stage visible is refused as the database's driver would."""
    busy = False

    def before(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        nonlocal busy
        if busy or not statement.startswith(("INSERT INTO node_values ", "INSERT INTO cells ")):
            return
        busy = True  # looking the node up is a statement too
        rows = parameters if isinstance(parameters, list) else [parameters]
        due = any(store.due(value) for row in rows for value in row if isinstance(value, str))
        busy = False
        if due:
            raise error

    sa.event.listen(sa.Engine, "before_cursor_execute", before)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", before)


def out_of_memory(store: FaultyStore, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step of a stage runs out of memory at its first call."""
    group: Any = step_class(stage, STEPS[stage])
    run = group.run

    async def once(self: Any, *args: Any, **named: Any) -> Any:
        if not store.fired:
            store.fired += 1
            raise MemoryError
        return await run(self, *args, **named)

    monkeypatch.setattr(group, "run", once)


class OnceElsewhere:
    """An executor that gives the first task of a stage to a process of its own, where ``harm`` is done to it, and runs
    everything else here."""

    def __init__(self, worker: Worker, elsewhere: Subprocess, store: FaultyStore, harm: Callable[[int], None]) -> None:
        self._here, self._elsewhere, self._store, self._harm = InProcess(worker), elsewhere, store, harm

    async def run(self, task: Task) -> Done:
        if not self._store.due(task.node):
            return await self._here.run(task)
        harming = asyncio.create_task(self._harmed())
        try:
            return await self._elsewhere.run(task)
        finally:
            harming.cancel()

    async def _harmed(self) -> None:
        while not (started := worker_processes()):
            await asyncio.sleep(0.005)
        for process in started:
            self._harm(process)

    async def close(self) -> None:
        await self._here.close()


def worker_processes() -> list[int]:
    """Numbers of the worker processes that this process started."""
    return [child.pid for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]


def kill(process: int) -> None:
    """End a process as the system does when memory runs out."""
    psutil.Process(process).send_signal(signal.SIGKILL)


def leave_alone(process: int) -> None:
    """Do nothing to a process."""
