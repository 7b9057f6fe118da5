"""Nodes wake each other over Redis, and whatever becomes of Redis costs them no more than the time to the next look."""

import asyncio
import random
import statistics
import time
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from api.composition import Node, open_node
from infra import redis_doorbell
from infra.event_log.doorbell import Doorbell
from infra.event_log.log import EventLog
from infra.following.followers import Pace
from infra.postgres import Link, connect_pool
from infra.redis_doorbell import RedisWire
from infra.settings import InvalidSetting, Settings
from projections.catalogue import READ_MODELS
from tests.integration.appending import connected, context, decision, instance, open_log, passed
from tests.integration.redis_server import RedisServer, redis_server

NEVER = 3600.0

#: A look at the log is due after half a second; a machine that is busy gets more.
LOOKED = 2.0

DOWN = "the doorbell between nodes is down"
UP = "the doorbell between nodes is up again"
NOISE = "somebody else publishes on the channel of the doorbell"


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with redis_server(tmp_path) as server:
        yield server


@pytest.fixture
def only_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no wire look at the log unless it is told to: then a ring can have come over Redis only."""
    monkeypatch.setattr(redis_doorbell, "POLLED", NEVER)


class Counting:
    """The database of a wire, with a count of what it is asked."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self.asked = 0

    async def fetchval(self, query: str, /, *args: Any) -> Any:
        self.asked += 1
        return await self._database.fetchval(query, *args)


@asynccontextmanager
async def wired(dsn: str, url: str, doorbell: Doorbell) -> AsyncIterator[Counting]:
    """Run a wire, and return what it asks of the database."""
    pool = await connect_pool(dsn, Link(name="test"))
    counting = Counting(pool)
    wire = asyncio.create_task(RedisWire(doorbell, counting, url).run())
    try:
        yield counting
    finally:
        wire.cancel()
        await asyncio.gather(wire, return_exceptions=True)
        await pool.close()


async def listening(redis: RedisServer, wires: int) -> str:
    """Return the channel of the deployment as soon as so many listen to it."""
    async with asyncio.timeout(10):
        while True:
            channels = await redis.channels()
            if channels and (await redis.command("PUBSUB", "NUMSUB", channels[0]))[1] == wires:
                return channels[0]
            await asyncio.sleep(0.01)


@asynccontextmanager
async def near_and_far(dsn: str, url: str) -> AsyncIterator[tuple[EventLog, Doorbell]]:
    """Run two nodes' wires: the log of one, and the doorbell of the other."""
    far = Doorbell()
    async with open_log(dsn) as log, wired(dsn, url, log.doorbell), wired(dsn, url, far):
        yield log, far


async def append(log: EventLog, number: int) -> int:
    return await log.append(decision(instance(number), 0, passed(number)), context())


@pytest.mark.usefixtures("only_when_told")
async def test_an_append_on_one_node_wakes_the_other_in_a_few_milliseconds(database: str, redis: RedisServer) -> None:
    took = []
    async with near_and_far(database, redis.url) as (log, far):
        await listening(redis, wires=2)
        for number in range(1, 22):
            began = time.monotonic()
            head = await append(log, number)
            assert await far.wait(head - 1, 5) == head
            took.append(time.monotonic() - began)
            await asyncio.sleep(0.03)
    assert statistics.median(took) < 0.025


async def test_many_appends_are_told_to_other_nodes_in_few_messages(database: str, redis: RedisServer) -> None:
    async with near_and_far(database, redis.url) as (log, far):
        await listening(redis, wires=2)
        before = await told(redis)
        began = time.monotonic()
        for number in range(1, 201):
            await append(log, number)
        assert await far.wait(199, 5) == 200
        assert await told(redis) - before <= (time.monotonic() - began) / 0.025 + 3


async def told(redis: RedisServer) -> int:
    """Return how many messages were published."""
    statistic = (await redis.command("INFO", "commandstats")).get("cmdstat_publish", {"calls": 0})
    return int(statistic["calls"])


