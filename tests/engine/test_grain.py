"""The grain: what is shared is computed once, and a key never contains which questions, how many or in what order."""

import asyncio
import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from world import MODEL, RUNS, CountingClient, ToyLength, World, questions

from ragscout.engine.fill import Filled, Want
from ragscout.engine.worker import question_key
from ragscout.model.config import Configuration, Node, node, plan
from ragscout.model.errors import StepError
from ragscout.model.outcome import Message, Unfilled
from ragscout.model.runtime import ChatReply, ChatRequest
from ragscout.model.step import Step, step
from ragscout.store.ledger import SpendLimits
from ragscout.store.store import Store


@pytest.fixture(autouse=True)
def fresh_counts() -> None:
    RUNS.clear()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(Store.open(tmp_path / "store"), questions(20))


def measured(configuration: Configuration) -> Node:
    return node(ToyLength(), [configuration.nodes["generate"]])


def test_shared_prefix_with_overlapping_blocks_is_computed_once(world: World) -> None:
    plain, curt = world.configuration(style="plain"), world.configuration(style="curt")
    result = world.fill(Want(plain.last, world.questions[:12]), Want(curt.last, world.questions[6:18]))
    assert isinstance(result, Filled) and not result.failed and not result.unfilled
    assert RUNS["prompt"] == 18, "the shared prompts of questions 6 to 11 are rendered once"
    assert RUNS["generate"] == 24
    assert sum(world.client.seen.values()) == len(world.client.seen) == 24
    shared = plan([plain, curt])
    assert sum(item.stage == "fuse" for item in shared.values()) == 1


def test_ten_then_twenty_questions_is_one_key_and_twenty_cells(world: World) -> None:
    configuration = world.configuration()
    world.fill(Want(configuration.last, world.questions[:10]))
    first = configuration.last.key
    world.fill(Want(world.configuration().last, world.questions))
    assert world.configuration().last.key == first
    keys = [question_key("generate", question) for question in world.questions]
    assert len(world.store.ledger.cells_present(first, keys)) == 20
    assert RUNS["generate"] == 20


def test_an_added_question_is_one_new_cell_per_node(world: World) -> None:
    configuration = world.configuration()
    world.fill(Want(measured(configuration), world.questions))
    RUNS.clear()
    grown = dataclasses.replace(world, questions=questions(21))
    result = grown.fill(Want(measured(configuration), grown.questions))
    assert isinstance(result, Filled)
    assert set(result.computed.values()) == {1}
    assert result.computed.keys() == {"lexical", "fuse", "prompt", "generate", "measure"}
    assert RUNS == {"prompt": 1, "generate": 1, "measure": 1}


def test_a_corrected_reference_runs_only_measure(world: World) -> None:
    configuration = world.configuration()
    world.fill(Want(measured(configuration), world.questions))
    RUNS.clear()
    corrected = (dataclasses.replace(world.questions[0], references=("something else",)), *world.questions[1:])
    again = dataclasses.replace(world, questions=corrected)
    result = again.fill(Want(measured(configuration), corrected))
    assert isinstance(result, Filled)
    assert result.computed == {"measure": 1}
    assert RUNS == {"measure": 1}


def test_equal_requests_of_different_nodes_are_one_call(world: World) -> None:
    """The memo lies below the nodes: another chunk size that yields the same prompt costs nothing."""
    world.fill(Want(world.configuration(size=1000).last, world.questions))
    world.fill(Want(world.configuration(size=2000).last, world.questions))
    assert RUNS["generate"] == 40
    assert sum(world.client.seen.values()) == 20


def test_two_sweeps_on_one_store_at_the_same_time(world: World) -> None:
    other = dataclasses.replace(world, sweep="other", client=CountingClient(seconds=0.01))
    world.client.seconds = 0.01
    configuration = world.configuration()

    async def both() -> None:
        engines = [world.engine(), other.engine()]
        await asyncio.gather(*(engine.fill([Want(configuration.last, world.questions)]) for engine in engines))
        for engine in engines:
            await engine.close()

    asyncio.run(both())
    total = world.client.seen + other.client.seen
    assert sum(total.values()) == len(total) == 20, "calls = distinct calls"


def test_transient_errors_are_retried(world: World) -> None:
    world.client.fail = 5
    result = world.fill(Want(world.configuration().last, world.questions))
    assert isinstance(result, Filled) and not result.unfilled
    assert sum(world.client.seen.values()) == 20


