"""What once was held against a candidate or ended a sweep with an error, and is neither: sweeps as people run them.

Faults of the store, of workers and of endpoints have tests of their own (``engine/test_faults.py``,
``engine/test_partial_runs.py``); here are the places around the steps.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ragscout.model.errors import StoreError
from ragscout.model.evalset import Question
from ragscout.model.outcome import Unfilled, UnfilledKind
from ragscout.model.results.journal import Probed
from ragscout.model.runtime import Runtime
from ragscout.model.step import step_class
from ragscout.record.mlflow import MlflowRecorder
from ragscout.record.recorder import Snapshot
from ragscout.serve import Pipeline
from ragscout.serve.runtime import ServingRuntime
from ragscout.store.journal import History
from ragscout.sweep import Sweep
from ragscout.testing.fake_server import FakeServer

ROOT = Path(__file__).parents[1]
FULL = "/data: disk full; nothing was lost. Free space there and run again."
TEXT = """
sweep: mended
eval_set: {folder}/set
models:
  writer: {{provider: openai, base_url: "{url}", model: gpt-writer, price: {{input: 1, output: 2, per: 1M}}}}
  vectors: {{provider: openai, base_url: "{vectors}", model: e, kind: embed, price: {{input: 0, output: 0, per: 1M}}}}
pipeline:
  chunk: {{use: characters, size: 120, overlap: 0}}
  embed: [hashing, vectors]
  retriever: dense
  prompt: {{use: template, passages: 1}}
  generate: {{use: chat, model: writer, max_tokens: 16}}
