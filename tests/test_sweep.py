"""Sweeps end to end: real steps on the handbook, a fake endpoint on loopback, and what must survive interruption."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragscout.engine.ledger_admission import FULL
from ragscout.model.errors import SpecError, StoreError
from ragscout.model.results.board import Board
from ragscout.providers.assets import Resolver
from ragscout.serve import Pipeline
from ragscout.store.owners import Process
from ragscout.sweep import Result, Sweep
from ragscout.testing.fake_server import FakeServer, Faults

ROOT = Path(__file__).parents[1]
TEXT = """
sweep: {name}
eval_set: {root}/eval_sets/handbook-en
models:
  writer: {{provider: openai, base_url: "{url}", model: gpt-writer, price: {{input: 1, output: 2, per: 1M}}}}
  judge: {{provider: openai, base_url: "{url}", model: gpt-judge, price: {{input: 1, output: 2, per: 1M}}}}
pipeline:
  chunk: {{use: characters, size: [200, 400], overlap: [0, 15%]}}
  embed: hashing
  retriever: [bm25, dense]
  prompt: {{use: template, passages: 2}}
  generate: [extractive, {{use: chat, model: writer, max_tokens: 32}}]
measure: {{retrieval: [recall@3], answer: [bleu, token_f1, {{use: judge, model: judge, criteria: [correctness]}}]}}
goal: {{maximize: judge.correctness}}
search: {search}
budget: {{usd: 5, {budget}}}
network: offline
{more}
"""


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


def write(
    folder: Path,
    server: FakeServer,
    *,
    search: str = "grid",
    budget: str = "calls: 5000",
    name: str = "t",
    more: str = "probe: off",
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    text = TEXT.format(root=ROOT, url=server.base_url, search=search, budget=budget, name=name, more=more)
    path.write_text(text, encoding="utf-8")
    return path


def run(path: Path, store: Path, executor: str = "in-process") -> Result:
    return Sweep.load(path, store).run(executor=executor)


def test_grid_measures_everything_and_asks_nothing_twice(tmp_path: Path, server: FakeServer) -> None:
    path = write(tmp_path, server)
    result = run(path, tmp_path / "s")
    assert result.closed and not result.open
    rows = result.board.rows
    assert len(rows) == 17, "2 sizes x 2 overlaps x 2 retrievers x 2 generators, and the baseline without retrieval"
    assert all(row.answered == 20 for row in rows)
    for row in rows:
        assert row.figures["judge.correctness"].asked == 20
        assert row.figures["bleu"].asked == 17, "the three unanswerable questions have no reference to overlap with"
    assert server.stats.total == server.stats.distinct
    sent = server.stats.total
    again = run(path, tmp_path / "s")
    assert server.stats.total == sent, "the second run makes no call"
    assert again.calls == {}
    assert again.board.to_json() == result.board.to_json()


def test_plan_counts_sharing_and_sends_nothing(tmp_path: Path, server: FakeServer) -> None:
    plan = Sweep.load(write(tmp_path, server), tmp_path / "s").plan()
    assert server.stats.total == 0
    assert plan.one_by_one["corpus"] == 16 and plan.shared["corpus"] == 1
    assert plan.one_by_one["chunk"] == 16 and plan.shared["chunk"] == 4
    assert plan.shared["generate"] == plan.one_by_one["generate"] == 17 * 20
    assert plan.cached == dict.fromkeys(plan.cached, 0)


@pytest.mark.slow  # a process for each of a hundred tasks
def test_executors_give_the_same_leaderboard(tmp_path: Path, server: FakeServer) -> None:
    """A small space: every task of the second run is a process of its own."""
    path = write(tmp_path, server, search="{use: random, minimum: 10}", budget="answers: 40")
    text = path.read_text(encoding="utf-8").replace("[200, 400], overlap: [0, 15%]", "200, overlap: 0")
    path.write_text(text.replace("[bm25, dense]", "bm25").replace("bleu, ", ""), encoding="utf-8")
    boards = [run(path, tmp_path / name, name).board.to_json() for name in ("in-process", "subprocess")]
    assert timeless(boards[0]) == timeless(boards[1])


def timeless(board: bytes) -> object:
    """A board without the figures that are measured by a clock: stores that measured apart measured other seconds."""
    data = json.loads(board)
    for row in [*data["rows"], *data["retrieval"]]:
        row["cost"]["seconds"] = 0
        row["latency"] = None
    return data


@pytest.mark.parametrize("search", ["{use: gp, minimum: 10}", "{use: tpe, minimum: 10}"])
def test_limited_searches_keep_their_limit_and_resume(tmp_path: Path, server: FakeServer, search: str) -> None:
    path = write(tmp_path, server, search=search, budget="answers: 100")
    result = run(path, tmp_path / "s")
    asked = sum(row.answered for row in result.board.rows)
    assert 60 <= asked <= 100
    assert any("baseline" in row.roles for row in result.board.rows)
    studies = tmp_path / "s" / "studies"
    assert list(studies.iterdir()), "Optuna keeps a study"
    shutil.rmtree(studies)
    again = run(path, tmp_path / "s")
    assert again.board.to_json() == result.board.to_json()


SCRIPT = """
import sys
from ragscout.sweep import Sweep
Sweep.load(sys.argv[1], sys.argv[2]).run()
"""


@pytest.mark.parametrize(
    "after", [pytest.param(3, marks=pytest.mark.slow), 25, pytest.param(60, marks=pytest.mark.slow)]
)
def test_killed_and_resumed_is_uninterrupted(tmp_path: Path, server: FakeServer, after: int) -> None:
    path = write(tmp_path, server, search="{use: random, minimum: 10}", budget="answers: 80")
    child = subprocess.Popen([sys.executable, "-c", SCRIPT, str(path), str(tmp_path / "killed")])
    deadline = time.monotonic() + 120
    while server.stats.total < after and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert child.poll() is None, "the sweep ended before it could be killed"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    in_flight = server.stats.total - len(server.stats.answered)
    sweep = Sweep.load(path, tmp_path / "killed")
    resumed = sweep.run()
    repeated = server.stats.total - server.stats.distinct
    assert repeated <= FULL + in_flight, "only what was in flight or in the last window is sent again"
    whole = run(path, tmp_path / "whole")
    assert timeless(resumed.board.to_json()) == timeless(whole.board.to_json())


def test_a_second_process_is_told_who_holds_the_sweep(tmp_path: Path, server: FakeServer) -> None:
    sweep = Sweep.load(write(tmp_path, server), tmp_path / "s")
    holder = Process("elsewhere", "", 4711, "").prefix + "sweep"
    assert sweep.store.ledger.claim_sweep(sweep.id, holder, 60) == 1
    with pytest.raises(StoreError, match=r"already running in process 4711 on elsewhere"):
        sweep.run()


def test_faults_change_nothing_once_retries_succeed(tmp_path: Path, server: FakeServer) -> None:
    path = write(tmp_path, server, search="{use: random, minimum: 10}", budget="answers: 60")
    calm = run(path, tmp_path / "calm")
    faults = Faults(error_500=0.1, limit_429=0.1, retry_after=0.01, malformed=0.1, truncated=0.1, first_n=2)
    with FakeServer(faults=faults) as troubled:
        stormy = run(
            write(tmp_path / "b", troubled, search="{use: random, minimum: 10}", budget="answers: 60"), tmp_path / "s"
        )
    assert troubled.stats.faults.total() > 5
    assert without_endpoint(stormy.board) == without_endpoint(calm.board)


def without_endpoint(board: Board) -> object:
    return timeless(board.to_json())


def test_an_endpoint_that_is_down_is_one_clear_reason(tmp_path: Path, server: FakeServer) -> None:
    path = write(tmp_path, server)
    text = path.read_text(encoding="utf-8").replace(server.base_url, "http://127.0.0.1:9/v1")
    path.write_text(text, encoding="utf-8")
    result = run(path, tmp_path / "s")
    assert not result.closed
    assert result.open and all(reason.startswith("endpoint") for reason in result.open)
    path.write_text(text.replace("http://127.0.0.1:9/v1", server.base_url), encoding="utf-8")
    assert run(path, tmp_path / "s").closed


def test_export_ask_and_verify(tmp_path: Path, server: FakeServer) -> None:
    path = write(tmp_path, server, search="{use: random, minimum: 10}", budget="answers: 40")
    text = path.read_text(encoding="utf-8").replace("maximize: judge.correctness", "maximize: token_f1")
    path.write_text(text, encoding="utf-8")
    sweep = Sweep.load(path, tmp_path / "s")
    sweep.run()
    bundle = sweep.export(tmp_path / "b.bundle")
    assert Pipeline.load(bundle).ask("How many days of leave do I have?").text
    config = tmp_path / "one.yaml"
    config.write_text(sweep.export_config(), encoding="utf-8")
    recommended = sweep.board().recommended()
    assert recommended is not None
    keys = [item.key for item in Sweep.load(config, tmp_path / "s").prepared.space.configurations]
    assert recommended.key in keys


def test_a_goal_that_nothing_measures_is_refused(tmp_path: Path, server: FakeServer) -> None:
    path = write(tmp_path, server)
    text = path.read_text(encoding="utf-8").replace("maximize: judge.correctness", "maximize: judge.tone")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=r"\.yaml:\d+:\d+: goal\.maximize: unknown .*judge\.tone"):
        Sweep.load(path, tmp_path / "s")


@pytest.mark.models
def test_a_metric_without_its_model_is_a_failure_column_that_heals(
    tmp_path: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without WordNet's file the column says what to do; once it is there, the finished sweep fills the column."""
    path = write(tmp_path, server, search="{use: random, minimum: 10}", budget="answers: 40")
    text = path.read_text(encoding="utf-8").replace("token_f1,", "token_f1, {use: meteor, synonyms: wordnet},")
    path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("RAGSCOUT_MODELS", str(tmp_path / "nothing"))
    first = run(path, tmp_path / "s").board
    broken = [row for row in first.rows if "metric_failed" in row.figures["meteor"].failures]
    assert broken and all(row.figures["meteor"].mean is None for row in broken)
    mended = tmp_path / "models"
    monkeypatch.setenv("RAGSCOUT_MODELS", str(mended))
    Resolver().pull("wordnet")
    sent = server.stats.total
    second = run(path, tmp_path / "s").board
    assert server.stats.total == sent
    keys = {row.key for row in broken}
    assert all(row.figures["meteor"].mean is not None for row in second.rows if row.key in keys)
