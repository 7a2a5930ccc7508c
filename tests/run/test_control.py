"""A running sweep is stopped, held, resumed and followed from other processes, by signals and by a token."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from small_sweeps import Write, timeless

from ragscout.engine.cancel import CancelToken
from ragscout.model.results.journal import RoundAsked
from ragscout.model.results.reason import STOPPED
from ragscout.run import pulse
from ragscout.run.events import SweepEvent
from ragscout.store.claims import claim_of
from ragscout.sweep import Sweep
from ragscout.testing.fake_server import FakeServer

MAIN = "from ragscout.cli.main import main; main()"
HANG = 120
SENTENCE = "ragscout: Stopped. Nothing that was measured is lost: run the same command again to go on."


@contextmanager
def ragscout(*words: str) -> Iterator[subprocess.Popen[str]]:
    """``ragscout WORDS`` in a process of its own, which is gone at the end."""
    command = [sys.executable, "-c", MAIN, *words]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def wait_for(happened: Callable[[], bool], child: subprocess.Popen[str] | None = None) -> None:
    until = time.monotonic() + HANG
    while not happened():
        assert time.monotonic() < until, "it did not happen"
        assert child is None or child.poll() is None, "the sweep ended before it happened"
        time.sleep(0.02)


def sweep_words(path: Path, store: Path) -> tuple[str, ...]:
    return ("sweep", str(path), "--store", str(store), "--no-mlflow")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_sweep_with_one_sentence(
    tmp_path: Path, write: Write, server: FakeServer, number: signal.Signals
) -> None:
    server.latency = 0.5
    path, store = write(url=server.base_url, budget="usd: 5", passages="[1, 2]"), tmp_path / "s"
    with ragscout(*sweep_words(path, store)) as child:
        wait_for(lambda: server.stats.total >= 4, child)
        child.send_signal(number)
        _, errors = child.communicate(timeout=HANG)
    assert child.returncode == 3
    assert errors.strip() == SENTENCE
    sweep = Sweep.load(path, store)
    assert sweep.store.ledger.claimant(claim_of(sweep.id)) is None, "the claim is given back"
    progress = sweep.store.ledger.progress(sweep.id)
    assert progress is not None and progress["state"] == "stopped"
    sent = server.stats.total
    server.latency = 0.0
    result = sweep.run()
    assert result.closed and server.stats.distinct == server.stats.total, "what came back is not asked again"
    assert server.stats.total > sent
    whole = Sweep.load(path, tmp_path / "whole").run()
    assert timeless(result.board) == timeless(whole.board)


def test_a_second_signal_ends_the_process_at_once(tmp_path: Path, write: Write, server: FakeServer) -> None:
    server.latency = 600
    path, store = write(url=server.base_url, budget="usd: 5"), tmp_path / "s"
    with ragscout(*sweep_words(path, store)) as child:
        wait_for(lambda: server.stats.total >= 1, child)
        child.send_signal(signal.SIGINT)
        sweep = Sweep.load(path, store)
        wait_for(lambda: (sweep.store.ledger.progress(sweep.id) or {}).get("state") == "stopping", child)
        child.send_signal(signal.SIGINT)
        assert child.wait(HANG) == -signal.SIGINT


def test_a_sweep_is_followed_paused_resumed_and_stopped_from_other_processes(
    tmp_path: Path, write: Write, server: FakeServer
) -> None:
    server.latency = 2.0
    path, store = write("연차", url=server.base_url, budget="usd: 5", passages="[1, 2]"), tmp_path / "s"
    at = ("--store", str(store))
    with ragscout(*sweep_words(path, store)) as child:
        wait_for(lambda: server.stats.total >= 1, child)
        sweep = Sweep.load(path, store)
        ledger = sweep.store.ledger

        def state() -> str:
            return str((ledger.progress(sweep.id) or {}).get("state"))

        with ragscout("sweep", "--follow", "연차", *at) as follower:
            with ragscout("pause", "연차", *at) as asking:
                said, _ = asking.communicate(timeout=HANG)
                assert asking.returncode == 0 and "holds within seconds" in said
            wait_for(lambda: state() == "paused", child)
            time.sleep(2.5)  # what was on its way
            sent = server.stats.total
            time.sleep(2.5)
            assert server.stats.total == sent and child.poll() is None, "a held sweep asks nothing and keeps its claim"
            with ragscout("pause", "--resume", str(path), *at) as asking:
                assert asking.wait(HANG) == 0
            wait_for(lambda: server.stats.total > sent, child)
            with ragscout("stop", "연차", *at) as asking:
                said, errors = asking.communicate(timeout=HANG)
                assert asking.returncode == 0 and "연차: stopped." in said, errors
            _, errors = child.communicate(timeout=HANG)
            assert child.returncode == 3 and errors.strip() == SENTENCE
            shown, errors = follower.communicate(timeout=HANG)
            assert follower.returncode == 3 and "it was stopped" in errors
            assert "round" in shown
    server.latency = 0.0
    assert sweep.run().closed, "what was wanted of an earlier run is forgotten"


def test_the_same_command_wakes_a_paused_sweep_and_shows_it(tmp_path: Path, write: Write, server: FakeServer) -> None:
    server.latency = 1.0
    path, store = write(url=server.base_url, budget="usd: 5"), tmp_path / "s"
    with ragscout(*sweep_words(path, store)) as child:
        wait_for(lambda: server.stats.total >= 1, child)
        sweep = Sweep.load(path, store)
        sweep.store.ledger.control_set(sweep.id, "pause")
        wait_for(lambda: (sweep.store.ledger.progress(sweep.id) or {}).get("state") == "paused", child)
        server.latency = 0.0
        with ragscout(*sweep_words(path, store)) as second:
            shown, errors = second.communicate(timeout=HANG)
        assert second.returncode == 0, errors
        assert f"the paused sweep goes on in process {child.pid}" in shown
        assert "the sweep is finished" in shown and "Recommended" in shown
        child.communicate(timeout=HANG)
        assert child.returncode == 0


Call = Callable[..., tuple[int, str, str]]


def test_a_sweep_that_nobody_runs_is_neither_stopped_nor_paused(tmp_path: Path, write: Write, call: Call) -> None:
    at = ("--store", str(tmp_path / "s"))
    path = write("vacation")
    status, _, errors = call("stop", str(path), *at)
    assert status == 2 and "nobody runs this sweep" in errors
    assert Sweep.load(path, tmp_path / "s").run().closed
    for words in (("pause", "vacation"), ("pause", "--resume", "vacation"), ("stop", "vacation")):
        status, _, errors = call(*words, *at)
        assert status == 2 and "nobody runs this sweep" in errors
    status, _, errors = call("stop", "vacatoin", *at)
    assert status == 2 and "'vacation'" in errors
    status, shown, errors = call("sweep", "--follow", str(path), *at, "--language", "en")
    assert status == 0 and "the sweep is finished" in shown and "Recommended" in shown, errors
    status, shown, errors = call("sweep", "--follow", "vacation", *at, "--json")
    assert status == 0 and '"finished": true' in shown


def test_of_several_sweeps_of_a_name_the_running_one_is_meant(tmp_path: Path, write: Write, call: Call) -> None:
    at = ("--store", str(tmp_path / "s"))
    for search in ("grid", "{use: grid, block: 5}"):
        Sweep.load(write("t", search=search), tmp_path / "s").run()
    status, _, errors = call("sweep", "--follow", "t", *at)
    assert status == 2 and "several sweeps have this name" in errors
    sweep = Sweep.load(tmp_path / "t.yaml", tmp_path / "s")
    assert sweep.store.ledger.claim_sweep(sweep.id, "somebody", 60)
    status, _, errors = call("stop", "t", *at, "--wait", "0")
    assert status == 3 and "somebody was asked to stop" in errors
    assert sweep.store.ledger.control(sweep.id) == "stop"


def test_a_token_stops_a_sweep_in_a_thread(tmp_path: Path, write: Write, server: FakeServer) -> None:
    server.latency = 0.2
    sweep, token = Sweep.load(write(url=server.base_url, budget="usd: 5"), tmp_path / "s"), CancelToken()
    results = []
    thread = threading.Thread(target=lambda: results.append(sweep.run(cancel=token)))
    thread.start()
    wait_for(lambda: server.stats.total >= 3)
    token.stop()
    thread.join(HANG)
    (result,) = results
    assert result.ended == STOPPED and not result.closed and not result.open
    server.latency = 0.0
    assert Sweep.load(tmp_path / "t.yaml", tmp_path / "s").run().closed


def test_a_token_that_says_stop_before_the_sweep_begins(tmp_path: Path, write: Write, server: FakeServer) -> None:
    token = CancelToken()
    token.stop()
    sweep = Sweep.load(write(url=server.base_url, budget="usd: 5"), tmp_path / "s")
    assert sweep.run(cancel=token).ended == STOPPED
    assert sweep.pilot(cancel=token).stopped == STOPPED
    assert server.stats.total == 0


def test_requests_on_their_way_come_back_before_a_sweep_stops(tmp_path: Path, write: Write, server: FakeServer) -> None:
    """They are paid: the next run does not send them again."""
    server.latency = 0.5
    sweep, token = Sweep.load(write(url=server.base_url, budget="usd: 5"), tmp_path / "s"), CancelToken()
    threading.Thread(target=lambda: (wait_for(lambda: server.stats.total >= 1), token.stop())).start()
    assert sweep.run(cancel=token).ended == STOPPED
    assert server.stats.total >= 1
    server.latency = 0.0
    assert sweep.run().closed
    assert server.stats.total == server.stats.distinct


def test_a_held_sweep_loses_no_minutes(
    tmp_path: Path, write: Write, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulse, "EVERY", 0.05)
    server.latency = 0.02
    path = write(url=server.base_url, budget="usd: 5, minutes: 5")
    sweep, token = Sweep.load(path, tmp_path / "s"), CancelToken()
    clock, real = 0.0, time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + clock)

    def an_hour_later() -> None:
        nonlocal clock
        wait_for(lambda: server.stats.total >= 1)
        token.hold()
        wait_for(lambda: (sweep.store.ledger.progress(sweep.id) or {}).get("state") == "paused")
        clock = 3600.0
        token.go_on()

    thread = threading.Thread(target=an_hour_later)
    thread.start()
    result = sweep.run(cancel=token)
    thread.join(HANG)
    assert clock and result.closed and result.board.ended is None
    assert all(row.answered == result.board.questions for row in result.board.rows)


def test_the_progress_row_says_how_far_the_sweep_is(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[SweepEvent] = []
    sweep = Sweep.load(write(budget="answers: 100"), tmp_path / "s")
    assert sweep.run(progress=events.append).closed
    row = sweep.store.ledger.progress(sweep.id)
    assert row is not None and row["state"] == "done"
    last = SweepEvent.of_row(row)
    assert (last.phase, last.round, last.answers) == (events[-1].phase, events[-1].round, events[-1].answers)
    assert last.limit == sweep.prepared.answers
    assert [event.round for event in events if event.fill is None and event.board is None] == list(
        range(len(sweep.journal.of(RoundAsked)))
    )
    boards = sum(event.board is not None for event in events)
    assert 1 <= boards <= len(sweep.journal.of(RoundAsked)), "a provisional board comes when the last one took no time"


def test_a_run_inside_a_loop_and_in_a_notebook(tmp_path: Path, write: Write) -> None:
    async def cell() -> tuple[object, object, object]:
        first = await Sweep.load(write("one"), tmp_path / "one").arun()
        second = Sweep.load(write("one"), tmp_path / "two").run()  # a running loop, as in a notebook
        piloted = Sweep.load(write("one"), tmp_path / "three").pilot(1)
        return timeless(first.board), timeless(second.board), piloted.open

    first, second, left = asyncio.run(cell())
    third = timeless(Sweep.load(write("one"), tmp_path / "four").run().board)
    assert first == second == third and left == ()


def test_two_sweeps_run_in_one_loop(tmp_path: Path, write: Write) -> None:
    async def both() -> list[object]:
        sweeps = [Sweep.load(write(name), tmp_path / name) for name in ("a", "b")]
        return [result.closed for result in await asyncio.gather(*(sweep.arun() for sweep in sweeps))]

    assert asyncio.run(both()) == [True, True]


def test_an_event_loop_is_given_back(tmp_path: Path, write: Write) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), os.getpid()
    Sweep.load(write(), tmp_path / "s").run()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), os.getpid()) == before
