"""Followers keep read models level with the log: each fact changes their rows once, whatever breaks meanwhile."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

import asyncpg
import pytest

from domain.bpmn.events import ElementPassed, JobLocked
from domain.event import Recorded
from infra.event_log.doorbell import Doorbell
from infra.following.applying import Applying, filling, project
from infra.following.batches import Batch, Bounds
from infra.following.followers import Pace
from infra.postgres import Pool
from projections.database import Database
from projections.read_model import ReadModel
from tests.integration.following_stage import (
    LOCKED,
    append,
    append_many,
    connected,
    follower_pool,
    following,
    once_each,
    reached,
    tally,
    times,
    total,
)

#: Ends one of the followers' connections while it is at work.
CUT = """
select count(pg_terminate_backend(pid))
  from (select pid from pg_stat_activity
         where application_name = 'annals followers' and datname = current_database() and state <> 'idle'
         order by random() limit 1) as victim
"""

CUT_ALL = """
select pg_terminate_backend(pid) from pg_stat_activity
 where application_name = 'annals followers' and datname = current_database()
"""


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with follower_pool(database) as opened:
        yield opened


async def test_read_models_at_one_position_each_get_every_fact_once(pool: Pool) -> None:
    models = [tally("first"), tally("second")]
    await append_many(pool, 150)
    async with following(pool, models) as stage:
        await stage.level("first", "second")
        await append_many(pool, 50)
        head = await stage.level("first", "second")
    assert head == 200
    for model in models:
        assert await times(pool, model) == once_each(200)
        assert await total(pool, model) == 200


async def test_a_read_model_is_given_only_the_facts_it_looks_at(pool: Pool) -> None:
    locked, passed = tally("locked", (JobLocked,)), tally("passed", (ElementPassed,))
    await append_many(pool, 100)
    async with following(pool, [locked, passed]) as stage:
        await stage.level("locked", "passed")
    assert set(await times(pool, locked)) == set(range(1, 101, 2))
    assert set(await times(pool, passed)) == set(range(2, 101, 2))


async def test_a_new_read_model_catches_up_and_goes_on_with_the_others(pool: Pool) -> None:
    old, new = tally("old"), tally("new")
    await append_many(pool, 300)
    async with following(pool, [old]) as stage:
        await stage.level("old")
    async with following(pool, [old, new]) as stage:
        await append_many(pool, 300)
        await stage.level("old", "new")
    assert await times(pool, old) == await times(pool, new) == once_each(600)


async def test_a_batch_ends_before_its_facts_get_too_large(pool: Pool) -> None:
    sizes: list[int] = []
    counted = tally("wide")

    async def measured(facts: Sequence[Recorded], database: Database) -> None:
        sizes.append(len(facts))
        await counted.project(facts, database)

    await append(pool, *[(LOCKED, b'{"id":1%s}' % (b" " * 10_000))] * 12)
    model = ReadModel("wide", 1, counted.schema, counted.tables, measured)
    async with following(pool, [model], Pace(poll=0.02, rest=0, bounds=Bounds(facts=1_000, bytes=30_000))) as stage:
        await stage.level("wide")
    assert sizes == [3, 3, 3, 3]


async def suffer_cuts(dsn: str, pool: Pool, models: Collection[ReadModel], seed: int) -> int:
    """Follow while connections are cut at random moments, until all is level; return the head of the log."""
    chance = random.Random(seed)
    cuts = 0
    async with following(pool, models) as stage, connected(dsn) as other:
        progress = stage.followers.progress
        while cuts < 20:
            await append_many(other, chance.randint(1, 60))
            await asyncio.sleep(chance.uniform(0, 0.05))
            if await other.fetchval(CUT):
                cuts += 1
                await progress.until({"first": progress.positions.get("first", 0) + 1}, seconds=1)
        return await stage.level(*(model.name for model in models))


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.campaign) for seed in range(2, 50))])
async def test_facts_change_the_rows_once_though_connections_are_cut_at_random(
    database: str, pool: Pool, seed: int
) -> None:
    models = [tally("first"), tally("second")]
    head = await suffer_cuts(database, pool, models, seed)
    for model in models:
        assert await times(pool, model) == once_each(head)
        assert await total(pool, model) == head


async def test_a_position_that_moved_in_a_transaction_of_its_own_would_let_facts_count_twice(
    database: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def in_two_transactions(self: Applying, models: Collection[ReadModel], batch: Batch) -> None:
        for model in models:
            async with filling(pool, "read") as rows:
                await project(model, batch, rows)
        async with filling(pool, "read") as position:
            await asyncio.sleep(0.02)
            await self._advance(position, models, batch)

    monkeypatch.setattr(Applying, "apply", in_two_transactions)
    models = [tally("first"), tally("second")]
    head = await suffer_cuts(database, pool, models, 1)
    assert [await times(pool, model) for model in models] != [once_each(head)] * 2


async def test_without_a_single_wake_up_the_lag_stays_below_the_poll_interval(database: str, pool: Pool) -> None:
    deaf = Doorbell()
    poll = 0.2
    waits: list[float] = []
    async with following(pool, [tally("first")], Pace(poll=poll, rest=0), deaf) as stage, connected(database) as other:
        await stage.level("first")
        for _ in range(10):
            position = await append_many(other, 3)
            began = time.monotonic()
            await stage.until("first", reached(position))
            waits.append(time.monotonic() - began)
    assert deaf.head == 0
    waits.sort()
    assert waits[len(waits) // 2] < poll + 0.1, "the interval, and what a round and a look at it take"
    assert waits[-1] < poll + 1, "the same on a machine that does other things"


async def test_a_wake_up_spares_the_wait_for_the_next_look(database: str, pool: Pool) -> None:
    bell = Doorbell()
    async with (
        following(pool, [tally("first")], Pace(poll=60, rest=0), bell) as stage,
        connected(database) as other,
    ):
        await stage.until("first", lambda standing: standing.state == "live")
        await asyncio.sleep(0.1)  # the followers have gone to sleep for a minute
        bell.ring(await append_many(other, 3))
        await stage.level("first", seconds=5)


async def test_followers_rest_between_batches_unless_a_query_waits(database: str, pool: Pool) -> None:
    bell = Doorbell()
    async with following(pool, [tally("first")], Pace(poll=60, rest=30), bell) as stage, connected(database) as other:
        await stage.until("first", lambda standing: standing.state == "live")
        position = await append_many(other, 3)
        bell.ring(position)
        await asyncio.sleep(0.2)
        assert (await stage.standing("first")).lag == 3
        assert await stage.followers.progress.until({"first": position}, 5)


async def test_one_of_two_processes_follows_and_the_other_takes_over_when_it_ends(database: str, pool: Pool) -> None:
    model = tally("first")
    async with (
        follower_pool(database) as pool_of_another,
        connected(database) as other,
        following(pool, [model], holder="one") as one,
    ):
        await append_many(other, 50)
        await one.level("first")
        async with following(pool_of_another, [model], holder="another") as another:
            await append_many(other, 50)
            await one.level("first")
            assert not another.followers.progress.positions, "it waits for the lease"
            await one.stop()
            await append_many(other, 50)
            await another.level("first")
            assert another.followers.progress.positions == {"first": 150}
    assert await times(pool, model) == once_each(150)


async def holder_of(database: Any, name: str) -> str | None:
    holder: str | None = await database.fetchval("select holder from log.leases where name = $1", name)
    return holder


async def test_followers_go_on_by_themselves_after_the_database_was_away(database: str, pool: Pool) -> None:
    model = tally("first")
    async with following(pool, [model]) as stage, connected(database) as other:
        await stage.level("first")
        for _ in range(3):
            await other.execute(CUT_ALL)
            await append_many(other, 10)
        await stage.level("first")
        assert await holder_of(other, "followers") == "test"
    assert await times(pool, model) == once_each(30)


async def test_followers_that_lack_the_connections_to_work_fail_no_read_model(database: str) -> None:
    model = tally("first")
    async with follower_pool(database, size=2) as pool, connected(database) as other:
        async with following(pool, [model]) as stage:
            await append_many(other, 100)
            await stage.level("first")
        assert await times(pool, model) == once_each(100)
        with pytest.raises(asyncpg.UndefinedTableError):
            await pool.fetch("select * from first")