measure: {{retrieval: [recall@3], answer: [token_f1]}}
goal: {{maximize: token_f1}}
search: grid
budget: {{usd: 5}}
network: offline
probe: {probe}
"""
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


def write(folder: Path, server: FakeServer, *, vectors: str = "", probe: str = "off") -> Path:
    """A sweep of four rows over three questions; ``vectors`` is the address of the embedding endpoint."""
    (folder / "set" / "documents").mkdir(parents=True, exist_ok=True)
    source = ROOT / "eval_sets" / "handbook-en"
    rows = (source / "questions.jsonl").read_text("utf-8").splitlines()[:3]
    (folder / "set" / "questions.jsonl").write_text("\n".join([*rows, ""]), "utf-8")
    for name in {item["document"] for row in rows for item in json.loads(row)["evidence"]}:
        (folder / "set" / "documents" / name).write_bytes((source / "documents" / name).read_bytes())
    path = folder / "mended.yaml"
    text = TEXT.format(folder=folder, url=server.base_url, vectors=vectors or server.base_url, probe=probe)
    path.write_text(text, encoding="utf-8")
    return path


def test_rows_that_an_endpoint_keeps_waiting_are_not_called_failed(tmp_path: Path, server: FakeServer) -> None:
    """Nobody listens at the address of the first run; the second names another one and is the same sweep."""
    nobody = write(tmp_path, server, vectors="http://127.0.0.1:9/v1")
    first = Sweep.load(nobody, tmp_path / "s")
    board = first.run().board
    rows = [*board.rows, *board.retrieval]
    assert rows and not any(row.has("failed") or row.failed for row in rows)
    assert any(note.kind == "rows_wait" for note in board.notes)
    second = Sweep.load(write(tmp_path, server), tmp_path / "s")
    assert second.id == first.id
    whole = second.run()
    assert whole.closed and len(whole.board.rows) == 4
    assert not any(row.has("unscored") or row.has("failed") for row in whole.board.rows)


@pytest.mark.parametrize("kind", ["round", "measured", "closing", "probed", "chosen", "closed"])
def test_a_disk_that_fills_while_the_journal_is_written(
    kind: str, tmp_path: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    """By command line: status 3 with the cause, and the same command ends the work without a request sent twice."""
    command = ("sweep", str(write(tmp_path, server, probe="{questions: 1}")), "--store", str(tmp_path / "s"))
    append, left = History.journal_append, [StoreError(FULL)]

    def full(self: History, sweep: str, said: str, payload: Mapping[str, Any], *, fence: int | None = None) -> int:
        if said == kind and left:
            raise left.pop()
        return append(self, sweep, said, payload, fence=fence)

    monkeypatch.setattr(History, "journal_append", full)
    status, _, said = call(*command, "--no-mlflow")
    assert status == 3 and not left
    assert f"not everything could be measured: store: {FULL} Run the same command again to go on." in said
    status, _, said = call(*command, "--no-mlflow")
    assert status == 0, said
    sweep = Sweep.load(tmp_path / "mended.yaml", tmp_path / "s")
    assert sweep.view.closed and not any(row.failed for row in sweep.board().rows)


@pytest.mark.parametrize("kind", ["machine", "network", "missing", "store", "worker"])
def test_a_step_that_is_held_up_while_it_is_probed(
    kind: UnfilledKind, tmp_path: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, server, probe="{questions: 2}")
    chat: Any = step_class("generate", "chat")
    run, left = chat.run, [Unfilled(kind, "it could not be had")]

    async def held_up(self: Any, runtime: Runtime, questions: Sequence[Question], **given: Any) -> Any:
        if isinstance(runtime, ServingRuntime) and left:
            return [left.pop()]
        return await run(self, runtime, questions, **given)

    monkeypatch.setattr(chat, "run", held_up)
    sweep = Sweep.load(path, tmp_path / "s")
    partial = sweep.run()
    assert not partial.closed and len(partial.open) == 1 and partial.open[0].startswith(f"{kind}: generate: ")
    assert not sweep.journal.of(Probed)
    assert Sweep.load(path, tmp_path / "s").run().closed
    probed = sweep.journal.of(Probed)
    assert probed and not any(entry.failed for entry in probed)


def test_a_step_that_breaks_while_it_is_probed_is_that_row_s_failure_and_no_end_of_the_sweep(
    tmp_path: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    chat: Any = step_class("generate", "chat")
    run, left = chat.run, [ZeroDivisionError("of nothing")]

    async def broken(self: Any, runtime: Runtime, questions: Sequence[Question], **given: Any) -> Any:
        if isinstance(runtime, ServingRuntime) and left:
            raise left.pop()
        return await run(self, runtime, questions, **given)

    monkeypatch.setattr(chat, "run", broken)
    sweep = Sweep.load(write(tmp_path, server, probe="{questions: 2}"), tmp_path / "s")
    assert sweep.run().closed
    assert [entry.why for entry in sweep.journal.of(Probed) if entry.failed] == ["ZeroDivisionError: of nothing"]
    assert any(record.exc_info and record.exc_info[0] is ZeroDivisionError for record in caplog.records)


@pytest.mark.parametrize("error", [StoreError(FULL), OSError(28, "No space left on device"), MemoryError()])
def test_a_recorder_in_trouble_takes_no_result_away(
    error: Exception, tmp_path: Path, server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    class Troubled:
        def update(self, snapshot: Snapshot) -> None:
            raise error

    states: list[bool] = []

    class Healthy:
        def update(self, snapshot: Snapshot) -> None:
            states.append(snapshot.closed)

    result = Sweep.load(write(tmp_path, server), tmp_path / "s").run(recorders=[Troubled(), Healthy()])
    assert result.closed and not result.open and states[-1]
    assert "Troubled: the state of the sweep could not be recorded" in caplog.text


def test_a_report_that_cannot_read_the_store_takes_no_result_away(
    tmp_path: Path, server: FakeServer, caplog: pytest.LogCaptureFixture
) -> None:
    def report(_: Snapshot) -> bytes:
        raise StoreError(FULL)

    recorder = MlflowRecorder(f"sqlite:///{tmp_path / 'mlflow.db'}", report=report)
    result = Sweep.load(write(tmp_path, server), tmp_path / "s").run(recorders=[recorder])
    assert result.closed and not result.open and FULL in caplog.text


def test_equal_questions_at_once_are_one_request(tmp_path: Path, server: FakeServer) -> None:
    sweep = Sweep.load(write(tmp_path, server), tmp_path / "s")
    sweep.run()
    row = next(row for row in sweep.board().rows if "hashing" in row.name)
    question = sweep.prepared.questions[0].text
    with Pipeline.load(sweep.export(tmp_path / "b.bundle", row.key), memo=True) as pipeline:
        before, server.latency = server.stats.total, 0.05

        async def together() -> set[str]:
            return {reply.text for reply in await asyncio.gather(*(pipeline.aask(question) for _ in range(20)))}

        assert len(asyncio.run(together())) == 1 and server.stats.total == before + 1
