"""The factor model's posterior orders the board of a sweep that used it, alike on every reading."""

from pathlib import Path

import pytest

from ragscout.search.factor.claims import FitCheck
from ragscout.sweep import Sweep

ROOT = Path(__file__).parents[1]
TEXT = f"""sweep: ordered
eval_set: {ROOT}/eval_sets/handbook-en
pipeline:
  chunk: {{use: characters, size: [100, 200, 400], overlap: [0, 20%]}}
  retriever: bm25
  prompt: {{use: template, passages: [1, 3]}}
  generate: extractive
measure: {{answer: [token_f1]}}
goal: {{maximize: token_f1}}
search: {{use: factor}}
holdout: off
budget: {{answers: 200}}
"""


@pytest.mark.parametrize("passed", [True, False])
def test_only_a_model_that_passed_its_check_orders_the_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passed: bool
) -> None:
    monkeypatch.setattr(FitCheck, "passed", property(lambda self: passed))
    path = tmp_path / "s.yaml"
    path.write_text(TEXT, encoding="utf-8")
    board = Sweep.load(path, tmp_path / "store").run().board
    assert any(note.kind == "posterior" for note in board.notes) == passed
    leader = board.leader()
    assert leader is not None
    deep = [row for row in board.rows if row.has("leader") or row.versus_leader is not None]
    assert [row.adjusted for row in deep] == sorted((row.adjusted or 0.0 for row in deep), reverse=True)
    assert all(row.adjusted_sd is not None for row in board.rows if not row.failed)
    assert all((row.near is not None) == passed for row in deep)
    assert Sweep.load(path, tmp_path / "store").board().to_json() == board.to_json()
