"""The follower that writes the chain of hashes: level with the log, on one node, still where history contradicts it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from infra.audit import chaining
from infra.audit.chaining import LAG, LEASE, POSITION, STOPPED, Chaining
from infra.audit.findings import Findings
from infra.audit.heads import chained_head
from infra.audit.verifying import verify_log
from infra.embedded_postgres import EmbeddedPostgres
from infra.event_log.doorbell import Doorbell
from infra.leases import Held, Lease, LeaseLost, acquire
from infra.postgres import Link, Pool, connect_pool
from projections.database import Database
from tests.conftest import _database_from
from tests.contract.eventing import event_client
from tests.integration.appending import connected
from tests.integration.exporting import exported, imported
from tests.integration.following_stage import append_many

PATIENCE = 30.0

CUT_ALL = """
select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()
"""


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    opened = await connect_pool(database, Link(name="chain", size=4))
    yield opened
    await opened.close()


@pytest.fixture
async def target(postgres_server: EmbeddedPostgres, migrated_template: str) -> AsyncIterator[str]:
    async for dsn in _database_from(postgres_server, migrated_template):
        yield dsn


@asynccontextmanager
async def chained_by(pool: Pool, holder: str = "one") -> AsyncIterator[Chaining]:
    one = Chaining(pool, Lease(pool, LEASE, holder), Doorbell(), rest=0.01)
    task = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def reaches(database: Database, position: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while (last := await chained_head(database)) is None or last.head.position < position:  # noqa: ASYNC110  (there is nothing to wait on)
            await asyncio.sleep(0.01)


async def stands_still(one: Chaining) -> str:
    async with asyncio.timeout(PATIENCE):
        while not one.trouble:  # noqa: ASYNC110  (there is nothing to wait on)
            await asyncio.sleep(0.01)
    return one.trouble


async def goes_on(one: Chaining, position: int) -> None:
    """Wait until the follower itself knows what others may have seen of it a moment before."""
    async with asyncio.timeout(PATIENCE):
        while one.trouble or POSITION._value.get() < position or LAG._value.get() > 0:  # noqa: ASYNC110  (there is nothing to wait on)
            await asyncio.sleep(0.01)


async def found(pool: Pool) -> list[Any]:
    findings = Findings()
    await verify_log(pool, findings, (), lambda _done, _all: None)
    return [one for one in findings if one.check != "streams"]  # facts of the stage are in no stream that the log knows


@pytest.fixture(autouse=True)
def looks_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaining, "POLL", 0.05)
    monkeypatch.setattr(chaining, "LONG_REST", 0.05)


async def test_a_row_takes_no_more_than_can_be_hashed_while_the_lease_lasts(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await append_many(pool, 50)
    together = await pool.fetchval("select sum(octet_length(state))::integer from log.events")
    largest = await pool.fetchval("select max(octet_length(state)) from log.events")
    monkeypatch.setattr(chaining, "MOST_BYTES", together // 10)
    async with chained_by(pool):
        await reaches(pool, 50)
    of_rows = """select max(bytes) from log.chain cross join lateral (
        select sum(octet_length(state))::integer as bytes from log.events
         where notification_id > after and notification_id <= upto) as those"""
    assert await pool.fetchval(of_rows) < together // 10 + largest
    assert await found(pool) == []


async def test_the_chain_follows_the_log_and_says_how_far_it_is(pool: Pool, database: str) -> None:
    async with chained_by(pool) as one, connected(database) as other:
        await append_many(other, 30)
        await reaches(pool, 30)
        await append_many(other, 4_500)
        await reaches(pool, 4_530)
        await goes_on(one, 4_530)
        assert (POSITION._value.get(), STOPPED._value.get()) == (4_530, 0)
    assert max(row[0] for row in await pool.fetch("select upto - after from log.chain")) <= chaining.MOST
    assert await found(pool) == []


async def test_the_hash_at_a_position_does_not_depend_on_how_the_log_was_chained(pool: Pool, database: str) -> None:
    async with connected(database) as other:
        await append_many(other, 100)
        hashes = []
        for most in (1, 7, 100):
            await other.execute("truncate log.chain")
            for _ in range(100):
                await other.execute("select log.extend_chain($1)", most)
            last = await chained_head(other)
            assert last is not None
            hashes.append(last.head)
    assert len(set(hashes)) == 1


async def test_a_log_that_has_moved_has_the_same_hash(database: str, target: str, tmp_path: Path) -> None:
    async with event_client(database) as client:
        head = await client.noted(100)
    await exported(database, tmp_path / "log")
    assert await imported(target, (tmp_path / "log").read_bytes().splitlines(keepends=True)) == head
    hashes = []
    for dsn in (database, target):
        async with connected(dsn) as session:
            while (await session.fetchrow("select * from log.extend_chain(30)"))["reached"] < head:
                pass
            last = await chained_head(session)
            assert last is not None
            hashes.append(last.head)
    assert hashes[0] == hashes[1]


async def test_of_two_nodes_one_writes_and_the_other_takes_over(pool: Pool, database: str) -> None:
    async with chained_by(pool, "other"):
        async with chained_by(pool, "one"), connected(database) as session:
            await append_many(session, 50)
            await reaches(pool, 50)
        async with connected(database) as session:
            await append_many(session, 50)
        await reaches(pool, 100)
    assert await found(pool) == []


async def test_a_holder_of_an_old_epoch_adds_nothing_to_the_chain(pool: Pool, database: str) -> None:
    async with connected(database) as session, connected(database) as other:
        await append_many(session, 10)
        held = await acquire(session, LEASE, "old")
        assert held is not None
        await session.execute("update log.leases set expires_at = '-infinity'")
        assert await acquire(other, LEASE, "new") == Held(LEASE, held.epoch + 1)
        old = Chaining(pool, Lease(pool, LEASE, "old"), Doorbell())
        with pytest.raises(LeaseLost):
            await old._extend(held)
        assert await chained_head(pool) is None
        assert await old._extend(Held(LEASE, held.epoch + 1)) == (10, 10)


async def test_the_chain_stands_still_where_the_log_contradicts_it_and_goes_on_when_it_does_not(
    pool: Pool, database: str
) -> None:
    async with chained_by(pool) as one, connected(database) as session:
        await append_many(session, 10)
        await reaches(pool, 10)
        await session.execute("update log.events set actor_id = actor_id || 'x' where notification_id = 10")
        assert await stands_still(one) == chaining.FAULTS["changed"]
        assert STOPPED._value.get() == 1
        await append_many(session, 5)
        last = await chained_head(pool)
        assert last is not None
        assert last.head.position == 10
        await session.execute("update log.events set actor_id = left(actor_id, -1) where notification_id = 10")
        await reaches(pool, 15)
        await goes_on(one, 15)
    assert await found(pool) == []


async def test_the_chain_goes_on_by_itself_after_the_database_was_away(pool: Pool, database: str) -> None:
    async with chained_by(pool), connected(database) as session:
        for number in range(1, 4):
            await append_many(session, 10)
            await session.execute(CUT_ALL)
            await reaches(session, 10 * number)
    assert await found(pool) == []
