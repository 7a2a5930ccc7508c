"""Loading a sweep is cheap: nothing is tried out, nothing is looked up twice, nothing heavy is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from small_sweeps import Write, timeless

from ragscout.model.errors import SpecError
from ragscout.plan import setup
from ragscout.sweep import Sweep

HEAVY = ("torch", "mlflow", "optuna", "lancedb", "transformers", "sentence_transformers", "ragas", "datasets", "pandas")


class LookedUp(Exception):
    """Something was done that costs time."""


def never(*_: Any) -> Any:
    raise LookedUp


def test_a_board_of_a_finished_sweep_loads_nothing_heavy(tmp_path: Path, write: Write) -> None:
    path = write(search="{use: factor}", more="probe: off\nholdout: 0.4")
    Sweep.load(path, tmp_path / "s").run()
    script = (
        "import sys; from ragscout.sweep import Sweep; sweep = Sweep.load(*sys.argv[1:]); "
        f"print([name for name in (*{HEAVY!r}, 'scipy', 'numpy') if name in sys.modules]); "
        f"sweep.board(); print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    words = [sys.executable, "-c", script, str(path), str(tmp_path / "s")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "[]"], "at load, and after the board"


def test_self_tests_belong_to_check_and_run(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path, place = write(), tmp_path / "s"
    monkeypatch.setattr(setup, "refuse_blind_goal", never)
    sweep = Sweep.load(path, place)
    assert not sweep.board().rows
    for checked in (sweep.check, sweep.run, sweep.plan):
        with pytest.raises(LookedUp):
            checked()
    assert not sweep.journal.entries(), "what is refused is not begun"
    monkeypatch.undo()
    assert sweep.run().closed
    monkeypatch.setattr(setup, "refuse_blind_goal", never)
    Sweep.load(path, place).check()  # a sweep that was begun passed already


def test_the_sealed_questions_of_a_begun_sweep_are_those_of_its_opening_record(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, place = write(more="probe: off\nholdout: 0.4"), tmp_path / "s"
    first = Sweep.load(path, place)
    held = first.prepared.held
    assert held > 0
    board = first.run().board
    monkeypatch.setattr(setup, "sealed_set", never)
    again = Sweep.load(path, place)
    assert again.id == first.id and again.prepared.held == held
    assert again.prepared.questions == first.prepared.questions
    assert timeless(again.board()) == timeless(board)
    with pytest.raises(LookedUp):
        Sweep.load(write("other", more="probe: off\nholdout: 0.4"), place)


@pytest.mark.parametrize("filtered", ["no question", "every question"])
def test_the_id_is_the_same_before_and_after_the_beginning(
    tmp_path: Path, write: Write, small: Path, filtered: str
) -> None:
    """Also where a metric of leaks is added because questions filter documents."""
    if filtered == "every question":
        lines = (small / "questions.jsonl").read_text("utf-8").splitlines()
        more = [f'{line.rstrip()[:-1]}, "filter": {{"team": ["hr"]}}}}' for line in lines]
        (small / "questions.jsonl").write_text("\n".join(more) + "\n", encoding="utf-8")
    path, place = write(more="probe: off\nholdout: 0.4"), tmp_path / "s"
    before = Sweep.load(path, place)
    assert any("leak" in metric.name for metric in before.prepared.metrics) == (filtered == "every question")
    before.run()
    after = Sweep.load(path, place)
    assert (after.id, after.prepared.questions) == (before.id, before.prepared.questions)
    assert [metric.key({}) for metric in after.prepared.metrics] == [
        metric.key({}) for metric in before.prepared.metrics
    ]


def test_a_file_that_is_wrong_is_refused_at_load(tmp_path: Path, write: Write) -> None:
    path = write()
    path.write_text(path.read_text("utf-8").replace("maximize: token_f1", "maximize: nothing"), encoding="utf-8")
    with pytest.raises(SpecError, match="nothing"):
        Sweep.load(path, tmp_path / "s")
