"""Two executors: in this process, and in a fresh process per task that is given nothing but the store's location."""

from __future__ import annotations

import asyncio
import sys

from ragscout.engine.task import Done, Task, done_from, task_json
from ragscout.engine.worker import Worker
from ragscout.model.errors import StepError


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

    def __init__(self, location: str, width: int = 2) -> None:
        """Args: location = what ``Store.open`` takes."""
        self._location = location
        self._gate = asyncio.Semaphore(width)

    async def run(self, task: Task) -> Done:
        """Run one task.

        Raises:
            StepError: when the process died; its last line of output is in the message.
        """
        async with self._gate:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "ragscout.engine.worker",
                self._location,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            output, errors = await process.communicate(task_json(task).encode())
        if process.returncode:
            last = errors.decode(errors="replace").strip().splitlines()[-1:] or ["no output"]
            raise StepError(f"worker: the process ended with status {process.returncode}; got {last[0]}. Run again.")
        return done_from(output.decode())

    async def close(self) -> None:
        """Nothing is held between tasks."""
