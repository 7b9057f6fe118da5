"""Buckets of requests: in memory, in a Redis, and in a Redis that fails."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra import redis_client
from infra.rate_limits.buckets import Buckets, MemoryBuckets
from infra.rate_limits.redis_buckets import PATIENCE, RedisBuckets
from infra.settings import InvalidSetting
from tests.integration.redis_server import RedisServer, redis_server

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Wall:
    """The clock on the wall, which the test sets."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


Making = Callable[[], Buckets]


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with redis_server(tmp_path) as server:
        yield server


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
async def nodes(redis: RedisServer, wall: Wall) -> AsyncIterator[Callable[[], RedisBuckets]]:
    """Yield what makes a node of one deployment."""
    made: list[RedisBuckets] = []

    def node() -> RedisBuckets:
        made.append(RedisBuckets(redis.url, wall, "tests"))
        return made[-1]

    yield node
    for one in made:
        await one.close()


@pytest.fixture(params=["memory", "redis"])
def buckets(request: pytest.FixtureRequest, wall: Wall) -> Buckets:
    if request.param == "memory":
        return MemoryBuckets(wall)
    made: Buckets = request.getfixturevalue("nodes")()
    return made


async def passed(buckets: Buckets, requests: int, limit: int = 5, name: str = "one") -> int:
    return sum([(await buckets.take(name, limit)).passes for _ in range(requests)])


async def test_a_bucket_holds_its_limit_in_a_minute_and_is_filled_anew_with_the_next(
    buckets: Buckets, wall: Wall
) -> None:
    assert await passed(buckets, 20) == 5
    wall.now += timedelta(seconds=59.999)
    assert await passed(buckets, 5) == 0
    wall.now += timedelta(seconds=0.001)
    assert await passed(buckets, 20) == 5


async def test_buckets_do_not_share_what_they_hold(buckets: Buckets) -> None:
    assert [await passed(buckets, 20, name=name) for name in ("one", "two", "one")] == [5, 5, 0]


async def test_who_takes_is_told_what_is_left_and_when_there_is_more(buckets: Buckets, wall: Wall) -> None:
    wall.now += timedelta(seconds=20.5)
    taken = [await buckets.take("one", 2) for _ in range(3)]
    assert [one.remaining for one in taken] == [1, 0, 0]
    assert [one.passes for one in taken] == [True, True, False]
    assert {(one.limit, one.reset, one.wait) for one in taken} == {(2, int(NOON.timestamp()) + 60, 40)}


async def test_a_limit_that_is_lowered_or_raised_counts_at_once(buckets: Buckets) -> None:
    assert await passed(buckets, 4, limit=10) == 4
    assert await passed(buckets, 4, limit=3) == 0
    assert await passed(buckets, 4, limit=6) == 2


async def test_requests_at_once_are_not_counted_as_one(buckets: Buckets) -> None:
    taken = await asyncio.gather(*(buckets.take("one", 50) for _ in range(200)))
    assert sum(one.passes for one in taken) == 50


async def test_a_clock_that_goes_back_keeps_nobody_out(buckets: Buckets, wall: Wall) -> None:
    assert await passed(buckets, 9) == 5
    wall.now -= timedelta(hours=1)
    assert await passed(buckets, 9) == 5


async def test_nodes_share_their_buckets_and_deployments_do_not(
    nodes: Callable[[], RedisBuckets], redis: RedisServer, wall: Wall
) -> None:
    one, other = nodes(), nodes()
    stranger = RedisBuckets(redis.url, wall, "another deployment")
    assert (await passed(one, 3), await passed(other, 9), await passed(one, 9)) == (3, 2, 0)
    assert await passed(stranger, 9) == 5
    await stranger.close()


async def test_counts_are_gone_soon_after_their_minute(nodes: Callable[[], RedisBuckets], redis: RedisServer) -> None:
    await passed(nodes(), 3)
    (key,) = await redis.command("KEYS", "*")
    assert 100 < await redis.command("TTL", key) <= 120


async def processes_passed(url: str, processes: int, requests: int, limit: int) -> int:
    """Return how many requests of all processes were within the limit."""
    running = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.integration.taking", url, str(requests), str(limit)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(processes)
    ]
    for process in running:
        assert process.stdout
        assert await process.stdout.readline() == b"ready\n"
    results = await asyncio.gather(*(process.communicate(b"go\n") for process in running))
    return sum(int(out.split()[-1]) for out, _ in results)


async def test_of_the_requests_of_several_processes_exactly_the_limit_passes(redis: RedisServer) -> None:
    assert await processes_passed(redis.url, 4, 500, 100) == 100


