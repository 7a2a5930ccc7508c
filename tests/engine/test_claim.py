"""Only one process writes for a sweep: fences, suspended and killed holders, and the thread that renews leases."""

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragscout.engine.claim import Claim
from ragscout.model.errors import StoreError
from ragscout.store.leases import LeaseTimer
from ragscout.store.ledger import Journal, Ledger
from ragscout.store.owners import this_process

HOLDER = """
    import sys
    from ragscout.engine.claim import Claim
    from ragscout.model.errors import StoreError
    from ragscout.store import leases
    from ragscout.store.ledger import Journal, Ledger
    from ragscout.store.owners import new_owner
    leases.TIMER.lease = float(sys.argv[2])
    ledger = Ledger(sys.argv[1])
    with Claim(ledger, "s", "연차").taken() as claim:
        assert ledger.claim("vectors:e", new_owner("memo"), 3600)
        journal = Journal(ledger, "s", claim.fence)
        print("taken", claim.fence, flush=True)
        for line in sys.stdin:
            try:
                print("wrote", journal.append("by", {"fence": claim.fence}), flush=True)
            except StoreError as error:
                print("refused", error, flush=True)
"""


@contextlib.contextmanager
def holder(url: str, lease: float) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the sweep ``s`` and writes a line of its journal whenever it is told to."""
    command = [sys.executable, "-c", textwrap.dedent(HOLDER), url, str(lease)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert heard(child) == "taken 1"
        yield child
    finally:
        child.kill()
        child.communicate()


def heard(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def told_to_write(child: subprocess.Popen[str]) -> str:
    assert child.stdin is not None
    child.stdin.write("write\n")
    child.stdin.flush()
    return heard(child)


def test_a_suspended_holder_writes_nothing_once_another_has_taken_over(ledger: Ledger) -> None:
    with holder(ledger.url, lease=1.0) as child:
        assert told_to_write(child) == "wrote 1"
        os.kill(child.pid, signal.SIGSTOP)
        ours = Claim(ledger, "s", "연차")
        until = time.monotonic() + 60
        while ledger.claimant("sweep:s") and time.monotonic() < until:
            time.sleep(0.05)
        with ours.taken() as claim:
            assert claim.fence == 2
            Journal(ledger, "s", claim.fence).append("by", {"fence": 2})
            os.kill(child.pid, signal.SIGCONT)
            said = told_to_write(child)
            assert said.startswith("refused sweep s: this process lost its claim")
            assert f"process {os.getpid()} on {this_process().machine} holds it now" in said
        assert "another process has run it since" in told_to_write(child), "a fence is never used again"
    assert [entry.payload["fence"] for entry in ledger.journal("s")] == [1, 2]


def test_a_suspended_holder_that_nobody_replaced_goes_on(ledger: Ledger) -> None:
    with holder(ledger.url, lease=0.5) as child:
        os.kill(child.pid, signal.SIGSTOP)
        until = time.monotonic() + 60
        while ledger.claimant("sweep:s") and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(child.pid, signal.SIGCONT)
        assert told_to_write(child) == "wrote 1"
        while not ledger.claimant("sweep:s") and time.monotonic() < until:
            time.sleep(0.05)
        with pytest.raises(StoreError, match=rf"연차: this sweep is already running in process {child.pid} on"):
            Claim(ledger, "s", "연차").taken().__enter__()


def test_what_a_killed_process_held_is_free_at_once(ledger: Ledger) -> None:
    """Whatever it held, for its own sweep and for others, though its leases last for hours."""
    with holder(ledger.url, lease=7200.0) as child:
        with pytest.raises(StoreError, match="already running"):
            Claim(ledger, "s", "연차").taken().__enter__()
        assert not ledger.claim("vectors:e", "us", 60)
        child.kill()
        child.wait()
        assert ledger.claim("vectors:e", "us", 60), "whoever waits for one claim need not run that sweep"
        with Claim(ledger, "s", "연차").taken() as claim:
            assert claim.fence == 2


def test_the_dead_are_found_without_waiting_for_them(ledger: Ledger) -> None:
    with holder(ledger.url, lease=7200.0) as child:
        assert ledger.forget_dead() == []
        child.kill()
        child.wait()
        assert ledger.forget_dead() == [f"process {child.pid} on {this_process().machine}"]
        assert ledger.claimant("sweep:s") is None and ledger.claimant("vectors:e") is None


def test_two_claims_of_one_process_exclude_each_other(ledger: Ledger) -> None:
    with Claim(ledger, "s", "연차").taken(), pytest.raises(StoreError, match=rf"process {os.getpid()}"):
        Claim(ledger, "s", "연차").taken().__enter__()
    with Claim(ledger, "s", "연차").taken() as claim:
        assert claim.fence == 2


class Beats:
    """Counts signs of life, by owner; fails at first when told to."""

    def __init__(self, failing: int = 0) -> None:
        self.failing, self.seen, self.threads = failing, list[list[str]](), set[int]()
        self.enough = threading.Event()

    def renew(self, owners: list[str], seconds: float) -> None:
        self.threads.add(threading.get_ident())
        self.seen.append(sorted(owners))
        if len(self.seen) >= 3:
            self.enough.set()
        if len(self.seen) <= self.failing:
            raise StoreError("locked")


def test_one_thread_renews_for_everybody() -> None:
    timer, first, second = LeaseTimer(0.08), Beats(failing=1), Beats()
    with timer.kept(first, "a"), timer.kept(first, "b"), timer.kept(second, "c"), timer.kept(second, "c"):
        assert first.enough.wait(60) and second.enough.wait(60)
        assert [item for item in threading.enumerate() if item.name == "ragscout leases"] == [timer._thread]
    assert first.threads == second.threads and len(first.threads) == 1
    assert first.seen[-1] == ["a", "b"] and second.seen[-1] == ["c"], "one transaction a ledger, whatever it holds"
    thread = timer._thread
    if thread is not None:
        thread.join(60)
    assert timer._thread is None, "no thread is left when there is nothing to renew"
    with timer.kept(second, "d"):
        until = time.monotonic() + 60
        while second.seen[-1] != ["d"] and time.monotonic() < until:
            time.sleep(0.01)
    assert second.seen[-1] == ["d"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_renews_nothing_of_its_parent(tmp_path: Path) -> None:
    script = """
        import os, threading
        from ragscout.store.leases import TIMER
        from ragscout.store.owners import new_owner, this_process

        class Ledger:
            def renew(self, owners, seconds):
                pass

        TIMER.keep(Ledger(), "parent")
        child = os.fork()
        if not child:
            clean = not TIMER._kept and TIMER._thread is None and this_process().number == os.getpid()
            os._exit(0 if clean else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert TIMER._thread.is_alive()
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, timeout=120)
