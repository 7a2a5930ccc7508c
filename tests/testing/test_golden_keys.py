"""Keys are golden: what is stored is found by them."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from ragscout.model import key
from ragscout.model.packaged import WordTable
from ragscout.steps.chunk.characters import Characters
from ragscout.steps.generate.extractive import Extractive
from ragscout.testing import bless, golden_keys
from ragscout.testing.golden_keys import KeyDifference, differences

FOLDER = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def now() -> dict[str, Any]:
    return golden_keys.current(FOLDER / "sweeps")


@pytest.fixture
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "keys.json").read_text(encoding="utf-8"))
    return found


def again() -> dict[str, Any]:
    return golden_keys.current(FOLDER / "sweeps")


def test_every_key_is_what_it_was(golden: dict[str, Any], now: dict[str, Any]) -> None:
    assert [str(item) for item in differences(golden, now)] == []


def test_the_file_holds_every_kind_of_step_that_a_sweep_may_name(golden: dict[str, Any]) -> None:
    from ragscout.model.step import registered_stages, steps_of

    held = [item["steps"] for sweep in golden["sweeps"].values() for item in sweep["keys"].values()]
    named = {(stage, text.split()[0]) for steps in held for stage, text in steps.items()}
    ours = {
        (stage, name)
        for stage in registered_stages()
        for name, cls in steps_of(stage).items()
        # other tests register steps of their own; steps that change nothing are in no key
        if cls.__module__.startswith("ragscout.steps") and not cls.identity
    }
    absent = ours - named
    assert absent == {("evidence", "place"), ("measure", "evaluate"), ("measure", "moverscore")}
    assert sum(len(steps) > 1 for steps in held) >= 30


def test_the_keys_depend_on_no_installed_version(now: dict[str, Any]) -> None:
    absent = patch("ragscout.providers.tokenize.kiwi_available", lambda: False)
    with absent, patch("importlib.metadata.version", lambda _: "0.0.0"):
        assert again() == now


def unexplained(found: list[KeyDifference]) -> list[KeyDifference]:
    return [item for item in found if not item.explained]


def test_another_canonical_form_is_refused_for_every_key(now: dict[str, Any]) -> None:
    real = key.canonical

    def other(value: object) -> Any:
        return ["i", hex(value)] if type(value) is int else real(value)

    with patch.object(key, "canonical", other):
        found = differences(now, again())
    assert found == unexplained(found)
    assert {"a value of every kind", "a plain request", "a request with everything"} <= {item.what for item in found}
    whole = {f"{sweep}: {name}" for sweep, held in now["sweeps"].items() for name in held["keys"]}
    assert whole <= {item.what for item in found}
    assert all("nothing that may change it did. Every store would compute it anew." in str(item) for item in found)


def test_a_changed_tag_is_named(now: dict[str, Any]) -> None:
    tags = {cls: "Msg" if tag == "Message" else tag for cls, tag in key.keyed_classes().items()}
    with patch.object(key, "_TAGS", tags):
        found = differences(now, again())
    said = {item.what for item in unexplained(found)}
    assert {"tag Message", "a plain request", "a request with everything"} == said
    assert {item.what for item in found} == {*said, "tag Msg"}


def test_a_new_version_explains_the_keys_behind_it(now: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Characters, "version", 99)
    found = differences(now, again())
    assert found and all(item.explained for item in found)
    assert all("its key changed from chunk on; chunk was characters 1 |" in item.why for item in found)
    assert any(item.what.startswith("retrievers: hybrid") for item in found)
    assert not any("markdown" in item.what for item in found)


def test_changed_wording_explains_a_key(now: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Extractive, "packaged", (WordTable("not found", {"en": "No."}), *Extractive.packaged[2:]))
    found = differences(now, again())
    assert found and all(item.explained and "from generate on; generate was extractive" in item.why for item in found)


def test_a_default_that_changed_without_a_version_is_refused(now: dict[str, Any]) -> None:
    real = Characters.parameters

    def with_overlap(step: Characters) -> dict[str, Any]:
        return {"overlap": step.overlap, **real(step)}

    label = patch.object(Characters, "label", lambda step: f"characters(size={step.size})")
    with label, patch.object(Characters, "parameters", with_overlap):
        found = differences(now, again())
    assert found and unexplained(found) == found
    assert all(item.why == "its key changed from chunk on" for item in found)
    held: dict[str, Any] = json.loads(json.dumps(now, sort_keys=True))  # a file knows no order of stages
    assert differences(held, now) == []
    with label, patch.object(Characters, "parameters", with_overlap):
        assert differences(held, again()) == found


def test_new_and_gone_configurations(now: dict[str, Any]) -> None:
    other = copy.deepcopy(now)
    held = other["sweeps"]["encoders"]["keys"]
    held["renamed"] = held.pop("minilm")
    assert differences(now, other) == [], "people may call it otherwise"
    held["other"] = {**held.pop("renamed"), "key": "0" * 64}
    assert {(item.what, item.why) for item in differences(now, other)} == {
        ("encoders: minilm", "it is gone"),
        ("encoders: other", "it is new"),
    }
    other["sweeps"]["encoders"]["file"] = "0" * 64
    del other["sweeps"]["prompts"]
    assert [str(item) for item in differences(now, other)] == [
        "encoders: the sweep file changed. Run python -m ragscout.testing.bless.",
        "prompts: the sweep file is gone. Run python -m ragscout.testing.bless.",
    ]


def test_bless_prints_what_it_accepts_and_refuses_what_nothing_explains(
    tmp_path: Path, now: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    steps, keys = tmp_path / "steps.json", tmp_path / "keys.json"
    shutil.copytree(FOLDER / "sweeps", tmp_path / "sweeps")
    assert bless.main([str(steps)]) == 0 and json.loads(keys.read_text(encoding="utf-8")) == now
    capsys.readouterr()

    broken = copy.deepcopy(now)
    broken["values"]["a plain request"] = "0" * 64
    keys.write_text(json.dumps(broken), encoding="utf-8")
    steps.unlink()
    assert bless.main([str(steps)]) == 1
    said = capsys.readouterr().err
    assert said.startswith("a plain request: its key changed, and nothing that may change it did.")
    assert "--new-keys" in said
    assert json.loads(keys.read_text(encoding="utf-8")) == broken and not steps.exists()

    assert bless.main(["--new-keys", str(steps)]) == 0
    assert "  a plain request: its key changed.\n" in capsys.readouterr().out
    assert json.loads(keys.read_text(encoding="utf-8")) == now and steps.exists()

    monkeypatch.setattr(Characters, "version", 99)
    assert bless.main([str(steps)]) == 0
    assert "chunkers: plain ·  · characters · 500 · 10%: its key changed from chunk on" in capsys.readouterr().out