@pytest.mark.campaign
@pytest.mark.timeout(300)
async def test_of_a_thousand_requests_of_each_of_fifty_processes_exactly_the_limit_passes(redis: RedisServer) -> None:
    began = time.monotonic()
    assert await processes_passed(redis.url, 50, 1000, 100) == 100
    print(f"50 processes x 1,000 requests: exactly 100 passed, {time.monotonic() - began:.1f} s with their starts")


async def test_without_its_redis_each_node_counts_by_itself(
    nodes: Callable[[], RedisBuckets], redis: RedisServer
) -> None:
    one, other = nodes(), nodes()
    assert await passed(one, 3) == 3
    await redis.kill()
    assert (await passed(one, 20), await passed(other, 20)) == (2, 5)


async def test_a_frozen_redis_holds_up_one_request_and_not_for_long(
    nodes: Callable[[], RedisBuckets], redis: RedisServer
) -> None:
    one = nodes()
    assert await passed(one, 1) == 1
    redis.freeze()
    began = time.monotonic()
    assert await passed(one, 20) == 4
    assert time.monotonic() - began < 2 * PATIENCE
    redis.thaw()


async def test_many_requests_at_once_wait_for_a_frozen_redis_no_longer_than_one(
    nodes: Callable[[], RedisBuckets], redis: RedisServer
) -> None:
    one = nodes()
    redis.freeze()
    began = time.monotonic()
    taken = await asyncio.gather(*(one.take("one", 50) for _ in range(200)))
    assert time.monotonic() - began < 2 * PATIENCE
    assert sum(each.passes for each in taken) == 50
    redis.thaw()


async def test_a_redis_that_is_back_is_asked_again(
    nodes: Callable[[], RedisBuckets], redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_client, "PAUSE", 0.05)
    one, other = nodes(), nodes()
    await redis.kill()
    assert await passed(one, 2) == 2
    await redis.start()
    await asyncio.sleep(0.1)
    assert await passed(one, 2) == 2
    assert await passed(other, 9) == 3  # two were counted while Redis was away, by the first node alone


async def test_a_redis_that_is_flushed_lets_no_node_pass_more_than_the_limit(
    nodes: Callable[[], RedisBuckets], redis: RedisServer
) -> None:
    one = nodes()
    total = 0
    for _ in range(20):
        total += await passed(one, 1)
        await redis.command("FLUSHALL")
    assert total == 5


@pytest.mark.parametrize(
    "nonsense",
    [
        ("SET", "", "garbage"),
        ("SET", "", ""),
        ("SET", "", "-1000000"),
        ("SET", "", "1e3"),
        ("SET", "", "0x10"),
        ("SET", "", "5.5"),
        ("SET", "", "nan"),
        ("SET", "", "99999999999999999999999999"),
        ("SET", "", "9223372036854775807"),
        ("SET", "", b"\xff\x00"),
        ("RPUSH", "", "1"),
        ("HSET", "", "a", "b"),
    ],
    ids=str,
)
async def test_what_is_no_count_neither_keeps_out_nor_lets_in(
    nodes: Callable[[], RedisBuckets], redis: RedisServer, nonsense: tuple[str | bytes, ...]
) -> None:
    one, other = nodes(), nodes()
    await passed(one, 1)
    (key,) = await redis.command("KEYS", "*")
    await redis.command("DEL", key)
    await redis.command(*(word or key for word in nonsense[:2]), *nonsense[2:])
    assert await passed(one, 9) == 4  # of its own five one had passed before
    assert await passed(other, 9) == 1  # what the other has passed is counted again


async def test_a_redis_that_takes_no_writes_is_one_that_is_gone(wall: Wall, tmp_path: Path) -> None:
    async with redis_server(tmp_path, "--maxmemory", "1mb") as full:
        buckets = RedisBuckets(full.url, wall, "tests")
        assert await passed(buckets, 9) == 5
        await buckets.close()


async def test_a_redis_that_forgets_its_scripts_is_told_again(
    nodes: Callable[[], RedisBuckets], redis: RedisServer
) -> None:
    one, other = nodes(), nodes()
    assert await passed(one, 2) == 2
    await redis.command("SCRIPT", "FLUSH")
    assert (await passed(one, 1), await passed(other, 9)) == (1, 2)


def test_a_url_of_no_redis_is_a_wrong_setting_and_is_not_repeated(wall: Wall) -> None:
    with pytest.raises(InvalidSetting, match="ANNALS_REDIS_URL") as refused:
        RedisBuckets("redis://:pass@word@:x/0", wall, "tests")
    assert "word" not in str(refused.value)
