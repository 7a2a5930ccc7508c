"""Runs that end as partial: what they say, what they leave alone, and that the next run ends the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from faults import DOWN, FaultyStore, Servers, write_settings, write_sweep

from ragscout.engine import executors
from ragscout.engine.ledger_admission import LedgerAdmission
from ragscout.model.errors import AbsentError, StoreError, UnknownNameError
from ragscout.model.evalset import Question
from ragscout.model.metric import Figure, MeasureStep
from ragscout.model.outcome import Ranking, Score
from ragscout.model.results.journal import RoundMeasured
from ragscout.model.runtime import Runtime
from ragscout.model.step import Step, step
from ragscout.model.values import Chunks
from ragscout.store.rows import ShardRows
from ragscout.store.store import Store
from ragscout.sweep import Result, Sweep
from ragscout.testing.fake_server import Faults

Call = Callable[..., tuple[int, str, str]]
PLACE: list[Path] = []
"""Where the model of the toy metric lies."""


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    found = Servers()
    with found.embed, found.generate, found.measure:
        yield found


@pytest.fixture
def sweep_file(tmp_path: Path, servers: Servers) -> Path:
    return write_sweep(tmp_path / "sweep", servers.urls())


@step("rerank", "acme.overlap", version=1)
class _Overlap(Step):
    """A cross-encoder as a third party would write it: no field tells that ``weights`` names a model."""

    weights: str

    async def run(
        self, runtime: Runtime, questions: Sequence[Question], chunk: Chunks, fuse: Sequence[Ranking]
    ) -> list[Ranking]:
        runtime.models.folder(self.weights)
        return list(fuse)


@step("measure", "acme.needy", version=1)
class _Needy(MeasureStep):
    """A metric whose model may be absent, which it says by an error."""

    uses = ("generate",)

    def figures(self) -> tuple[Figure, ...]:
        return (Figure("acme.needy"),)

    def signature(self) -> str:
        return "needy|v1"

    async def run(self, runtime: Any, questions: Sequence[Question], **given: Any) -> Any:
        if PLACE and not PLACE[0].exists():
            raise AbsentError("acme.needy: its model is not on this machine. Pull it.")
        return [{"acme.needy": Score(1.0)} for _ in questions]


def failed(sweep: Sweep) -> list[object]:
    """What the journal booked on candidates."""
    return [dict(entry.failed) for entry in sweep.journal.of(RoundMeasured)]


def assert_nothing_booked(sweep: Sweep, result: Result) -> None:
    assert not result.closed and not any(row.failed for row in result.board.rows)
    assert not any(failed(sweep))


def test_an_embedding_endpoint_that_is_down_once(
    sweep_file: Path, servers: Servers, tmp_path: Path, call: Call
) -> None:
    """By command line: status 3 with the cause and what to do, then the same command ends the work."""
    command = ("sweep", str(sweep_file), "--store", str(tmp_path / "s"), "--no-mlflow")
    servers.embed.faults = DOWN
    try:
        status, _, said = call(*command)
    finally:
        servers.embed.faults = Faults()
    assert status == 3 and "Traceback" not in said
    assert "not everything could be measured: endpoint: vectors: " in said and "models.vectors: status 429" in said
    assert "Run the same command again to go on." in said
    status, _, said = call(*command)
    assert status == 1, said
    ended = Sweep.load(sweep_file, tmp_path / "s")
    assert ended.view.closed and any(item.kind == "floor_low" for item in ended.board().notes)


def test_a_misspelt_executor_is_refused_before_anything_runs(sweep_file: Path, tmp_path: Path, call: Call) -> None:
    sweep = Sweep.load(sweep_file, tmp_path / "s")
    with pytest.raises(UnknownNameError, match="Did you mean 'in-process'"):
        sweep.run(executor="in_proces")
    assert not sweep.journal.entries()
    status, _, said = call("sweep", str(sweep_file), "--store", str(tmp_path / "s"), "--executor", "sub-process")
    assert status == 2 and "Did you mean 'subprocess'? Allowed: in-process, subprocess." in said


def test_workers_that_all_die(sweep_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = Sweep.load(sweep_file, tmp_path / "s")
    with monkeypatch.context() as patch:
        patch.setattr(executors, "sys", type("Sys", (), {"executable": "/bin/false"}))
        partial = sweep.run(executor="subprocess")
    assert partial.open == ["worker: a worker process ended with status 1 without a word. Run again."]
    assert_nothing_booked(sweep, partial)
    assert Sweep.load(sweep_file, tmp_path / "s").run().closed


def test_a_write_that_fails_once(sweep_file: Path, tmp_path: Path) -> None:
    store = FaultyStore.open(tmp_path / "s")
    assert isinstance(store, FaultyStore)
    store.stage, store.disk_full = "generate", True
    sweep = Sweep.load(sweep_file, store)
    partial = sweep.run()
    assert len(partial.open) == 1 and "Free space there and run again" in partial.open[0]
    assert_nothing_booked(sweep, partial)
    whole = Sweep.load(sweep_file, store).run()
    assert whole.closed and all(row.answered == 3 for row in whole.board.rows)


def test_a_step_whose_model_is_absent_is_asked_again(servers: Servers, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    path = write_sweep(
        tmp_path / "sweep",
        servers.urls(),
        retriever=f"dense\n  rerank: [none, {{use: acme.overlap, weights: {weights}}}]",
    )
    sweep = Sweep.load(path, tmp_path / "s")
    partial = sweep.run()
    assert partial.open == [
        f"missing: models: the model is not on this machine; there is no {weights}. Put it there, or give another path."
    ]
    assert_nothing_booked(sweep, partial)
    weights.mkdir()
    whole = Sweep.load(path, tmp_path / "s").run()
    assert whole.closed and len(whole.board.rows) == 4
    assert all(row.answered == 3 and not row.failed for row in whole.board.rows)


def test_a_row_that_the_budget_does_not_allow_is_set_aside(servers: Servers, tmp_path: Path) -> None:
    """Its vectors alone would cost more than there is; the other rows are measured, and nothing is held against it."""
    dear = f'{{provider: openai, base_url: "{servers.embed.base_url}", model: e, kind: embed, '
    dear += "price: {input: 1000, output: 0, per: 1M}}"
    path = write_sweep(tmp_path / "sweep", servers.urls(), vectors=dear, budget="{usd: 0.05}")
    sweep = Sweep.load(path, tmp_path / "s")
    partial = sweep.run()
    assert len(partial.open) == 1 and partial.open[0].startswith("budget: ")
    assert "could exceed the budget" in partial.open[0] and "Raise budget:" in partial.open[0]
    assert_nothing_booked(sweep, partial)
    assert sorted(row.answered for row in partial.board.rows if row.estimate is not None) == [3, 3]
    assert sweep.journal.last("search_over") is None
    richer = write_settings(path.parent, servers.urls(), vectors=dear, budget="{usd: 5}")
    whole = Sweep.load(richer, tmp_path / "s").run()
    assert whole.closed and [row.answered for row in whole.board.rows] == [3, 3, 3]


def test_a_metric_s_absent_model_is_a_column_that_heals_and_no_partial_run(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    PLACE[:] = [tmp_path / "model"]
    path = write_sweep(
        tmp_path / "sweep",
        servers.urls(),
        measure="{answer: [token_f1, acme.needy]}",
        goal="{maximize: token_f1}",
    )
    first = Sweep.load(path, tmp_path / "s").run()
    assert first.closed and not first.open
    assert all(row.figures["acme.needy"].mean is None for row in first.board.rows)
    PLACE[0].mkdir()
    real = Store.write_shard

    def full(self: Store, node: str, cells: Any) -> ShardRows:
        raise StoreError("/data: disk full.")

    monkeypatch.setattr(Store, "write_shard", full)
    troubled = Sweep.load(path, tmp_path / "s").run()
    assert troubled.closed and troubled.open == ["store: /data: disk full."]
    monkeypatch.setattr(Store, "write_shard", real)
    healed = Sweep.load(path, tmp_path / "s").run()
    assert not healed.open and all(row.figures["acme.needy"].mean == 1.0 for row in healed.board.rows)


def test_a_pilot_says_what_stayed_open(sweep_file: Path, servers: Servers, tmp_path: Path) -> None:
    sweep = Sweep.load(sweep_file, tmp_path / "s")
    servers.embed.faults = DOWN
    try:
        found = sweep.pilot(2)
    finally:
        servers.embed.faults = Faults()
    assert len(found.open) == 1 and found.open[0].startswith("endpoint: vectors: the embedding endpoint")
    assert sweep.pilot(2).open == ()


def test_a_ledger_that_does_not_take_the_last_replies(
    sweep_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was measured is shown, and the run says that it is partial."""
    sweep = Sweep.load(sweep_file, tmp_path / "s")
    real = LedgerAdmission.close

    async def refused(self: LedgerAdmission) -> None:
        await real(self)
        raise StoreError("ledger: it stayed locked.")

    with monkeypatch.context() as patch:
        patch.setattr(LedgerAdmission, "close", refused)
        partial = sweep.run()
    assert partial.open == ["store: ledger: it stayed locked."] and len(partial.board.rows) == 3
    assert not Sweep.load(sweep_file, tmp_path / "s").run().open