async def test_another_deployment_on_the_same_redis_is_not_woken(
    database: str, empty_database: str, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(empty_database) as connection:
        await connection.execute("create schema log; create table log.head as select 0::bigint as position")
    monkeypatch.setattr(redis_doorbell, "POLLED", NEVER)
    async with near_and_far(database, redis.url) as (log, far):
        await listening(redis, wires=2)
        async with wired(empty_database, redis.url, Doorbell()) as other:
            async with asyncio.timeout(5):
                while len(channels := await redis.channels()) < 2:
                    assert channels
                    await asyncio.sleep(0.01)
            asked = other.asked
            await append(log, 1)
            assert await far.wait(0, 5) == 1
            await asyncio.sleep(0.1)
            assert other.asked == asked


async def test_without_redis_nodes_find_appends_by_looking_and_complain_once(database: str, redis: RedisServer) -> None:
    await redis.kill()
    with capture_logs() as said:
        async with near_and_far(database, redis.url) as (log, far):
            for number in (1, 2, 3):
                began = time.monotonic()
                await append(log, number)
                assert await far.wait(number - 1, 5) == number
                assert time.monotonic() - began < LOOKED
    assert [line["event"] for line in said] == [DOWN, DOWN], "one warning for each node"


@pytest.mark.parametrize("fault", ["killed", "frozen", "cut off"])
async def test_nodes_go_on_without_redis_and_use_it_again_when_it_is_back(
    fault: str, database: str, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with capture_logs() as said:
        async with near_and_far(database, redis.url) as (log, far):
            await listening(redis, wires=2)
            await begin(fault, redis)
            for number in (1, 2, 3, 4):
                began = time.monotonic()
                await append(log, number)
                assert await far.wait(number - 1, 5) == number
                assert time.monotonic() - began < LOOKED
                await asyncio.sleep(0.5)
            await end(fault, redis)
            await listening(redis, wires=2)
            monkeypatch.setattr(redis_doorbell, "POLLED", NEVER)
            await asyncio.sleep(0.7)
            await append(log, 5)
            assert await far.wait(4, 5) == 5
    events = [line["event"] for line in said]
    assert 1 <= events.count(DOWN) <= 2, "at most one warning for each node"
    assert events.count(UP) == events.count(DOWN)
    assert len(events) == events.count(UP) + events.count(DOWN)


async def begin(fault: str, redis: RedisServer) -> None:
    match fault:
        case "killed":
            await redis.kill()
        case "frozen":
            redis.freeze()
        case _:
            await redis.command("CLIENT", "KILL", "TYPE", "pubsub")


async def end(fault: str, redis: RedisServer) -> None:
    match fault:
        case "killed":
            await redis.start()
        case "frozen":
            redis.thaw()


async def test_a_frozen_redis_is_noticed_though_nobody_appends(
    database: str, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_doorbell, "SILENCE", 0.2)
    with capture_logs() as said:
        async with wired(database, redis.url, Doorbell()):
            await listening(redis, wires=1)
            await asyncio.sleep(1)
            assert not said, "it answers, so its silence says nothing"
            redis.freeze()
            await asyncio.sleep(1)
            assert [line["event"] for line in said] == [DOWN]


@pytest.mark.usefixtures("only_when_told")
async def test_a_redis_that_forgets_everything_still_carries_rings(database: str, redis: RedisServer) -> None:
    with capture_logs() as said:
        async with near_and_far(database, redis.url) as (log, far):
            channel = await listening(redis, wires=2)
            await redis.command("SET", channel, "a value where there should be none")
            await redis.command("FLUSHALL")
            await append(log, 1)
            assert await far.wait(0, 5) == 1
    assert not said


@pytest.mark.usefixtures("only_when_told")
async def test_nonsense_on_the_channel_is_believed_by_nobody(database: str, redis: RedisServer) -> None:
    nonsense = (b"", b"nan", b"-5", b"1.5", b"\xff\x00", b"{}", b"9" * 5000, b"x" * 8_000_000, b"9" * 19, b"7")
    with capture_logs() as said:
        async with near_and_far(database, redis.url) as (log, far):
            channel = await listening(redis, wires=2)
            for text in nonsense:
                await redis.command("PUBLISH", channel, text)
            await asyncio.sleep(0.2)
            assert (log.doorbell.head, far.head) == (0, 0), "only the log says where it ends"
            await append(log, 1)
            assert await far.wait(0, 5) == 1
    assert [line["event"] for line in said] == [NOISE, NOISE], "one warning for each node"


async def test_large_nonsense_takes_no_memory_for_long(database: str, redis: RedisServer) -> None:
    async with wired(database, redis.url, Doorbell()):
        channel = await listening(redis, wires=1)
        tracemalloc.start()
        try:
            for _ in range(100):
                await redis.command("PUBLISH", channel, b"x" * 1_000_000)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 32_000_000, "of 100 MB"


class Turns(RedisWire):
    """A wire that counts which messages are read in one turn of the event loop, while others wait for theirs."""

    def __init__(self, doorbell: Doorbell, database: Any, url: str) -> None:
        super().__init__(doorbell, database, url)
        self.turn = 0
        self.messages: Counter[int] = Counter()

    def _weigh(self, message: Any) -> None:
        self.messages[self.turn] += 1
        super()._weigh(message)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(super().run())
            while True:
                self.turn += 1
                await asyncio.sleep(0)


async def test_a_flood_of_nonsense_leaves_others_their_turns(database: str, redis: RedisServer) -> None:
    flood = "for i = 1, 5000 do redis.call('PUBLISH', KEYS[1], 'nonsense') end"
    async with open_log(database) as log:
        wire = Turns(Doorbell(), log._database, redis.url)
        running = asyncio.create_task(wire.run())
        await redis.command("EVAL", flood, 1, await listening(redis, wires=1))
        async with asyncio.timeout(20):
            while sum(wire.messages.values()) <= 5000:
                assert not running.done()
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert max(wire.messages.values()) <= 2


async def test_a_wire_stops_at_once_though_redis_is_frozen(database: str, redis: RedisServer) -> None:
    async with wired(database, redis.url, doorbell := Doorbell()):
        await listening(redis, wires=1)
        redis.freeze()
        doorbell.ring(1)
        await asyncio.sleep(0.1)
        began = time.monotonic()
    assert time.monotonic() - began < 1


async def test_a_wire_stops_at_whatever_moment_it_is_asked_to(
    database: str, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_doorbell, "SILENCE", 0.0001)
    monkeypatch.setattr(redis_doorbell, "COALESCED", 0.0001)
    chance = random.Random(1)
    async with open_log(database) as log:
        for number in range(1, 101):
            doorbell = Doorbell()
            wire = asyncio.create_task(RedisWire(doorbell, log._database, redis.url).run())
            ends = time.monotonic() + chance.uniform(0, 0.05)
            while time.monotonic() < ends:
                doorbell.ring(doorbell.own + 1)
                await asyncio.sleep(0)
            wire.cancel()
            _, still_running = await asyncio.wait([wire], timeout=2)
            assert not still_running, f"round {number}"


async def test_a_redis_that_wants_another_password_is_like_none(database: str, tmp_path: Path) -> None:
    async with redis_server(tmp_path) as redis:
        await redis.command("CONFIG", "SET", "requirepass", "another")
        url = redis.url.replace("://", "://:secret-of-mine@")
        with capture_logs() as said:
            async with near_and_far(database, url) as (log, far):
                await append(log, 1)
                assert await far.wait(0, 5) == 1
    assert [line["event"] for line in said] == [DOWN, DOWN]
    assert "secret-of-mine" not in str(said)


@pytest.mark.usefixtures("only_when_told")
async def test_a_user_of_redis_who_may_do_nothing_but_use_the_channel_is_enough(
    database: str, redis: RedisServer
) -> None:
    rights = ("resetchannels", "&annals:head:*", "-@all", "+subscribe", "+publish", "+ping")
    await redis.command("ACL", "SETUSER", "doorbell", "on", ">secret", *rights)
    with capture_logs() as said:
        async with near_and_far(database, redis.url.replace("://", "://doorbell:secret@")) as (log, far):
            await listening(redis, wires=2)
            await append(log, 1)
            assert await far.wait(0, 5) == 1
    assert not said


def test_a_url_that_leads_nowhere_is_refused_without_being_repeated() -> None:
    with pytest.raises(InvalidSetting, match="ANNALS_REDIS_URL") as refusal:
        RedisWire(Doorbell(), Counting(None), "redis://:a/password@localhost:6379/0")
    assert "a/password" not in str(refusal.value)


@asynccontextmanager
async def node(dsn: str, url: str, *roles: Any) -> AsyncIterator[Node]:
    settings = Settings(database_url=dsn, redis_url=url, roles=roles, secret_key=("pepper of the tests",))
    async with open_node(settings) as opened:
        yield opened


@pytest.mark.usefixtures("only_when_told")
async def test_a_write_on_one_node_wakes_the_follower_of_the_other(database: str, redis: RedisServer) -> None:
    names = [model.name for model in READ_MODELS]
    async with node(database, redis.url, "api") as writing, node(database, redis.url, "followers") as following:
        await listening(redis, wires=2)
        await following.reading.caught_up(names)
        following.followers._pace = Pace(poll=NEVER)
        await asyncio.sleep(0.5)
        took = []
        for number in range(1, 8):
            began = time.monotonic()
            head = await append(writing.log, number)
            assert await following.followers.progress.until(dict.fromkeys(names, head), 5)
            took.append(time.monotonic() - began)
        assert statistics.median(took) < 0.25
