"""Sweeps with ragas, weighted goals, the audit and slices: from the file to the command line."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragscout.model.errors import MissingExtraError, RagscoutError
from ragscout.model.outcome import Score
from ragscout.record.recorder import Snapshot
from ragscout.sweep import Sweep
from ragscout.testing.fake_server import FakeServer

ROOT = Path(__file__).parents[1]
TEXT = """
sweep: metrics
eval_set: {root}/eval_sets/{eval_set}
models:
  judge: {{provider: openai, base_url: "{url}", model: gpt-judge, price: {{input: 1, output: 2, per: 1M}}}}
pipeline:
  chunk: {{use: characters, size: [200, 400, 800], overlap: 0}}
  retriever: bm25
  prompt: {{use: template, passages: [1, 2]}}
  generate: extractive
measure: {{retrieval: [recall@3], answer: [{answer}]}}
goal: {goal}
search: grid
budget: {{usd: 5}}
network: offline
probe: off
"""
PLAIN = "token_f1, meteor, chrf, {use: judge, model: judge, criteria: [correctness]}"
RAGAS = "token_f1, {use: ragas, metric: [faithfulness, context_recall], model: judge}"


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as running:
        yield running


def write(folder: Path, server: FakeServer, answer: str, goal: str, eval_set: str = "handbook-en") -> Path:
    path = folder / "metrics.yaml"
    text = TEXT.format(root=ROOT, url=server.base_url, answer=answer, goal=goal, eval_set=eval_set)
    path.write_text(text, encoding="utf-8")
    return path


class Last:
    """A recorder that keeps the last snapshot."""

    snapshot: Snapshot

    def update(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot


def cli(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ragscout.cli.main", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)


def test_a_weighted_goal_the_audit_and_slices(tmp_path: Path, server: FakeServer) -> None:
    goal = "{maximize: {weighted: {token_f1: 3, judge.correctness: 1}}}"
    path = write(tmp_path, server, PLAIN, goal, "handbook-mixed")
    last, store = Last(), tmp_path / "store"
    result = Sweep.load(path, store).run(recorders=[last])
    board = result.board
    assert result.closed and board.goal.metric == "weighted" and board.figures[0] == "weighted"
    assert any(note.kind == "weighted_goal" and "0.75 × token_f1" in note.text("en") for note in board.notes)
    for row in last.snapshot.rows:
        for scores in row.scores.values():
            parts = [scores.get("token_f1"), scores.get("judge.correctness"), scores.get("weighted")]
            if all(isinstance(item, Score) for item in parts):
                one, two, both = (item.value for item in parts if isinstance(item, Score))
                assert both == pytest.approx(0.75 * one + 0.25 * two)
    assert last.snapshot.signatures["weighted"].startswith("weighted|0.75*token_f1")
    assert json.loads(last.snapshot.attachments["audit.json"])["goal"] == "weighted"
    assert last.snapshot.attachments["audit.md"].startswith(b"## ")

    found = cli("board", path, "--store", store, "--audit", "--json")
    assert found.returncode == 0, found.stderr
    audit = json.loads(found.stdout)
    assert audit["rows"] >= 4 and len(audit["disputed"]) == 10 and audit["agreement"] is not None
    pairs = {(item["first"], item["second"]) for item in audit["configurations"]}
    assert ("weighted", "meteor") in pairs or ("meteor", "weighted") in pairs
    shown = cli("board", path, "--store", store, "--audit", "--language", "ko")
    assert shown.returncode == 0 and "켄달 타우" in shown.stdout

    found = cli("board", path, "--store", store, "--by", "language", "--json")
    groups = json.loads(found.stdout)["groups"]
    assert sum(groups.values()) == board.questions and {"ko", "en"} <= set(groups)
    assert any(">" in group for group in groups), "the mixed set asks across languages"
    shown = cli("board", path, "--store", store, "--by", "language", "-o", tmp_path / "slices.md")
    assert shown.returncode == 0 and "★" in (tmp_path / "slices.md").read_text("utf-8")
    wrong = cli("board", path, "--store", store, "--by", "langauge")
    assert wrong.returncode == 2 and "language" in wrong.stderr and "Traceback" not in wrong.stderr
    assert "weighted:" in Sweep.load(path, store).export_config()


@pytest.mark.skipif(importlib.util.find_spec("ragas") is None, reason="needs the extra ragas")
def test_ragas_in_a_sweep(tmp_path: Path, server: FakeServer) -> None:
    path = write(tmp_path, server, RAGAS, "ragas.faithfulness")
    last = Last()
    result = Sweep.load(path, tmp_path / "store").run(recorders=[last])
    assert result.closed and not result.open
    assert set(result.board.figures) >= {"ragas.faithfulness", "ragas.context_recall"}
    assert result.calls.get("judge", 0) > 0 and server.stats.total == server.stats.distinct
    values = [
        scores["ragas.faithfulness"].value
        for row in last.snapshot.rows
        for scores in row.scores.values()
        if isinstance(scores.get("ragas.faithfulness"), Score)
    ]
    assert len(values) > 50 and all(0 <= value <= 1 for value in values)
    sent = server.stats.total
    again = Sweep.load(path, tmp_path / "store").run()
    assert server.stats.total == sent and again.board.to_json() == result.board.to_json()


def test_without_the_extra_nothing_is_spent(
    tmp_path: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, server, RAGAS, "token_f1")
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "ragas" else real(name, *more))
    with pytest.raises(MissingExtraError, match=r"pip install 'ragscout\[ragas\]'"):
        Sweep.load(path, tmp_path / "store").run()
    assert server.stats.total == 0


def test_a_goal_that_cannot_see_korean_is_refused(tmp_path: Path, server: FakeServer) -> None:
    path = write(tmp_path, server, "rouge2, token_f1", "rouge2", "handbook-ko")
    with pytest.raises(RagscoutError, match=r"goal: rouge2 cannot be the goal.*Korean self-test"):
        Sweep.load(path, tmp_path / "store").check()
    path = write(tmp_path, server, "rouge2, token_f1", "rouge2", "handbook-en")
    assert Sweep.load(path, tmp_path / "store").prepared.goal.metric == "rouge2"
