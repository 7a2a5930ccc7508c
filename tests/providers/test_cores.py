"""Cores shared by local models: never more than there are, and nobody waits for nothing."""

from __future__ import annotations

import asyncio

from ragscout.providers.cores import Cores


def test_no_more_are_taken_than_there_are() -> None:
    most = 0

    async def work(cores: Cores, wanted: int, busy: list[int]) -> None:
        nonlocal most
        async with cores.taken(wanted):
            busy.append(min(wanted, 3))
            most = max(most, sum(busy))
            await asyncio.sleep(0.002)
            busy.remove(min(wanted, 3))

    async def all_of_them() -> None:
        cores, busy = Cores(3), list[int]()
        await asyncio.gather(*(work(cores, wanted, busy) for wanted in (1, 2, 9, 1, 1, 3, 2, 1, 9)))

    asyncio.run(asyncio.wait_for(all_of_them(), 10))
    assert most == 3


def test_a_remote_request_waits_for_no_core() -> None:
    async def remote() -> bool:
        cores = Cores(1)
        async with cores.taken(1), cores.taken(0):
            return True

    assert asyncio.run(asyncio.wait_for(remote(), 5))