def test_budget_leaves_cells_open_and_they_are_asked_again(world: World) -> None:
    poor = dataclasses.replace(world, limits=SpendLimits(money=None, calls=7))
    configuration = world.configuration()
    result = poor.fill(Want(configuration.last, world.questions))
    assert isinstance(result, Filled)
    assert sum(poor.client.seen.values()) == 7
    assert len(result.unfilled) == 13
    assert all(reason.kind == "budget" for reason in result.unfilled.values())
    world.fill(Want(configuration.last, world.questions))
    assert sum(world.client.seen.values()) == 20, "only what was open is asked (13 more)"


def test_money_is_reserved_before_a_request_leaves(world: World) -> None:
    """Every request may cost 1 and turns out to cost 0.5: a budget of 5 is never passed, even with 4 in flight."""
    poor = dataclasses.replace(world, limits=SpendLimits(money=5.0), client=CountingClient(seconds=0.005))
    poor.fill(Want(world.configuration().last, world.questions))
    spent = world.store.ledger.spent("test")
    assert spent.money <= 5.0
    assert sum(poor.client.seen.values()) >= 5


def test_a_failing_whole_step_fails_its_dependants_only(world: World) -> None:
    good = world.configuration()
    broken = Configuration({**good.steps, "lexicon": _Broken()}, good.source)
    result = world.fill(Want(broken.last, world.questions[:3]), Want(good.last, world.questions[:3]))
    assert isinstance(result, Filled)
    assert "the dictionary is gone" in result.failed[broken.last.key]
    assert good.last.key not in result.failed
    keys = [question_key("generate", question) for question in world.questions[:3]]
    assert len(world.store.ledger.cells_present(good.last.key, keys)) == 3


def test_path_usage_counts_shared_and_memoised_work(world: World) -> None:
    configuration = world.configuration()
    world.fill(Want(configuration.last, world.questions[:2]))
    twin = world.configuration(size=1000)
    world.fill(Want(twin.last, world.questions[:2]))
    world.fill(Want(world.configuration(size=2000).last, world.questions[:2]))
    key = question_key("generate", world.questions[0])
    for item in (configuration, twin, world.configuration(size=2000)):
        cell = world.store.read_cells(item.last.key, [key])[key]
        assert cell.path.money == 0.5, "served from the memo or not, the answer is charged"
        assert cell.path.seconds >= cell.usage.seconds


def test_a_damaged_shard_is_recomputed(world: World) -> None:
    configuration = world.configuration()
    world.fill(Want(configuration.last, world.questions))
    key = question_key("generate", world.questions[0])
    ref = world.store.ledger.cells(configuration.last.key, [key])[key]
    path = world.store.blobs.local_path(ref.shard)
    assert path is not None
    path.chmod(0o644)
    path.write_bytes(b"damaged")
    fresh = dataclasses.replace(world, store=Store.open(world.store.location))
    assert fresh.store.read_cells(configuration.last.key, [key]) == {}
    assert fresh.store.damage
    fresh.fill(Want(configuration.last, world.questions))
    assert key in fresh.store.read_cells(configuration.last.key, [key])
    assert sum(world.client.seen.values()) == 20, "the answers are still in the memo"


def test_a_dead_owner_s_claim_is_taken_over(world: World, tmp_path: Path) -> None:
    request = ChatRequest(MODEL, (Message("user", "hello"),), 8)
    script = f"""
        import time
        from ragscout.store.store import Store
        store = Store.open({str(tmp_path / "store")!r})
        assert store.ledger.claim("chat:{request.key}", "dead", 1.5)
        print("claimed", flush=True)
        time.sleep(60)
    """
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline().strip() == "claimed"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    started = time.monotonic()

    async def ask() -> object:
        runtime = world.runtime()
        try:
            return await runtime.chat(request, "answer")
        finally:
            await runtime.close()

    assert isinstance(asyncio.run(ask()), ChatReply)
    assert time.monotonic() - started > 0.3, "the claim was honoured while it lasted"


def test_an_unknown_model_leaves_the_cell_open(world: World) -> None:
    async def ask() -> object:
        runtime = world.runtime()
        try:
            model = dataclasses.replace(MODEL, model="nobody")
            return await runtime.chat(ChatRequest(model, (Message("user", "x"),), 8), "answer")
        finally:
            await runtime.close()

    outcome = asyncio.run(ask())
    assert isinstance(outcome, Unfilled) and "no connection serves" in outcome.detail


@step("lexicon", "broken-in-test", version=1)
class _Broken(Step):
    """Always fails."""

    async def run(self, runtime: object, *, chunk: object) -> object:
        raise StepError("lexicon.broken: the dictionary is gone; got nothing. Install it.")
