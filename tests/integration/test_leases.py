"""One holder at a time, and a holder that slept through its time writes nothing."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from structlog.testing import capture_logs

from domain.event import Recorded
from infra.following.applying import Applying
from infra.following.batches import SQL, Bounds, read_batch
from infra.leases import RETRY_SECONDS, Held, Lease, LeaseLost, LeaseTaken, acquire, fence, release, renew
from infra.postgres import Link, Pool, connect_pool
from projections.database import Database
from projections.read_model import ReadModel
from tests.faults.node import free_port
from tests.integration.following_stage import append_many, connected, follower_pool, following, once_each, tally, times

ROOT = Path(__file__).resolve().parents[2]

#: Holds a lease in a process of its own: says so, then renews it until it is killed or stopped.
HOLDER = """
import asyncio, sys
from infra.leases import Held, Lease
from infra.postgres import Link, connect_pool

async def main(dsn, holder):
    pool = await connect_pool(dsn, Link(name="holder"))
    async def work(held: Held) -> None:
        print(held.epoch, file=sys.stderr, flush=True)  # standard output has the log lines
        await asyncio.sleep(60)
    await Lease(pool, "role", holder, ttl=1.0).keep(work)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    opened = await connect_pool(database, Link(name="leases", size=6))
    yield opened
    await opened.close()


async def test_a_lease_has_one_holder_until_it_is_released(database: str) -> None:
    async with connected(database) as one, connected(database) as other:
        held = await acquire(one, "role", "one")
        assert held == Held("role", 1)
        assert await acquire(other, "role", "other") is None
        assert await renew(one, held)
        await release(one, held)
        assert await acquire(other, "role", "other") == Held("role", 2)
        assert not await renew(one, held)


async def test_of_many_who_ask_at_once_one_gets_the_lease(pool: Pool) -> None:
    async def ask(number: int) -> Held | None:
        async with pool.acquire() as session:
            return await acquire(session, "role", f"holder {number}")

    answers = await asyncio.gather(*(ask(number) for number in range(30)))
    assert len([answer for answer in answers if answer is not None]) == 1


async def test_a_lease_that_is_not_renewed_ends_by_the_clock_of_the_database(database: str) -> None:
    async with connected(database) as one, connected(database) as other:
        held = await acquire(one, "role", "one", ttl=0.3)
        assert await acquire(other, "role", "other") is None
        await asyncio.sleep(0.4)
        assert await acquire(other, "role", "other") == Held("role", 2)
        assert held is not None
        assert not await renew(one, held)


async def test_a_lease_is_free_as_soon_as_the_session_that_took_it_is_gone(database: str) -> None:
    async with connected(database) as other:
        async with connected(database) as one:
            assert await acquire(one, "role", "one", ttl=3600) == Held("role", 1)
            assert await acquire(other, "role", "other") is None
        taken = None
        async with asyncio.timeout(5):
            while taken is None:
                taken = await acquire(other, "role", "other")
        assert taken == Held("role", 2)


async def test_a_process_that_takes_its_own_lease_again_ends_what_it_began_under_the_old_one(database: str) -> None:
    async with connected(database) as session:
        before = await acquire(session, "role", "one")
        after = await acquire(session, "role", "one")
        assert (before, after) == (Held("role", 1), Held("role", 2))
        async with session.transaction():
            with pytest.raises(LeaseLost):
                await fence(session, Held("role", 1))


async def test_a_fenced_transaction_ends_before_the_lease_changes_hands(database: str) -> None:
    async with connected(database) as one, connected(database) as other:
        held = await acquire(one, "role", "one", ttl=0.1)
        assert held is not None
        await asyncio.sleep(0.2)
        transaction = one.transaction()
        await transaction.start()
        await fence(one, held)
        taking = asyncio.create_task(acquire(other, "role", "other"))
        await asyncio.sleep(0.2)
        assert not taking.done(), "it waits for the holder's transaction"
        await transaction.commit()
        assert await taking == Held("role", 2)
        async with one.transaction():
            with pytest.raises(LeaseLost):
                await fence(one, held)


async def paused_and_revived(database: str, pool: Pool) -> dict[int, int]:
    """Let a follower sleep in the middle of its work while another takes over; return how often facts were counted.

    The sleeper has read its batch before it slept, and writes it when it wakes.
    """
    model = tally("first")
    await append_many(pool, 10)
    async with connected(database) as session, connected(database) as other:
        sleeper = await acquire(session, "followers", "sleeper", ttl=0.05)
        assert sleeper is not None
        await Applying(pool, sleeper).begin(model)
        batch = await read_batch(session, (model,), 0, 10, Bounds())
        await asyncio.sleep(0.1)
        successor = await acquire(other, "followers", "successor")
        assert successor is not None
        with contextlib.suppress(LeaseLost):
            await Applying(pool, sleeper).apply((model,), batch)
        return await times(pool, model)


async def test_a_holder_that_was_paused_and_revived_writes_nothing(database: str, pool: Pool) -> None:
    assert await paused_and_revived(database, pool) == {}


