"""A sweep that ends at any entry of its journal goes on with the same rounds and comes to the same board."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from small_sweeps import Write, timeless

from ragscout.model.results.journal import RoundAsked
from ragscout.store.journal import History
from ragscout.sweep import Sweep


class Killed(Exception):
    """What stands for the end of the process."""


def run_until(monkeypatch: pytest.MonkeyPatch, path: Path, store: Path, entries: int) -> bool:
    """Run a sweep and end the process after so many entries of its journal; whether it came so far."""
    append, written = History.journal_append, 0

    def dying(self: History, sweep: str, kind: str, payload: Mapping[str, Any], *, fence: int | None = None) -> int:
        nonlocal written
        seq = append(self, sweep, kind, payload, fence=fence)
        written += 1
        if written == entries:
            raise Killed
        return seq

    with monkeypatch.context() as patched:
        patched.setattr(History, "journal_append", dying)
        try:
            Sweep.load(path, store).run()
        except Killed:
            return True
    return False


def rounds(sweep: Sweep) -> list[RoundAsked]:
    return list(sweep.journal.of(RoundAsked))


CASES = {
    "limits and hold-out": (
        "{use: random, minimum: 4, block: 4, round: 3}",
        "answers: 24",
        "probe: {questions: 1}\nholdout: 0.4",
    ),
    "known and a small budget": ("{use: random, minimum: 2, block: 3, round: 3}", "answers: 16", "probe: off"),
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("case", CASES)
def test_the_end_at_any_entry_changes_nothing(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    search, budget, more = CASES[case]
    before = tmp_path / "before"
    if case.startswith("known"):
        Sweep.load(write("first", search="{use: random, minimum: 2, block: 2}", budget="answers: 6"), before).run()
    else:
        before.mkdir()
    path = write("t", search=search, budget=budget, more=more)
    shutil.copytree(before, tmp_path / "whole")
    whole = Sweep.load(path, tmp_path / "whole")
    result = whole.run()
    assert result.closed
    entries = whole.journal.entries()
    reasons = [entry.requests[0].reason for entry in rounds(whole)]
    assert len(reasons) >= 3 and ("known" in reasons) == case.startswith("known")
    for number in range(1, len(entries) + 1):
        store = tmp_path / f"killed-{number}"
        shutil.copytree(before, store)
        assert run_until(monkeypatch, path, store, number)
        again = Sweep.load(path, store)
        resumed = again.run()
        assert resumed.closed
        assert rounds(again) == rounds(whole), f"killed after {entries[number - 1].kind}"
        assert timeless(resumed.board) == timeless(result.board), f"killed after {entries[number - 1].kind}"
        said = [line.kind for line in again.journal.entries()]
        assert said == [line.kind for line in entries], "no entry is written twice, and none is missing"
        shutil.rmtree(store)
