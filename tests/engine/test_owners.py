"""Who lives and who is dead, as far as this machine can see."""

import dataclasses
import os
import subprocess
import sys
import textwrap

import pytest

from ragscout.store import owners
from ragscout.store.owners import Process, is_dead, new_owner, process_of, shown, this_process


def owner(process: Process) -> str:
    return f"{process.prefix}chat-1"


def ended() -> Process:
    """A process of this machine that is gone, as it named itself."""
    script = "from ragscout.store.owners import new_owner; print(new_owner('x'))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    found = process_of(done.stdout.strip())
    assert found is not None
    return found


def test_names_are_of_this_process_and_never_twice() -> None:
    first, second = new_owner("chat"), new_owner("chat")
    assert first != second
    assert process_of(first) == process_of(second) == this_process()
    assert this_process().number == os.getpid()
    assert first.startswith(this_process().prefix)


def test_a_living_process_lives_and_an_ended_one_is_dead() -> None:
    here, gone = this_process(), ended()
    assert (gone.machine, gone.boot) == (here.machine, here.boot)
    assert not is_dead(new_owner("chat"))
    assert is_dead(owner(gone))


def test_another_living_process_lives_until_it_is_killed() -> None:
    script = """
        from ragscout.store.owners import new_owner
        print(new_owner("x"), flush=True)
        input()
    """
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], text=True, **pipes)  # type: ignore[call-overload]
    name = child.stdout.readline().strip()
    assert not is_dead(name)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_dead(name), "a zombie holds nothing"
    child.wait()
    assert is_dead(name)
    child.stdin.close()
    child.stdout.close()


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="the system does not tell when a process started")  # noqa: PTH110
def test_a_number_that_was_given_again_is_another_process() -> None:
    """Number 1 always lives; the owner that had the number before it is dead all the same."""
    reused = dataclasses.replace(this_process(), number=1, started="1" * 20)
    assert is_dead(owner(reused))


def test_what_cannot_be_seen_counts_as_alive() -> None:
    gone = ended()
    for elsewhere in (
        dataclasses.replace(gone, machine="elsewhere"),
        dataclasses.replace(gone, boot=gone.boot + "1"),
    ):
        assert not is_dead(owner(elsewhere))
    assert not is_dead("sweep in process 4711")
    assert not is_dead("")


def test_people_read_the_process() -> None:
    assert shown(owner(Process("host", "b", 4711, "9"))) == "process 4711 on host"
    assert shown("somebody") == "somebody"


def test_a_machine_s_name_may_hold_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owners, "node", lambda: "a/b %_ 서버")
    owners._this.cache_clear()
    try:
        assert process_of(new_owner("chat")) == this_process()
        assert this_process().machine == "a-b %_ 서버"
    finally:
        owners._this.cache_clear()
