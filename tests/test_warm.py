"""A later sweep starts from what is known, on the same and on a grown evaluation set, and says what it reused."""

import json
import shutil
from pathlib import Path

import pytest

from ragscout.model.errors import ParameterError, UnknownNameError
from ragscout.sweep import Result, Sweep

ROOT = Path(__file__).parents[1]
TEXT = """
sweep: {name}
eval_set: {eval_set}
pipeline:
  chunk: {{use: characters, size: [200, 400], overlap: [0, 15%]}}
  embed: hashing
  retriever: [bm25, dense]
  prompt: {{use: template, passages: 2}}
  generate: extractive
measure: {{retrieval: [recall@3], answer: [token_f1]}}
goal: {{maximize: token_f1}}
search: {search}
probe: off
{more}
"""


def load(tmp_path: Path, name: str, search: str, eval_set: Path, more: str = "") -> Sweep:
    path = tmp_path / f"{name}.yaml"
    path.write_text(TEXT.format(name=name, eval_set=eval_set, search=search, more=more), encoding="utf-8")
    return Sweep.load(path, tmp_path / "store")


def sweep(tmp_path: Path, name: str, search: str, eval_set: Path, more: str = "") -> Result:
    return load(tmp_path, name, search, eval_set, more).run()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Twelve questions of the English handbook."""
    folder = tmp_path / "small"
    shutil.copytree(ROOT / "eval_sets" / "handbook-en" / "documents", folder / "documents")
    lines = (ROOT / "eval_sets" / "handbook-en" / "questions.jsonl").read_text("utf-8").splitlines()
    (folder / "questions.jsonl").write_text("\n".join(lines[:12]) + "\n", encoding="utf-8")
    return folder


def note(result: Result, kind: str) -> str:
    return next((item.text("en") for item in result.board.notes if item.kind == kind), "")


def test_a_second_sweep_starts_from_the_first(tmp_path: Path, small: Path) -> None:
    first = sweep(tmp_path, "first", "grid", small)
    assert not note(first, "reused")
    rows = [row for row in first.board.rows if row.answered]
    total = sum(row.answered for row in rows)
    second = sweep(tmp_path, "second", "{use: random, minimum: 10}", small, "budget: {calls: 60}")
    assert note(second, "reused").startswith(f"{total} answers of {len(rows)} configurations")
    assert "0 were asked anew" in note(second, "reused")
    assert not second.computed.get("generate")
    assert {row.key for row in second.board.rows} == {row.key for row in first.board.rows}
    cold = load(tmp_path, "cold", "{use: random, minimum: 10, warm: false}", small, "budget: {answers: 60}")
    assert not note(cold.run(), "reused")
    reasons = {request.reason for requests in cold.view.rounds() for request in requests}
    assert "known" not in reasons


def test_a_grown_set_asks_only_what_is_new(tmp_path: Path, small: Path) -> None:
    first = sweep(tmp_path, "first", "grid", small)
    total = sum(row.answered for row in first.board.rows)
    lines = (ROOT / "eval_sets" / "handbook-en" / "questions.jsonl").read_text("utf-8").splitlines()
    grown = tmp_path / "grown"
    shutil.copytree(small / "documents", grown / "documents")
    (grown / "questions.jsonl").write_text("\n".join(lines[:15]) + "\n", encoding="utf-8")
    grid = load(tmp_path, "later", "grid", grown)
    second = grid.run()
    assert note(second, "reused").startswith(f"{total} answers of")
    new = len(first.board.rows) * 3
    assert f"{new} were asked anew" in note(second, "reused")
    assert all(row.answered == 15 for row in second.board.rows)
    known = [r for requests in grid.view.rounds() for r in requests if r.reason == "known"]
    assert sum(len(request.questions) for request in known) == total


def test_what_was_known_is_journalled_and_the_board_comes_back(tmp_path: Path, small: Path) -> None:
    sweep(tmp_path, "first", "{use: random, minimum: 5}", small, "budget: {answers: 40}")
    second = load(tmp_path, "second", "{use: factor}", small, "budget: {calls: 70}")
    board = second.run().board
    again = load(tmp_path, "second", "{use: factor}", small, "budget: {calls: 70}")
    assert again.run().board.to_json() == board.to_json()
    reasons = [requests[0].reason for requests in again.view.rounds()]
    assert reasons.count("known") == 1
    assert json.loads(board.to_json())


def test_a_wrong_search_is_said_before_anything_runs(tmp_path: Path, small: Path) -> None:
    for search, error in (
        ("{use: greedyy}", UnknownNameError),
        ("{use: optuna, sampler: os.system}", ParameterError),
        ("{use: gp, stop: wilcoxn}", UnknownNameError),
        ("{use: factor, screen: {keep: 7}}", ParameterError),
    ):
        with pytest.raises(error):
            load(tmp_path, "wrong", search, small)


@pytest.mark.parametrize("search", ["greedy", "gam", "halving", "nsga2", "motpe", "{use: factor, screen: {keep: 0.5}}"])
def test_searches_by_name_run_end_to_end(tmp_path: Path, small: Path, search: str) -> None:
    result = sweep(tmp_path, "named", search, small, "budget: {answers: 60}")
    assert result.closed
    assert result.board.leader() is not None
    assert sum(row.answered for row in result.board.rows) <= 60
