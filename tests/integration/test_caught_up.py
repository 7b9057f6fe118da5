"""Queries wait until their read models reflect what was written before them, and say so when they do not get there."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest

from domain.rejection import InvalidInput, Unavailable
from infra.event_log.doorbell import Doorbell
from infra.following.followers import Pace
from infra.following.progress import Progress
from infra.postgres import Link, Pool, connect_pool
from infra.reading import Reading, ReadModelBehind
from projections.read_model import ReadModel
from tests.integration.following_stage import Faults, append_many, connected, follower_pool, following, tally

MODELS = (tally("first"), tally("second"))
NAMES = ("first", "second")

#: Followers that rest for long between batches, and do not look by themselves.
DROWSY = Pace(poll=60, rest=60)


class Counting:
    """A database that counts the statements it is sent."""

    def __init__(self, pool: Pool) -> None:
        self.statements = 0
        self._pool = pool

    async def fetch(self, query: str, /, *args: Any) -> Sequence[Mapping[str, Any]]:
        self.statements += 1
        return [dict(row) for row in await self._pool.fetch(query, *args)]

    async def execute(self, query: str, /, *args: Any) -> str:
        raise NotImplementedError

    async def fetchrow(self, query: str, /, *args: Any) -> Mapping[str, Any] | None:
        raise NotImplementedError

    async def fetchval(self, query: str, /, *args: Any) -> Any:
        raise NotImplementedError


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with follower_pool(database) as opened:
        yield opened


@pytest.fixture
async def queries(database: str) -> AsyncIterator[Counting]:
    opened = await connect_pool(database, Link(name="queries", search_path="read"))
    yield Counting(opened)
    await opened.close()


def reading(
    queries: Counting,
    bell: Doorbell | None = None,
    progress: Progress | None = None,
    patience: float = 5.0,
    models: Sequence[ReadModel] = MODELS,
) -> Reading:
    return Reading(queries, models, bell or Doorbell(), progress or Progress(), patience)


async def counted(queries: Counting, table: str) -> int:
    rows = await queries.fetch(f"select count(*) as facts from {table}")
    count: int = rows[0]["facts"]
    return count


async def test_a_query_sees_what_was_written_before_it_though_followers_would_rest(
    database: str, pool: Pool, queries: Counting
) -> None:
    bell = Doorbell()
    async with following(pool, MODELS, DROWSY, bell) as stage, connected(database) as other:
        gate = reading(queries, bell, stage.followers.progress)
        await gate.caught_up(NAMES)
        for number in range(1, 21):
            await append_many(other, 5)
            assert await gate.caught_up(NAMES) == 5 * number
            assert await counted(queries, "first") == await counted(queries, "second") == 5 * number


async def test_a_query_sees_what_was_written_when_another_process_follows(
    database: str, pool: Pool, queries: Counting
) -> None:
    async with following(pool, MODELS), connected(database) as other:
        gate = reading(queries)
        for number in range(1, 21):
            await append_many(other, 5)
            assert await gate.caught_up(NAMES) == 5 * number
            assert await counted(queries, "second") == 5 * number


async def test_a_query_does_not_rely_on_what_a_crash_has_taken_from_read_models(
    database: str, pool: Pool, queries: Counting
) -> None:
    """Nobody waits for their commits to be on the disk: a server that starts anew may lack the last of them."""
    bell = Doorbell()
    async with following(pool, MODELS, Pace(poll=0.5, rest=0.5), bell) as stage, connected(database) as server:
        gate = reading(queries, bell, stage.followers.progress, patience=30)
        await append_many(pool, 10)
        await gate.caught_up(NAMES)
        await server.execute(
            "delete from read.first where position > 5; delete from read.second where position > 5;"
            "update log.followers set position = 5"
        )
        assert await gate.caught_up(NAMES) == 10
        assert await counted(queries, "first") == await counted(queries, "second") == 10


async def test_in_the_common_case_the_wait_is_one_statement(pool: Pool, queries: Counting) -> None:
    await append_many(pool, 10)
    async with following(pool, MODELS) as stage:
        await stage.level(*NAMES)
    gate = reading(queries)
    assert await gate.caught_up(NAMES) == 10
    assert queries.statements == 1


async def test_a_query_may_ask_for_less_than_the_latest(pool: Pool, queries: Counting) -> None:
    await append_many(pool, 10)
    async with following(pool, MODELS) as stage:
        await stage.level(*NAMES)
    await append_many(pool, 10)
    gate = reading(queries, patience=0.1)
    assert await gate.caught_up(NAMES, min_position=10) == 10
    assert await gate.caught_up(NAMES, min_position=3) == 10
    with pytest.raises(ReadModelBehind):
        await gate.caught_up(NAMES)
    with pytest.raises(ReadModelBehind):
        await gate.caught_up(NAMES, min_position=20)


async def test_a_query_cannot_ask_for_what_nobody_has_written(pool: Pool, queries: Counting) -> None:
    await append_many(pool, 20)
    with pytest.raises(InvalidInput):
        await reading(queries, patience=60).caught_up(NAMES, min_position=21)


async def test_a_read_model_that_does_not_get_there_in_time_is_named(pool: Pool, queries: Counting) -> None:
    async with following(pool, MODELS) as stage:
        await stage.level(*NAMES)
    await append_many(pool, 10)
    await pool.execute("update log.followers set position = 10 where name = 'first'")
    began = time.monotonic()
    with pytest.raises(ReadModelBehind, match="read model second is at position 0, asked for is 10") as behind:
        await reading(queries, patience=0.3).caught_up(NAMES)
    assert 0.3 <= time.monotonic() - began < 1.5
    assert (behind.value.read_model, behind.value.retry_after) == ("second", 1)
    assert queries.statements < 30, "it waits with growing pauses"


async def test_a_read_model_without_its_tables_is_named(queries: Counting) -> None:
    with pytest.raises(ReadModelBehind, match="read model first is being rebuilt"):
        await reading(queries, patience=0.05).caught_up(NAMES)


async def test_tables_of_another_version_answer_no_query(pool: Pool, queries: Counting) -> None:
    async with following(pool, [tally("first", version=2)]) as stage:
        await stage.level("first")
    with pytest.raises(ReadModelBehind, match="read model first is being rebuilt"):
        await reading(queries, patience=0.05).caught_up(("first",))


async def test_a_read_model_that_has_long_stopped_is_refused_without_a_wait(pool: Pool, queries: Counting) -> None:
    broken = tally("first", faults=Faults(5))
    await append_many(pool, 10)
    async with following(pool, [broken]) as stage:
        await stage.until("first", lambda standing: standing.failed_at == 5)
        await pool.execute("update log.followers set failed_since = failed_since - interval '1 minute'")
        began = time.monotonic()
        with pytest.raises(ReadModelBehind, match="read model first has stopped at position 4") as behind:
            await reading(queries, models=[broken]).caught_up(("first",))
        assert time.monotonic() - began < 1
        assert behind.value.retry_after == 10
        assert await reading(queries, models=[broken]).caught_up(("first",), min_position=4) == 4


async def test_a_query_that_waits_goes_on_when_its_read_model_is_mended(pool: Pool, queries: Counting) -> None:
    faults = Faults(5)
    broken = tally("first", faults=faults)
    await append_many(pool, 10)
    async with following(pool, [broken]) as stage:
        await stage.until("first", lambda standing: standing.failed_at == 5)
        waiting = asyncio.create_task(
            reading(queries, progress=stage.followers.progress, models=[broken]).caught_up(("first",))
        )
        await asyncio.sleep(0.1)
        assert not waiting.done()
        faults.positions.clear()
        assert await waiting == 10


async def test_queries_are_refused_while_the_database_is_away(database: str) -> None:
    away = await connect_pool(database, Link(name="queries"))
    await away.close()
    with pytest.raises(Unavailable, match="the database cannot be reached"):
        await reading(Counting(away)).caught_up(NAMES)
