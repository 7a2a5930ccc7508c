"""Two sweeps side by side."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from ragscout.cli.main import main
from ragscout.model.errors import SpecError
from ragscout.report.compare import SweepSide, compare
from ragscout.report.compare_text import comparison_lines
from ragscout.sweep import Sweep

ROOT = Path(__file__).parents[2]


def side(path: Path, store: Path) -> SweepSide:
    sweep = Sweep.load(path, store)
    return SweepSide(sweep.prepared, sweep.view.snapshot())


@pytest.fixture(scope="module")
def changed(english: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same sweep on the set with one document and one question less, and a corrected reference."""
    folder = tmp_path_factory.mktemp("changed")
    shutil.copytree(ROOT / "eval_sets" / "handbook-en", folder / "handbook-en")
    document = next((folder / "handbook-en" / "documents").glob("*security*"))
    document.write_text(document.read_text(encoding="utf-8") + "\n\nA new paragraph.\n", encoding="utf-8")
    table = next((folder / "handbook-en").glob("questions.jsonl"))
    lines = table.read_text(encoding="utf-8").splitlines()
    first = json.loads(lines[0])
    lines[0] = json.dumps({**first, "references": ["A corrected reference."]})
    table.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    text = english.read_text(encoding="utf-8").replace(f"{ROOT}/eval_sets/handbook-en", str(folder / "handbook-en"))
    path = folder / "after.yaml"
    path.write_text(text.replace("sweep: handbook-en", "sweep: after").replace("[200, 400]", "[200, 600]"), "utf-8")
    Sweep.load(path, english.parent / "store").run()
    return path


def test_what_changed_and_what_it_did(english: Path, changed: Path) -> None:
    store = english.parent / "store"
    found = compare(side(english, store), side(changed, store))
    assert (found.common, found.only_before, found.only_after) == (19, 1, 0)
    whats = {change.what for change in found.changes}
    assert {"documents", "questions", "space"} <= whats
    (document,) = [change for change in found.changes if change.what == "documents"]
    assert "security" in document.name and document.before != document.after
    (gold,) = [change for change in found.changes if change.what == "references"]
    assert gold.after.startswith("A corrected reference.") and gold.before and gold.before != gold.after
    goal = side(english, store).board.goal
    assert any("평가 세트: handbook-en@1" in line for line in comparison_lines(found, goal, "ko"))
    roles = {pair.role for pair in found.pairs}
    assert {"recommended", "reference", "same knobs"} <= roles
    for pair in found.pairs:
        assert pair.difference is not None and pair.difference.n <= found.common
        assert pair.mean_after is not None and pair.mean_before is not None
        assert pair.difference.difference == pytest.approx(pair.mean_after - pair.mean_before, abs=1e-8)


def test_a_sweep_against_itself(english: Path) -> None:
    store = english.parent / "store"
    found = compare(side(english, store), side(english, store))
    assert found.changes == () and found.only_after == 0 and found.same == found.common == 20
    assert all(pair.difference is not None and pair.difference.difference == 0 for pair in found.pairs)
    for language in ("en", "ko"):
        assert comparison_lines(found, side(english, store).board.goal, language)  # type: ignore[arg-type]


def test_different_goals_are_refused(english: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.yaml"
    path.write_text(english.read_text("utf-8").replace("maximize: token_f1", "maximize: bleu"), "utf-8")
    with pytest.raises(SpecError, match="different goals"):
        compare(side(english, english.parent / "store"), side(path, english.parent / "store"))


def test_command_line(
    english: Path, changed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["ragscout", "compare", str(english), str(changed), "--store", str(english.parent / "store")]
    for extra in ([], ["--json"]):
        monkeypatch.setattr(sys, "argv", [*words, *extra])
        with pytest.raises(SystemExit) as stop:
            main()
        assert not stop.value.code
        shown = capsys.readouterr().out
        assert "19" in shown
    assert json.loads(shown)["common"] == 19
