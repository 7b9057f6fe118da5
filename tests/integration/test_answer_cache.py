"""Answers that are kept: in memory, in a Redis, and in a Redis that fails or lies."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from infra import answer_cache, redis_client
from infra.answer_cache import LARGEST, AnswerCache, MemoryAnswers, RedisAnswers
from infra.secret_key import SecretKey
from infra.settings import InvalidSetting
from tests.integration.redis_server import RedisServer, redis_server

KEY = SecretKey(["the secret key of a deployment"])
QUESTION, ANSWER = b'["insight_totals",2,"alpha","order","1"]', b'{"totalIncidents":7}\n'

#: Longer than any answer of a Redis that works takes, on whatever machine.
PATIENT = 10.0


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with redis_server(tmp_path, "--maxmemory-policy", "noeviction") as server:
        yield server


@pytest.fixture
async def node(redis: RedisServer) -> AsyncIterator[Callable[..., RedisAnswers]]:
    """Yield what makes a node, of one deployment unless another one is named."""
    made: list[RedisAnswers] = []

    def make(key: SecretKey = KEY, log: str = "a log", patience: float = PATIENT) -> RedisAnswers:
        made.append(RedisAnswers(redis.url, key, log, patience=patience))
        return made[-1]

    yield make
    for one in made:
        await one.close()


@pytest.fixture(params=["memory", "redis"])
def cache(request: pytest.FixtureRequest) -> AnswerCache:
    if request.param == "memory":
        return MemoryAnswers()
    made: AnswerCache = request.getfixturevalue("node")()
    return made


async def only_name(redis: RedisServer) -> bytes:
    (name,) = await redis.command("KEYS", "*")
    assert isinstance(name, bytes)
    return name


async def test_an_answer_is_found_at_its_position_and_at_no_other(cache: AnswerCache) -> None:
    await cache.keep(QUESTION, 41, ANSWER)
    assert [await cache.find(QUESTION, position) for position in (40, 41, 42)] == [None, ANSWER, None]


async def test_another_question_has_another_answer(cache: AnswerCache) -> None:
    beta = QUESTION.replace(b"alpha", b"beta")
    await cache.keep(QUESTION, 41, ANSWER)
    assert await cache.find(beta, 41) is None
    await cache.keep(beta, 41, b"none\n")
    assert [await cache.find(question, 41) for question in (QUESTION, beta)] == [ANSWER, b"none\n"]


async def test_a_later_answer_takes_the_place_of_an_earlier_one(cache: AnswerCache) -> None:
    for position in (41, 42):
        await cache.keep(QUESTION, position, ANSWER + b"%d" % position)
    assert [await cache.find(QUESTION, position) for position in (41, 42)] == [None, ANSWER + b"42"]


async def test_an_answer_that_is_very_large_is_not_kept(cache: AnswerCache) -> None:
    await cache.keep(QUESTION, 41, b"x" * (LARGEST + 1))
    assert await cache.find(QUESTION, 41) is None


async def test_an_answer_is_forgotten_after_its_time(cache: AnswerCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_cache, "LIFE", 1)
    await cache.keep(QUESTION, 41, ANSWER)
    await asyncio.sleep(1.2)
    assert await cache.find(QUESTION, 41) is None


async def test_memory_forgets_what_nobody_asked_for_longest() -> None:
    memory = MemoryAnswers(most_bytes=3 * 110)
    for number in range(3):
        await memory.keep(b"question %d" % number, 1, b"x" * 100)
    assert await memory.find(b"question 0", 1)
    await memory.keep(b"question 3", 1, b"x" * 100)
    found = [await memory.find(b"question %d" % number, 1) is not None for number in range(4)]
    assert found == [True, False, True, True]


async def test_nodes_share_answers_and_deployments_do_not(node: Callable[..., RedisAnswers]) -> None:
    await node().keep(QUESTION, 41, ANSWER)
    assert await node().find(QUESTION, 41) == ANSWER
    assert await node(key=SecretKey(["the secret key of another one"])).find(QUESTION, 41) is None
    assert await node(log="the log after it was restored").find(QUESTION, 41) is None


async def test_redis_holds_no_question_that_could_be_read_and_nothing_for_long(
    node: Callable[..., RedisAnswers], redis: RedisServer
) -> None:
    await node().keep(QUESTION, 41, ANSWER)
    name = await only_name(redis)
    assert b"alpha" not in name
    assert 0 < await redis.command("TTL", name) <= 60


async def test_what_nobody_of_the_deployment_has_written_is_no_answer(
    node: Callable[..., RedisAnswers], redis: RedisServer
) -> None:
    one = node()
    await one.keep(QUESTION, 41, ANSWER)
    name = await only_name(redis)
    kept = await redis.command("GET", name)
    changed = [kept[:-2] + b"8\n", kept[:-1], kept + b" ", b"", b"nonsense", kept[32:], bytes(32) + kept[32:]]
    later = kept[:32] + (42).to_bytes(8, "big") + kept[40:]
    for forged, position in [*((value, 41) for value in changed), (later, 42)]:
        await redis.command("SET", name, forged)
        assert await one.find(QUESTION, position) is None, forged
    await redis.command("SET", name, kept)
    assert await one.find(QUESTION, 41) == ANSWER


async def test_the_answer_to_another_question_is_none_in_its_place(
    node: Callable[..., RedisAnswers], redis: RedisServer
) -> None:
    one = node()
    await one.keep(QUESTION, 41, ANSWER)
    name = await only_name(redis)
    beta = QUESTION.replace(b"alpha", b"beta")
    await one.keep(beta, 41, b"of beta\n")
    (other,) = set(await redis.command("KEYS", "*")) - {name}
    await redis.command("SET", name, await redis.command("GET", other))
    assert await one.find(QUESTION, 41) is None
    assert await one.find(beta, 41) == b"of beta\n"


async def test_something_else_under_the_name_is_no_answer_and_is_replaced(
    node: Callable[..., RedisAnswers], redis: RedisServer
) -> None:
    one = node()
    await one.keep(QUESTION, 41, ANSWER)
    name = await only_name(redis)
    await redis.command("DEL", name)
    await redis.command("RPUSH", name, "a", "b")
    assert await one.find(QUESTION, 41) is None
    await one.keep(QUESTION, 41, ANSWER)
    assert await one.find(QUESTION, 41) == ANSWER


async def test_a_redis_that_is_full_or_was_flushed_costs_answers_and_nothing_else(
    node: Callable[..., RedisAnswers], redis: RedisServer
) -> None:
    one = node()
    await one.keep(QUESTION, 41, ANSWER)
    await redis.command("FLUSHALL")
    assert await one.find(QUESTION, 41) is None
    await redis.command("CONFIG", "SET", "maxmemory", "1")
    await one.keep(QUESTION, 41, ANSWER)
    assert await one.find(QUESTION, 41) is None
    await redis.command("CONFIG", "SET", "maxmemory", "0")
    await one.keep(QUESTION, 41, ANSWER)
    assert await one.find(QUESTION, 41) == ANSWER


async def test_nobody_waits_long_for_a_redis_that_is_frozen_or_gone(
    node: Callable[..., RedisAnswers], redis: RedisServer
) -> None:
    one, other = node(patience=0.2), node(patience=0.2)
    redis.freeze()
    began = time.monotonic()
    for _ in range(100):
        assert await one.find(QUESTION, 41) is None
        await one.keep(QUESTION, 41, ANSWER)
    assert time.monotonic() - began < PATIENT  # in turn they would wait for 40 s
    redis.thaw()
    await redis.kill()
    assert await other.find(QUESTION, 41) is None


async def test_a_redis_that_is_back_is_asked_again(
    node: Callable[..., RedisAnswers], redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_client, "PAUSE", 0.01)
    one = node()
    await redis.kill()
    assert await one.find(QUESTION, 41) is None
    await redis.start()
    async with asyncio.timeout(PATIENT):
        while await one.find(QUESTION, 41) is None:
            await asyncio.sleep(0.02)
            await one.keep(QUESTION, 41, ANSWER)


def test_a_url_of_no_redis_is_refused_without_being_repeated() -> None:
    with pytest.raises(InvalidSetting) as refusal:
        RedisAnswers("redis://:secret@host:port/0", KEY, "a log")
    assert "secret" not in str(refusal.value)
