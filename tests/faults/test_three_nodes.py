"""The production shape: what one node appends the others tell at once, whatever Redis does, and nothing gets lost.

The long form of the last two is a command (tests/faults/three_nodes.py).
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count as numbers
from pathlib import Path

import aiohttp
import pytest

from tests.faults.chaos import Chaos
from tests.faults.client import WORKING, Client, deployment, start
from tests.faults.cluster import Cluster, cluster
from tests.faults.node import KEY
from tests.faults.three_nodes import disturbed, unfenced

KEYS = numbers(1)

#: Appends that are waited for in each state of Redis, and seconds that one may take on a busy machine. What it takes on
#: a quiet one is printed: a few hundredths of a second with Redis, half a second at most without.
APPENDS = 5
PATIENCE = 10.0


@pytest.fixture(scope="module")
async def three(open_directory: Path) -> AsyncIterator[Cluster]:
    directory = open_directory / "three"
    directory.mkdir()
    directory.chmod(0o711)
    async with cluster(directory, ANNALS_ENGINE_LIMIT="900000") as running:
        await running.start_nodes()
        await Client(running.urls[0]).done("POST", "/processes", deployment("1", WORKING))
        yield running
        assert await running.stop_nodes() == [0, 0, 0]


class Listener:
    """Listens to the stream of one node; ``heard`` are the subjects of the events that came."""

    def __init__(self) -> None:
        self.heard: set[str] = set()
        self.news = asyncio.Event()

    async def hear(self, subject: str) -> None:
        """Return once an event of this stream has come."""
        async with asyncio.timeout(PATIENCE):
            while subject not in self.heard:
                self.news.clear()
                await self.news.wait()

    async def listen(self, url: str) -> None:
        timeout = aiohttp.ClientTimeout(total=None)
        headers = {"Authorization": KEY, "Accept": "text/event-stream"}
        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
            session.get(f"{url}/events/stream?after=0") as stream,
        ):
            assert stream.status == 200
            async for line in stream.content:
                if line.startswith(b"data:") and b'"subject":"' in line:
                    self.heard.add(line.split(b'"subject":"')[1].split(b'"')[0].decode())
                    self.news.set()


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[Listener]:
    listener = Listener()
    task = asyncio.create_task(listener.listen(url))
    try:
        yield listener
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def told_after(three: Cluster) -> list[float]:
    """Return the seconds from the answer of one node to the event on the stream of another one."""
    took = []
    async with listening(three.urls[0]) as listener:
        for number in range(APPENDS):
            client = Client(three.urls[1 + number % 2])
            begun = await client.done("POST", "/process-instances", start("1", f"key-{next(KEYS)}"))
            answered = time.monotonic()
            await listener.hear(f"instance-{begun['partition']}-{begun['id']}")
            took.append(time.monotonic() - answered)
            await asyncio.sleep(0.05)
    return took


@asynccontextmanager
async def is_killed(three: Cluster) -> AsyncIterator[None]:
    await three.redis.kill()
    try:
        yield
    finally:
        await three.redis.start()


@asynccontextmanager
async def is_frozen(three: Cluster) -> AsyncIterator[None]:
    three.redis.freeze()
    try:
        yield
    finally:
        three.redis.thaw()


@asynccontextmanager
async def is_flushed(three: Cluster) -> AsyncIterator[None]:
    await three.redis.command("FLUSHALL")
    yield


@asynccontextmanager
async def talks_nonsense(three: Cluster) -> AsyncIterator[None]:
    await Chaos(three, seed=1).talk_nonsense()
    yield


@asynccontextmanager
async def is_full(three: Cluster) -> AsyncIterator[None]:
    await three.redis.command("CONFIG", "SET", "maxmemory", "1")
    try:
        yield
    finally:
        await three.redis.command("CONFIG", "SET", "maxmemory", "0")


async def all_listen(three: Cluster) -> None:
    """Return when all nodes listen to Redis; one that has lost it comes back by itself."""
    async with asyncio.timeout(30):
        while await _subscribers(three) < len(three.nodes):  # noqa: ASYNC110  (nobody tells)
            await asyncio.sleep(0.05)


async def _subscribers(three: Cluster) -> int:
    channels = await three.redis.channels()
    return (await three.redis.command("PUBSUB", "NUMSUB", channels[0]))[1] if channels else 0


@pytest.mark.parametrize("failing", [is_killed, is_frozen, is_flushed, talks_nonsense, is_full])
async def test_what_one_node_appends_is_told_by_another_whatever_redis_does(
    three: Cluster, failing: Callable[[Cluster], AbstractAsyncContextManager[None]]
) -> None:
    await all_listen(three)
    with_redis = await told_after(three)
    async with failing(three):
        failing_redis = await told_after(three)
        assert (await Client(three.urls[2]).call("POST", "/jobs/query", {})).status == 200
        assert (await Client(three.urls[2], "nonsense").call("POST", "/jobs/query", {})).status == 401
    await all_listen(three)
    print(f"{failing.__name__}: {_told(with_redis)} before, {_told(failing_redis)} meanwhile")


def _told(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1000:.0f} ms, {max(seconds) * 1000:.0f} at most"


async def test_a_worker_that_waits_at_one_node_gets_the_job_that_another_makes(three: Cluster) -> None:
    here, there = (Client(url) for url in three.urls[:2])
    lock = {"limit": 100, "workerId": "waiting", "requestTimeout": 30_000}
    while (await here.done("POST", "/jobs/lock", {**lock, "requestTimeout": 0}))["jobs"]:
        pass
    waiting = asyncio.create_task(here.done("POST", "/jobs/lock", lock))
    await asyncio.sleep(0.2)
    begun = await there.done("POST", "/process-instances", start("1", f"key-{next(KEYS)}"))
    async with asyncio.timeout(PATIENCE):
        (job,) = (await waiting)["jobs"]
    assert (job["partition"], job["processInstanceId"]) == (begun["partition"], begun["id"])


@pytest.mark.timeout(300)
async def test_three_nodes_go_through_kills_and_standstills_of_everything(open_directory: Path) -> None:
    directory = open_directory / "disturbed"
    directory.mkdir()
    directory.chmod(0o711)
    ran = await disturbed(directory, seconds=8, seed=8, pace=5)
    print(ran.told())
    assert not ran.found
    assert ran.history.completed
    assert ran.leases.writes > ran.leases.changes > 0


@pytest.mark.timeout(300)
async def test_a_holder_that_does_not_look_at_its_lease_is_caught(open_directory: Path) -> None:
    directory = open_directory / "unfenced"
    directory.mkdir()
    directory.chmod(0o711)
    leases = await unfenced(directory, seconds=200)
    assert leases.intruders
