"""Nodes, cells and replies go to the ledger in bulk: transactions follow tasks, never questions or configurations."""

import dataclasses
from pathlib import Path

import pytest
from world import CountingClient, World, questions

from ragscout.engine import ledger_admission
from ragscout.engine.fill import QUESTIONS_PER_TASK, Want
from ragscout.store.leases import TIMER
from ragscout.store.store import Store
from ragscout.testing.store import count_transactions


def counted(world: World, monkeypatch: pytest.MonkeyPatch, n: int) -> int:
    """Transactions of a fill of one configuration on ``n`` questions, on a store that has seen the corpus before."""
    world.fill(Want(world.configuration().last, world.questions[:1]))
    with monkeypatch.context() as patched:
        patched.setattr(ledger_admission, "OLD", 3600.0)
        patched.setattr(TIMER, "lease", 36_000.0)  # a sign of life would be counted on a slow machine
        transactions = count_transactions(world.store.ledger, patched)
        world.fill(Want(world.configuration().last, world.questions[:n]))
        return len(transactions)


def test_more_questions_take_more_transactions_only_for_more_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = World(Store.open(tmp_path / "few"), questions(100))
    many = dataclasses.replace(few, store=Store.open(tmp_path / "many"), client=CountingClient())
    ten, hundred = (
        counted(few, monkeypatch, 1 + QUESTIONS_PER_TASK),
        counted(many, monkeypatch, 1 + 9 * QUESTIONS_PER_TASK),
    )
    assert sum(many.client.seen.values()) == 1 + 9 * QUESTIONS_PER_TASK
    # where its cells lie, the replies that are known, its replies and cells: three for each task of ten questions
    assert hundred - ten <= 8 * 3, (ten, hundred)


def test_nodes_of_many_configurations_are_written_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(Store.open(tmp_path / "s"), questions(2))
    configurations = [world.configuration(size=size, style=style) for size in (40, 80, 120) for style in ("a", "b")]
    written: list[int] = []
    add = world.store.ledger.nodes_add
    monkeypatch.setattr(
        world.store.ledger, "nodes_add", lambda rows: add(written.append(len(rows := list(rows))) or rows)
    )
    world.fill(*(Want(item.last, world.questions) for item in configurations))
    nodes = {node.key for item in configurations for node in item.last.ancestors()}
    assert written == [len(nodes)]
