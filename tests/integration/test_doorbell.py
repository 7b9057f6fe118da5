"""Those who wait for facts are woken, within a process and between nodes, and find them without being woken too."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from infra.event_log.doorbell import CHANNEL, Doorbell, DoorbellWire
from tests.integration.appending import connected, context, decision, instance, open_log, writers_way


@asynccontextmanager
async def wired(dsn: str, doorbell: Doorbell) -> AsyncIterator[None]:
    wire = asyncio.create_task(DoorbellWire(doorbell, writers_way(dsn)).run())
    try:
        await asyncio.sleep(0.1)
        yield
    finally:
        wire.cancel()
        await asyncio.gather(wire, return_exceptions=True)


async def test_a_commit_wakes_whoever_waits_in_the_process(database: str) -> None:
    async with open_log(database) as log:
        waiting = [asyncio.create_task(log.doorbell.wait(0, 5)) for _ in range(3)]
        await asyncio.sleep(0)
        await log.append(decision(instance(1), 0), context())
        assert await asyncio.gather(*waiting) == [1, 1, 1]


async def test_whoever_comes_after_the_ring_does_not_wait() -> None:
    doorbell = Doorbell()
    doorbell.ring(7)
    assert await doorbell.wait(6, 5) == 7


async def test_waiting_ends_when_its_time_is_over() -> None:
    doorbell = Doorbell(3)
    began = time.monotonic()
    assert await doorbell.wait(3, 0.05) == 3
    assert time.monotonic() - began < 1


async def test_a_commit_on_one_node_wakes_the_other_long_before_it_would_have_asked(database: str) -> None:
    far = Doorbell()
    async with open_log(database) as log, wired(database, log.doorbell), wired(database, far):
        began = time.monotonic()
        await log.append(decision(instance(1), 0), context())
        assert await far.wait(0, 5) == 1
        assert time.monotonic() - began < 0.25


async def test_a_commit_that_rang_for_nobody_is_found_by_asking(database: str) -> None:
    far = Doorbell()
    async with open_log(database) as log, wired(database, far):
        await log.append(decision(instance(1), 0), context())
        assert await far.wait(0, 5) == 1


async def test_many_commits_are_told_to_other_nodes_in_few_notifications(database: str) -> None:
    heard: list[int] = []

    def hear(_connection: Any, _pid: int, _channel: str, payload: str) -> None:
        heard.append(int(payload))

    async with connected(database) as connection, open_log(database) as log, wired(database, log.doorbell):
        await connection.add_listener(CHANNEL, hear)
        began = time.monotonic()
        for number in range(1, 201):
            await log.append(decision(instance(number), 0), context())
        seconds = time.monotonic() - began
        await asyncio.sleep(0.2)
        await connection.remove_listener(CHANNEL, hear)
    assert heard == sorted(set(heard))
    assert heard[-1] == 200
    assert len(heard) <= seconds / 0.025 + 3


async def test_a_broken_wire_is_mended(database: str) -> None:
    far = Doorbell()
    async with open_log(database) as log, wired(database, far):
        async with connected(database) as connection:
            await connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and query like 'select position%' and pid <> pg_backend_pid()"
            )
        await log.append(decision(instance(1), 0), context())
        assert await far.wait(0, 5) == 1
