"""What is open: nodes whose trouble is not the candidate's, and all that depends on them."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from world import RUNS, ToyGenerate, ToyLength, World, questions

from ragscout.engine.executors import InProcess
from ragscout.engine.fill import Engine, Filled, Want
from ragscout.engine.task import Done, Task
from ragscout.engine.worker import Worker, question_key
from ragscout.model.config import Configuration, Node, node
from ragscout.model.errors import AbsentError, BudgetExceeded, StepError, StoreError, WorkerError
from ragscout.model.evalset import Question
from ragscout.model.outcome import Unfilled
from ragscout.model.step import Step, step
from ragscout.store.store import Store

RAISED: list[Exception] = []
"""What the toy steps below raise, one at each call; nothing once it is empty."""


@pytest.fixture(autouse=True)
def fresh() -> None:
    RUNS.clear()
    RAISED.clear()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(Store.open(tmp_path / "store"), questions(12))


@step("lexicon", "troubled-in-test", version=1)
class _Troubled(Step):
    """The plain index, unless an error waits."""

    async def run(self, runtime: Any, *, chunk: Any) -> Any:
        from ragscout.model.step import make

        if RAISED:
            raise RAISED.pop(0)
        plain: Any = make("lexicon", "bm25")
        return await plain.run(runtime, chunk=chunk)


@step("generate", "troubled-in-test", version=1)
class _TroubledAnswer(ToyGenerate):
    """The toy answers, unless an error waits."""

    async def run(self, runtime: Any, asked: Sequence[Question], **inputs: Any) -> Any:
        if RAISED and asked[0].id == "q3":
            raise RAISED.pop(0)
        return await super().run(runtime, asked, **inputs)


def troubled(world: World, **steps: Step) -> Configuration:
    return Configuration({**world.configuration().steps, **steps}, world.source)


def measured(configuration: Configuration) -> Node:
    return node(ToyLength(), [configuration.nodes["generate"]])


def fill(world: World, *wants: Want) -> Filled:
    filled = world.fill(*wants)
    assert isinstance(filled, Filled)
    return filled


def present(world: World, at: Node) -> int:
    keys = [question_key(at.stage, question) for question in world.questions]
    return len(world.store.ledger.cells_present(at.key, keys))


def test_an_open_whole_node_keeps_its_dependants_open_for_the_same_reason(world: World) -> None:
    row = troubled(world, lexicon=_Troubled())
    RAISED.append(StoreError("/data: disk full."))
    filled = fill(world, Want(measured(row), world.questions))
    assert not filled.failed and filled.retry == {row.nodes["lexicon"].key: Unfilled("store", "/data: disk full.")}
    open_nodes = {key for key, _ in filled.unfilled}
    stages = ("lexical", "fuse", "prompt", "generate")
    assert open_nodes == {*(row.nodes[stage].key for stage in stages), measured(row).key}
    assert len(filled.unfilled) == 5 * len(world.questions)
    assert filled.why_open() == ["store: /data: disk full."], "the first cause, once"
    assert not RUNS, "nothing runs that must wait"
    again = fill(world, Want(measured(row), world.questions))
    assert not again.retry and not again.unfilled and present(world, measured(row)) == 12


def test_other_rows_go_on(world: World) -> None:
    row, good = troubled(world, lexicon=_Troubled()), world.configuration()
    RAISED.append(AbsentError("models.acme: the model is not on this machine. Run: ragscout models pull acme"))
    filled = fill(world, Want(row.last, world.questions), Want(good.last, world.questions))
    assert filled.why_open() == [
        "missing: models.acme: the model is not on this machine. Run: ragscout models pull acme"
    ]
    assert present(world, good.last) == 12 and present(world, row.last) == 0


def test_cells_that_are_there_are_not_open(world: World) -> None:
    """Their index may have to be made again; what was answered stays answered."""
    row = troubled(world, lexicon=_Troubled())
    fill(world, Want(row.last, world.questions[:5]))
    world.store.ledger.values_drop_stages(["lexicon"])
    RAISED.append(MemoryError())
    filled = fill(world, Want(row.last, world.questions))
    assert {name for _, name in filled.unfilled} == {question.id for question in world.questions[5:]}


def test_a_failed_input_weighs_more_than_an_open_one(world: World) -> None:
    row = troubled(world, lexicon=_Troubled())
    RAISED.append(StepError("lexicon.acme: the dictionary is not one."))
    filled = fill(world, Want(row.last, world.questions))
    assert filled.failed[row.last.key] == "lexicon.acme: the dictionary is not one."
    assert not filled.retry and not filled.unfilled and not filled.why_open()


def test_an_unknown_error_of_a_step_is_the_candidate_s_and_is_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    row = troubled(world, lexicon=_Troubled())
    RAISED.append(ZeroDivisionError("no chunk is long enough"))
    filled = fill(world, Want(row.last, world.questions))
    said = "lexicon.troubled-in-test: ZeroDivisionError: no chunk is long enough"
    assert filled.failed[row.last.key] == said
    assert any(record.exc_info and record.exc_info[0] is ZeroDivisionError for record in caplog.records)


def test_one_question_in_trouble_does_not_take_the_others_answers_away(world: World) -> None:
    row = troubled(world, generate=_TroubledAnswer())
    RAISED.append(TimeoutError())
    filled = fill(world, Want(row.last, world.questions))
    assert list(filled.unfilled) == [(row.last.key, "q3")]
    assert filled.unfilled[row.last.key, "q3"].kind == "machine"
    assert present(world, row.last) == 11
    assert not fill(world, Want(row.last, world.questions)).unfilled


def test_one_question_s_error_of_the_step_s_own_fails_the_node(world: World) -> None:
    row = troubled(world, generate=_TroubledAnswer())
    RAISED.append(ValueError("the reply has no choices"))
    filled = fill(world, Want(row.last, world.questions))
    assert filled.failed == {row.last.key: "generate.troubled-in-test: ValueError: the reply has no choices"}


def test_a_value_beyond_the_budget_is_said_for_all_that_needs_it(world: World) -> None:
    row, good = troubled(world, lexicon=_Troubled()), world.configuration()
    RAISED.append(BudgetExceeded("vectors: they could exceed the budget. Raise budget:"))
    filled = fill(world, Want(row.last, world.questions), Want(good.last, world.questions))
    said = {key: reason.kind for key, reason in filled.retry.items()}
    assert said[row.nodes["lexicon"].key] == "budget" and set(said.values()) == {"budget"}
    assert not said.keys() & {node.key for node in good.last.ancestors()}
    assert {reason.kind for reason in filled.unfilled.values()} == {"budget"}
    assert not any(key == good.last.key for key, _ in filled.unfilled)


class _Harmed(InProcess):
    """Raises before a task runs."""

    def __init__(self, worker: Worker, harm: Callable[[Task], None]) -> None:
        super().__init__(worker)
        self._harm = harm

    async def run(self, task: Task) -> Done:
        self._harm(task)
        return await super().run(task)


@pytest.mark.parametrize(
    ("error", "kind"), [(WorkerError("it died"), "worker"), (BrokenPipeError(32, "Broken pipe"), "network")]
)
def test_what_an_executor_raises_leaves_nodes_open(world: World, error: Exception, kind: str) -> None:
    row = world.configuration()

    def harm(task: Task) -> None:
        if task.node == row.nodes["chunk"].key:
            raise error

    async def run() -> Filled:
        worker = Worker(world.store, world.runtime(), world.eval_set, world.questions)
        engine = Engine(world.store, _Harmed(worker, harm), world.sweep)
        try:
            return await engine.fill([Want(row.last, world.questions)])
        finally:
            await engine.close()

    filled = asyncio.run(run())
    assert not filled.failed and filled.retry[row.nodes["chunk"].key].kind == kind
    assert filled.retry.keys() == {row.nodes["chunk"].key, row.nodes["lexicon"].key}
    assert len(filled.why_open()) == 1


@pytest.mark.parametrize("method", ["nodes_add", "cells_present", "value", "node"])
def test_a_ledger_in_trouble_around_the_steps_is_no_exception(
    world: World, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the engine itself asks of the ledger may fail once."""
    row = world.configuration()
    real, left = getattr(world.store.ledger, method), [StoreError("ledger: it stayed locked.")]

    def once(*args: Any, **named: Any) -> Any:
        if left:
            raise left.pop()
        return real(*args, **named)

    monkeypatch.setattr(world.store.ledger, method, once)
    filled = fill(world, Want(row.last, world.questions))
    assert not filled.failed and filled.why_open() == ["store: ledger: it stayed locked."]
    again = fill(dataclasses.replace(world), Want(row.last, world.questions))
    assert not again.why_open() and present(world, row.last) == 12


def test_a_claim_that_cannot_be_given_back_takes_nothing_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = world.configuration()

    def refused(name: str, owner: str) -> None:
        raise StoreError("ledger: it stayed locked.")

    monkeypatch.setattr(world.store.ledger, "release", refused)
    filled = fill(world, Want(row.nodes["lexicon"]))
    assert not filled.why_open() and world.store.value_folder(row.nodes["lexicon"].key) is not None