async def test_without_the_epoch_in_the_writing_transaction_a_revived_holder_would_write(
    database: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfenced = SQL["advance"].replace("epoch = $2", "$2::bigint is not null")
    monkeypatch.setitem(SQL, "advance", unfenced)
    assert await paused_and_revived(database, pool) == once_each(10)


async def test_work_under_a_lease_is_cancelled_when_the_lease_is_lost(database: str, pool: Pool) -> None:
    turns: list[int] = []
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def work(held: Held) -> None:
        turns.append(held.epoch)
        begun.set()
        if len(turns) > 1:
            return
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()

    keeping = asyncio.create_task(Lease(pool, "role", "one", ttl=0.4).keep(work))
    async with connected(database) as other:
        await begun.wait()
        await other.execute("update log.leases set epoch = epoch + 1, holder = 'other', expires_at = now() + '1 s'")
        async with asyncio.timeout(5):
            await cancelled.wait()
            await keeping
    assert turns == [1, 3]


@pytest.mark.parametrize("others", [0, 3])
async def test_a_fenced_transaction_may_take_longer_than_the_lease_lasts(pool: Pool, others: int) -> None:
    """It keeps the lease from being renewed, but from being taken too: whoever gave up would do the same again."""
    done: list[int] = []

    async def work(held: Held) -> None:
        async with pool.acquire() as session, session.transaction():
            await fence(session, held)
            await asyncio.sleep(1.5)
        done.append(held.epoch)

    async def wait(_held: Held) -> None:
        await asyncio.sleep(0)

    async with asyncio.timeout(30):
        keeping = asyncio.create_task(Lease(pool, "role", "one", ttl=0.4).keep(work))
        await asyncio.sleep(0.2)
        waiting = [Lease(pool, "role", f"other {number}", ttl=0.4).keep(wait) for number in range(others)]
        await asyncio.gather(keeping, *waiting)
    assert done == [1]


async def test_work_that_is_cancelled_leaves_the_lease_free(database: str, pool: Pool) -> None:
    begun = asyncio.Event()

    async def work(_: Held) -> None:
        begun.set()
        await asyncio.sleep(60)

    keeping = asyncio.create_task(Lease(pool, "role", "one", ttl=3600).keep(work))
    await begun.wait()
    with pytest.raises(LeaseTaken):
        await Lease(pool, "role", "other").once(work)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    async with connected(database) as other:
        assert await acquire(other, "role", "other") == Held("role", 2)


async def test_an_error_in_the_work_is_passed_on_and_the_lease_is_free_again(pool: Pool) -> None:
    async def work(_: Held) -> None:
        raise LookupError("in the work")

    with pytest.raises(LookupError, match="in the work"):
        await Lease(pool, "role", "one").keep(work)
    with pytest.raises(LookupError, match="in the work"):
        await Lease(pool, "role", "other").once(work)


async def test_an_outage_is_told_once_however_often_the_lease_is_asked_for() -> None:
    nowhere = f"postgresql://annals@127.0.0.1:{free_port()}/annals"
    pool = Pool(await asyncpg.create_pool(nowhere, min_size=0), Link(name="test"))

    async def nothing(held: Held) -> None:
        pytest.fail(f"nobody can hold {held}")

    with capture_logs() as logs, contextlib.suppress(TimeoutError):
        async with asyncio.timeout(4 * RETRY_SECONDS):
            await Lease(pool, "work", "me").keep(nothing)
    assert [entry["event"] for entry in logs] == ["the database cannot be reached"]


@asynccontextmanager
async def holding(dsn: str, holder: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """Start a process that holds the lease; return it with its epoch once it does."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-c", HOLDER, dsn, holder)
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL, stderr=pipe)
    assert process.stderr is not None
    try:
        yield process, int(await process.stderr.readline())
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def test_a_lease_passes_on_at_once_when_its_process_is_killed_and_in_time_when_it_is_paused(
    database: str,
) -> None:
    async with holding(database, "first") as (first, first_epoch):
        assert first_epoch == 1
        first.kill()
        await first.wait()
        async with holding(database, "second") as (second, second_epoch):
            assert second_epoch == 2
            os.kill(second.pid, signal.SIGSTOP)
            async with holding(database, "third") as (_, third_epoch):
                assert third_epoch == 3
            os.kill(second.pid, signal.SIGCONT)
    async with connected(database) as session, session.transaction():
        with pytest.raises(LeaseLost):
            await fence(session, Held("role", 2))


async def test_of_two_processes_that_follow_only_the_one_with_the_lease_writes(database: str) -> None:
    written: dict[str, int] = {"one": 0, "another": 0}

    def watched(holder: str) -> ReadModel:
        model = tally("first")

        async def project(facts: Sequence[Recorded], database: Database) -> None:
            written[holder] += len(facts)
            await model.project(facts, database)

        return ReadModel(model.name, model.version, model.schema, model.tables, project)

    async with follower_pool(database) as first, follower_pool(database) as second, connected(database) as other:
        async with following(first, [watched("one")], holder="one") as one:
            await one.level("first")
            async with following(second, [watched("another")], holder="another"):
                for _ in range(10):
                    await append_many(other, 20)
                    await one.level("first")
        assert await times(first, tally("first")) == once_each(200)
    assert written == {"one": 200, "another": 0}
