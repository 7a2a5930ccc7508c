"""Names of owners of claims: which process of which machine holds something, and whether that process still lives.

An owner's name begins with its process: machine, boot, number and start of the process. A later process that was given
the same number has another start, so that it is never mistaken for the owner.
"""

from __future__ import annotations

import functools
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from platform import node

_PARTS = 5


@dataclass(frozen=True)
class Process:
    """A process of some machine. ``boot`` tells boots and containers of one machine apart, ``started`` processes that
    were given one number; both are empty where the system does not tell them."""

    machine: str
    boot: str
    number: int
    started: str

    @property
    def prefix(self) -> str:
        """How the names of all owners in this process begin."""
        return f"{self.machine}/{self.boot}/{self.number}/{self.started}/"


def this_process() -> Process:
    """Return the process that asks."""
    return _this(os.getpid())


def new_owner(role: str) -> str:
    """Make a name that nobody else has. ``role`` says for people what the owner does."""
    return f"{this_process().prefix}{role}-{uuid.uuid4().hex[:12]}"


def process_of(owner: str) -> Process | None:
    """Return the process of an owner, ``None`` when its name was made elsewhere."""
    parts = owner.split("/", _PARTS - 1)
    if len(parts) != _PARTS or not parts[2].isdigit():
        return None
    return Process(parts[0], parts[1], int(parts[2]), parts[3])


def is_dead(owner: str) -> bool:
    """Return whether the owner's process is gone for good. When that cannot be seen from here (another machine,
    another container, a name of another kind), the owner counts as alive and its lease decides."""
    process, here = process_of(owner), this_process()
    if process is None or (process.machine, process.boot) != (here.machine, here.boot) or os.name != "posix":
        return False
    if process == here:
        return False
    if Path("/proc/self/stat").exists():
        started = _started(process.number)
        return not started or started != process.started
    try:
        os.kill(process.number, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False  # it lives, and is another user's
    return False


def shown(owner: str) -> str:
    """Return an owner's name for people."""
    process = process_of(owner)
    return owner if process is None else f"process {process.number} on {process.machine}"


@functools.cache
def _this(number: int) -> Process:
    machine = node().replace("/", "-") or "localhost"
    return Process(machine, _boot(), number, _started(number))


def _boot() -> str:
    """Boot and process namespace: in another container the same number is another process."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
        namespace = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - the link's text is no path
    except OSError:
        return ""
    return f"{boot}-{''.join(filter(str.isdigit, namespace))}"


def _started(number: int) -> str:
    """Start of a process in ticks since boot; empty when it is gone, a zombie, or where no such list is kept."""
    try:
        text = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # the second field is the program's name in brackets, which may hold spaces and brackets
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]
