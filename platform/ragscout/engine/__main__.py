"""Executes one task in a process of its own that knows nothing but the store's location.

``python -m ragscout.engine`` reads a task from standard input and writes what came of it to standard output. Whatever
else is printed there goes to standard error. The environment names the store: a location can hold a password, and every
user of a machine can read the arguments of a process.
"""

from __future__ import annotations

import asyncio
import os
import sys

from ragscout.engine.executors import STORE
from ragscout.engine.session import open_worker
from ragscout.engine.task import Done, Task, done_json, task_from
from ragscout.engine.trouble import TROUBLES, outside
from ragscout.store.store import Store


async def _main(location: str, task: Task) -> Done:
    try:
        worker = open_worker(Store.open(location), task.sweep)
    except TROUBLES as error:
        return Done(retry=outside(error))
    try:
        return await worker.run(task)
    finally:
        await worker.close()


if __name__ == "__main__":
    # standard output carries the result alone: what a library prints must not get into it
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as output:
        os.dup2(2, 1)
        output.write(done_json(asyncio.run(_main(os.environ[STORE], task_from(sys.stdin.read())))))
