from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from ragscout.testing.bless import code, complaints, current, main, refusals, uses

GOLDEN = Path(__file__).parents[1] / "golden" / "steps.json"


@pytest.fixture(scope="module")
def now() -> dict[str, Any]:
    return current()


def test_no_step_changed_without_a_new_version(now: dict[str, Any]) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert complaints(golden, now) == []


def test_changed_code_is_named(now: dict[str, Any]) -> None:
    golden = copy.deepcopy(now)
    golden["steps"]["chunk.characters"]["source"] = "0"
    golden["modules"]["ragscout.steps.chunk.cut"] = "0"
    (said,) = complaints(golden, now)
    assert said.startswith("chunk.characters: its code changed (ragscout.steps.chunk.cut)")
    assert refusals(golden, now) == []


def test_changed_defaults_need_a_new_version(now: dict[str, Any]) -> None:
    golden = copy.deepcopy(now)
    golden["steps"]["chunk.characters"]["defaults"]["size"] = 7
    assert "Raise its version above 1" in refusals(golden, now)[0]
    assert "defaults changed" in complaints(golden, now)[0]
    golden["steps"]["chunk.characters"]["version"] = 0
    assert refusals(golden, now) == []
    golden["steps"]["chunk.characters"]["version"] = 9
    assert "went back" in refusals(golden, now)[0]


def test_new_and_gone_steps(now: dict[str, Any]) -> None:
    golden = copy.deepcopy(now)
    golden["steps"]["chunk.other"] = golden["steps"].pop("chunk.characters")
    assert [said.split(".")[1] for said in complaints(golden, now)] == ["characters: it is new", "other: it is gone"]


def test_the_file_is_written_and_refused(
    now: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "golden" / "steps.json"
    assert main([str(file)]) == 0 and json.loads(file.read_text(encoding="utf-8")) == now
    golden = copy.deepcopy(now)
    golden["steps"]["fuse.rrf"]["defaults"]["k"] = 1
    file.write_text(json.dumps(golden), encoding="utf-8")
    assert main([str(file)]) == 1
    assert "fuse.rrf: its defaults changed" in capsys.readouterr().err
    assert json.loads(file.read_text(encoding="utf-8")) == golden


def test_comments_and_docstrings_do_not_count() -> None:
    plain = 'def f(x):\n    """Says."""\n    return "#" + x  # why\n'
    other = 'def f(x):\n    """Says more.\n\n    And more."""\n\n    # because\n    return "#" + x\n'
    assert code(plain) == code(other) == 'def f(x):\n    return "#" + x'
    assert code(plain.replace('"#"', '"%"')) != code(plain)


def test_a_step_depends_on_the_helpers_it_imports_and_not_on_its_neighbours() -> None:
    used = uses("ragscout.steps.chunk.sentences")
    assert {"ragscout.steps.chunk.cut", "ragscout.providers.tokenize"} <= used
    assert "ragscout.steps.chunk.tokens" not in used


def test_prompts_and_the_model_are_watched() -> None:
    used = uses("ragscout.steps.prompt.template")
    assert {"ragscout.prompts.files", "ragscout.model.step", "ragscout.model.key", "ragscout.model.text"} <= used


def test_edited_wording_is_named_and_accepted(now: dict[str, Any]) -> None:
    golden = copy.deepcopy(now)
    golden["steps"]["prompt.template"]["packaged"]["answer/en.md"] = "0"
    assert refusals(golden, now) == []
    (said,) = complaints(golden, now)
    assert said.startswith("prompt.template: packaged wording changed (answer/en.md), and its keys with it.")


def test_an_edited_file_is_seen_by_a_process_that_has_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = current()
    monkeypatch.setattr("ragscout.prompts.files.resources.files", lambda package: tmp_path / package)
    for step in before["steps"].values():
        for name in step["packaged"]:
            for package in ("ragscout.prompts", "ragscout.steps.measure"):
                (tmp_path / package / name).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / package / name).write_text("another text", encoding="utf-8")
    after = current()
    monkeypatch.undo()
    changed = [
        name for name in before["steps"] if before["steps"][name]["packaged"] != after["steps"][name]["packaged"]
    ]
    assert {"prompt.template", "measure.judge", "measure.rouge1"} <= set(changed)
    assert "measure.bleu" not in changed, "it reads tables alone"
    assert current() == before
