"""Executors by name: in this process, or in a fresh process per task that is given nothing but the store's location.

An executor that is not in this file is added with ``EXECUTORS["name"] = factory`` before a sweep runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable

from ragscout.engine.task import Done, Executor, Task, done_from, task_json
from ragscout.engine.worker import Worker
from ragscout.model.errors import UnknownNameError, WorkerError

LONGEST = 6 * 3600.0
"""Seconds after which a task in a process of its own is taken to hang. What it committed by then is not lost."""
STORE = "RAGSCOUT_WORKER_STORE"
"""Environment variable that gives a worker process the location of its store."""
SHOWN = 200
"""Characters that are shown of what a worker process printed."""


class InProcess:
    """Tasks run in this event loop; loaded indexes and models are shared."""

    def __init__(self, worker: Worker) -> None:
        """Args: worker = what runs the tasks; it is closed with the executor."""
        self._worker = worker

    async def run(self, task: Task) -> Done:
        """Run one task."""
        return await self._worker.run(task)

    async def close(self) -> None:
        """Close the worker."""
        await self._worker.close()


class Subprocess:
    """Every task runs in a fresh interpreter. At most ``width`` at a time."""

    def __init__(self, location: str, width: int = 2, longest: float = LONGEST) -> None:
        """Args: location = what ``Store.open`` takes; longest = seconds that a task may take."""
        self._location, self._longest = location, longest
        self._gate = asyncio.Semaphore(width)

    async def run(self, task: Task) -> Done:
        """Run one task.

        Raises:
            WorkerError: the process could not start, died, hung or answered nonsense.
        """
        async with self._gate:
            try:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "ragscout.engine",
                    env={**os.environ, STORE: self._location},
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                )
            except OSError as error:
                raise WorkerError(
                    f"no worker process could be started ({error.strerror or error}). Free memory and run again."
                ) from error
            try:
                async with asyncio.timeout(self._longest):
                    output, errors = await process.communicate(task_json(task).encode())
            except TimeoutError:
                raise WorkerError(
                    f"a worker process gave no result in {self._longest:g} seconds and was ended. Run again: the "
                    "work goes on where it stopped."
                ) from None
            finally:
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()
                    await process.wait()
        if process.returncode:
            raise WorkerError(f"a worker process {_death(process.returncode, errors)}")
        try:
            return done_from(output.decode(errors="replace"))
        except ValueError:
            raise WorkerError(
                f"a worker process wrote no result but {_shown(output) or 'nothing'}. Run again; when it stays so, "
                "look for what a step prints or how it ends the process."
            ) from None

    async def close(self) -> None:
        """Nothing is held between tasks."""


Factory = Callable[[Worker, str], Executor]
"""Makes an executor from the worker of this process and the location of its store."""


def _subprocess(worker: Worker, location: str) -> Executor:
    return Subprocess(location)


def _in_process(worker: Worker, location: str) -> Executor:
    return InProcess(worker)


EXECUTORS: dict[str, Factory] = {"in-process": _in_process, "subprocess": _subprocess}


def executor_factory(name: str) -> Factory:
    """Look up an executor.

    Raises:
        UnknownNameError: there is none of this name.
    """
    if name not in EXECUTORS:
        raise UnknownNameError("sweep", "executor", name, EXECUTORS)
    return EXECUTORS[name]


def _death(status: int, errors: bytes) -> str:
    """How a process ended, in words."""
    if status < 0:
        name = _signal(-status)
        if name == "SIGKILL":
            return (
                "was killed (SIGKILL), as the system does when memory runs out. Free memory, or use a "
                "smaller model, and run again."
            )
        return f"was ended by {name}. Run again."
    last = errors.decode(errors="replace").strip().splitlines()[-1:]
    said = f": {last[0][:SHOWN]}" if last else " without a word"
    return f"ended with status {status}{said}. Run again."


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _shown(output: bytes) -> str:
    text = " ".join(output.decode(errors="replace").split())
    return repr(text[:SHOWN]) if text else ""
