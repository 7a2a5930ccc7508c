"""A model that does not answer stops no other row: what asks it waits, is named, and can be left out for good."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from faults import DOWN, Servers, write_sweep

from ragscout.model.errors import SpecError, UnknownNameError
from ragscout.model.results.journal import RoundMeasured
from ragscout.sweep import Sweep
from ragscout.testing.fake_server import FakeServer, Faults


@pytest.fixture
def servers() -> Iterator[Servers]:
    found = Servers()
    with found.embed, found.generate, found.measure:
        yield found


@pytest.fixture
def gone() -> Iterator[FakeServer]:
    with FakeServer(faults=DOWN) as server:
        yield server


def written(folder: Path, servers: Servers, gone: FakeServer, **changes: str) -> Path:
    """A sweep with two writers, one of which is gone."""
    writer = f'{{provider: openai, base_url: "{servers.generate.base_url}", model: gpt-writer, '
    writer += "price: {input: 1, output: 2, per: 1M}}\n  other: "
    writer += (
        f'{{provider: openai, base_url: "{gone.base_url}", model: gpt-other, price: {{input: 1, output: 2, per: 1M}}}}'
    )
    generate = "{use: chat, model: [writer, other], max_tokens: 16}"
    chunk = "{use: characters, size: [80, 120, 160], overlap: 0}"
    return write_sweep(
        folder, servers.urls(), writer=writer, generate=generate, chunk=chunk, retriever="[dense, bm25]", **changes
    )


SEARCHES = ("grid", "random", "tpe", "{use: tpe, round: 2}", "factor")


@pytest.mark.parametrize("search", SEARCHES)
def test_the_other_rows_go_on_and_the_next_run_asks_what_waited(
    search: str, servers: Servers, gone: FakeServer, tmp_path: Path
) -> None:
    path = written(tmp_path / "sweep", servers, gone, search=search)
    sweep = Sweep.load(path, tmp_path / "s")
    partial = sweep.run()
    assert not partial.closed
    waits = [item for item in sweep.prepared.space.configurations if "gpt-other" in str(item.steps.values())]
    assert len(waits) >= 6
    assert len(partial.open) == 1 and "models.other" in partial.open[0]
    assert f"({len(waits)} rows wait for it; --drop other leaves" in partial.open[0]
    measured = [row for row in partial.board.rows if row.answered == 3]
    assert len(measured) == len(sweep.prepared.space.configurations) - len(waits)
    assert not any(row.failed for row in partial.board.rows)
    assert not any(entry.failed for entry in sweep.journal.of(RoundMeasured))
    [note] = [note for note in partial.board.notes if note.kind == "rows_wait"]
    assert note.values["rows"] == len(waits)
    gone.faults = Faults()
    whole = Sweep.load(path, tmp_path / "s").run()
    assert whole.closed and not whole.open
    assert all(row.answered == 3 for row in whole.board.rows)
    assert len(whole.board.rows) == len(sweep.prepared.space.configurations)
    assert not any(note.kind == "rows_wait" for note in whole.board.notes)


def test_who_does_not_answer_is_not_asked_by_every_row(servers: Servers, gone: FakeServer, tmp_path: Path) -> None:
    path = written(tmp_path / "sweep", servers, gone, search="{use: tpe, round: 2}")
    Sweep.load(path, tmp_path / "s").run()
    assert 0 < gone.stats.distinct < 6 * 3


def test_a_limit_on_answers_is_kept_for_rows_that_wait(servers: Servers, gone: FakeServer, tmp_path: Path) -> None:
    path = written(tmp_path / "sweep", servers, gone, search="{use: tpe, round: 2}", budget="{usd: 5, answers: 30}")
    sweep = Sweep.load(path, tmp_path / "s")
    assert not sweep.run().closed
    gone.faults = Faults()
    whole = Sweep.load(path, tmp_path / "s")
    assert whole.run().closed
    assert whole.view.answers_asked() <= 30


def test_vectors_that_do_not_come_stop_no_row_without_vectors(
    servers: Servers, gone: FakeServer, tmp_path: Path
) -> None:
    gone.faults, servers.embed.faults = Faults(), DOWN
    path = written(tmp_path / "sweep", servers, gone)
    partial = Sweep.load(path, tmp_path / "s").run()
    assert len(partial.open) == 1 and "models.vectors" in partial.open[0]
    lexical = [row for row in partial.board.rows if "dense" not in row.name]
    assert len(lexical) >= 6 and all(row.answered == 3 for row in lexical)
    servers.embed.faults = Faults()
    whole = Sweep.load(path, tmp_path / "s").run()
    assert whole.closed and all(row.answered == 3 for row in whole.board.rows)


def test_a_judge_beside_the_goal_is_a_column_that_waits(servers: Servers, gone: FakeServer, tmp_path: Path) -> None:
    gone.faults, servers.measure.faults = Faults(), DOWN
    path = written(tmp_path / "sweep", servers, gone, goal="{maximize: token_f1}")
    partial = Sweep.load(path, tmp_path / "s").run()
    assert len(partial.open) == 1 and "judge.correctness waits for it" in partial.open[0]
    assert all(row.answered == 3 for row in partial.board.rows)
    assert all(row.figures["token_f1"].scored == 3 for row in partial.board.rows)
    servers.measure.faults = Faults()
    whole = Sweep.load(path, tmp_path / "s").run()
    assert whole.closed and all(row.figures["judge.correctness"].scored == 3 for row in whole.board.rows)


def test_a_model_is_left_out_for_good(servers: Servers, gone: FakeServer, tmp_path: Path) -> None:
    path = written(tmp_path / "sweep", servers, gone)
    sweep = Sweep.load(path, tmp_path / "s")
    assert not sweep.run().closed
    asked = gone.stats.total
    left_out = sweep.drop("other")
    assert left_out >= 6
    whole = Sweep.load(path, tmp_path / "s").run()
    assert whole.closed and not whole.open
    dropped = [row for row in whole.board.rows if row.failed]
    assert len(dropped) == left_out and all("models.other was left out" in row.failed for row in dropped)
    assert all(row.answered == 3 for row in whole.board.rows if not row.failed)
    assert not any(note.kind == "rows_wait" for note in whole.board.notes)
    assert gone.stats.total == asked


def test_what_cannot_be_left_out_is_refused(servers: Servers, gone: FakeServer, tmp_path: Path) -> None:
    sweep = Sweep.load(written(tmp_path / "sweep", servers, gone), tmp_path / "s")
    with pytest.raises(UnknownNameError, match="writers"):
        sweep.drop("writers")
    with pytest.raises(SpecError, match="a metric asks judge"):
        sweep.drop("judge")
    alone = Sweep.load(write_sweep(tmp_path / "alone", servers.urls()), tmp_path / "s")
    with pytest.raises(SpecError, match="nothing would be left"):
        alone.drop("writer")
