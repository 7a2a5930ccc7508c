"""Runs a coroutine from code without an event loop, and from code that has one already."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ragscout.engine.cancel import CancelToken

T = TypeVar("T")


def in_a_loop(work: Coroutine[object, object, T], cancel: CancelToken) -> T:
    """Run a coroutine to its end, in a thread of its own where this one has a running loop (a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1, thread_name_prefix="ragscout sweep") as thread:
        done = thread.submit(asyncio.run, work)
        try:
            return done.result()
        except KeyboardInterrupt:
            cancel.stop()  # the cell of a notebook was interrupted: leaving waits until the sweep has stopped
            raise
