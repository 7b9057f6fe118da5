"""A read model is rebuilt beside the live one, which goes on; the two are equal byte for byte at every position."""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from domain.event import Recorded
from infra.following import beside, verifying
from infra.following.applying import Applying, Moved
from infra.following.batches import Batch, Bounds, read_batch
from infra.following.beside import Beside, FactRefused, OnProgress, TablesLost
from infra.following.rebuilding import clean_abandoned, rebuild
from infra.following.verifying import Difference, OtherVersion, verify
from infra.leases import Held, Lease, LeaseTaken
from infra.postgres import Pool
from projections.database import Database
from projections.read_model import ReadModel
from tests.integration.following_stage import (
    LOCKED,
    Faults,
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

ROOT = Path(__file__).resolve().parents[2]

SCHEMAS = "select nspname from pg_namespace where nspname like 'rebuild%' order by nspname"
TABLES = "select relname from pg_class where relnamespace = 'read'::regnamespace order by relname"


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with follower_pool(database, size=12) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "BOUNDS", Bounds(facts=50))
    monkeypatch.setattr("infra.following.rebuilding.CLOSE", 100)
    monkeypatch.setattr("infra.following.verifying.CLOSE", 100)


@asynccontextmanager
async def appending(dsn: str, seed: int = 0) -> AsyncIterator[None]:
    """Append facts without pause until the context is left."""
    chance = random.Random(seed)

    async def go_on() -> None:
        async with connected(dsn) as other:
            while True:
                await append_many(other, chance.randint(1, 30))
                await asyncio.sleep(chance.uniform(0, 0.01))

    task = asyncio.create_task(go_on())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def oid_of(pool: Pool, table: str) -> int:
    oid: int = await pool.fetchval("select $1::text::regclass::oid::bigint", f"read.{table}")
    return oid


async def names(pool: Pool, query: str) -> list[str]:
    return [name for (name,) in await pool.fetch(query)]


async def verify_once_free(pool: Pool, model: ReadModel) -> Sequence[Difference]:
    """Compare as soon as the followers have finished a rebuild of their own."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await verify(pool, model, "verifier")
            except LeaseTaken:
                await asyncio.sleep(0.05)


async def test_a_rebuild_leaves_most_of_the_time_to_commands_that_go_on(
    database: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def seconds() -> float:
        began = time.monotonic()
        await rebuild(pool, tally("one"), "tests")
        return time.monotonic() - began

    monkeypatch.setattr(beside, "REST", 20.0)
    async with connected(database) as connection:
        await append_many(connection, 600)
    alone = await seconds()
    async with appending(database):
        assert await seconds() > 3 * alone


async def test_a_rebuild_while_facts_are_appended_equals_the_live_one_byte_for_byte(database: str, pool: Pool) -> None:
    model, other = tally("first"), tally("second")
    seen: list[tuple[int, int]] = []
    await append_many(pool, 1_000)
    async with following(pool, [model, other]) as stage:
        await stage.level("first", "second")
        before, tables = await oid_of(pool, "first"), await names(pool, TABLES)
        async with appending(database):
            await rebuild(pool, model, "rebuilder", lambda position, head: seen.append((position, head)))
            assert await oid_of(pool, "first") != before, "these are the new tables"
            assert await verify(pool, model, "verifier") == []
        head = await stage.level("first", "second")
        assert await verify(pool, model, "verifier") == []
    assert await times(pool, model) == await times(pool, other) == once_each(head)
    assert await total(pool, model) == head
    assert seen[0][0] == 50
    assert all(position <= wanted for position, wanted in seen)
    assert [position for position, _ in seen] == sorted({position for position, _ in seen})
    assert await names(pool, SCHEMAS) == []
    assert await names(pool, TABLES) == tables, "indexes and constraints have come along under their names"


async def test_a_rebuild_from_another_process_swaps_under_running_followers(database: str, pool: Pool) -> None:
    model = tally("first")
    program = """
import asyncio, sys
from infra.following.rebuilding import rebuild
from tests.integration.following_stage import follower_pool, tally

async def main(dsn):
    async with follower_pool(dsn) as pool:
        await rebuild(pool, tally("first"), "command line")

asyncio.run(main(sys.argv[1]))
"""
    await append_many(pool, 500)
    async with following(pool, [model]) as stage:
        await stage.level("first")
        before = await oid_of(pool, "first")
        async with appending(database):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", program, database, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL
            )
            assert await process.wait() == 0
        head = await stage.level("first")
        assert await oid_of(pool, "first") != before
    assert await times(pool, model) == once_each(head)


async def test_a_swap_applies_what_the_live_one_is_ahead_by(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tally("first")
    fill = Beside.fill
    await append_many(pool, 100)
    async with following(pool, [model]) as stage:
        await stage.level("first")

        async def and_fall_behind(self: Beside, upto: int, on_progress: OnProgress | None = None) -> None:
            await fill(self, upto, on_progress)
            await append_many(pool, 60)
            await stage.level("first")

        monkeypatch.setattr(Beside, "fill", and_fall_behind)
        await rebuild(pool, model, "rebuilder")
        assert await times(pool, model) == once_each(160)
        await append_many(pool, 10)
        await stage.level("first")
    assert await times(pool, model) == once_each(170)


@pytest.mark.parametrize("last", [200, 300], ids=["on the way", "at the end"])
async def test_a_rebuild_of_which_a_crash_has_taken_a_part_does_not_go_on(
    pool: Pool, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    """Nobody waits for its commits to be on the disk: a server that starts anew may lack the last of them."""
    model, apply = tally("first"), Beside._apply
    await append_many(pool, 300)

    async def and_crash(self: Beside, batch: Batch) -> None:
        await apply(self, batch)
        if batch.upto == last:
            async with self.filling() as database:
                await database.execute("delete from first where position > $1", batch.after)
                await database.execute("update log.rebuilds set position = $1", batch.after)

    async with following(pool, [model]) as stage:
        await stage.level("first")
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(Beside, "_apply", and_crash)
            with pytest.raises(TablesLost):
                await rebuild(pool, model, "rebuilder")
        assert await times(pool, model) == once_each(300)
        await rebuild(pool, model, "rebuilder")
    assert await times(pool, model) == once_each(300)


async def test_a_cancelled_rebuild_leaves_the_live_one_as_it_was_and_nothing_of_its_own(pool: Pool) -> None:
    model = tally("first")
    await append_many(pool, 500)
    async with following(pool, [model]) as stage:
        await stage.level("first")
        before = await oid_of(pool, "first")
        half_way = asyncio.Event()
        task = asyncio.create_task(
            rebuild(pool, model, "rebuilder", lambda position, _: half_way.set() if position >= 200 else None)
        )
        await half_way.wait()
        assert await names(pool, SCHEMAS) == ["rebuild_first"]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await names(pool, SCHEMAS) == []
        assert await pool.fetchval("select count(*) from log.rebuilds") == 0
        assert await oid_of(pool, "first") == before
        await append_many(pool, 10)
        await stage.level("first")
        await rebuild(pool, model, "another", None)
    assert await times(pool, model) == once_each(510)


async def test_a_rebuild_stops_at_a_fact_that_it_cannot_apply_and_touches_nothing(pool: Pool) -> None:
    faults = Faults()
    model = tally("first", faults=faults)
    await append_many(pool, 200)
    async with following(pool, [model]) as stage:
        await stage.level("first")
        faults.positions.add(123)
        with pytest.raises(FactRefused, match="cannot apply the fact at 123") as refused:
            await rebuild(pool, model, "rebuilder")
        assert refused.value.failure.position == 122
        faults.positions.clear()
        await append(pool, (LOCKED, b"not JSON"))
        with pytest.raises(FactRefused, match="cannot apply the fact at 201"):
            await rebuild(pool, model, "rebuilder")
    assert await times(pool, model) == once_each(200)
    assert await names(pool, SCHEMAS) == []


async def test_a_rebuild_with_a_mended_projector_goes_past_the_fact_that_stopped_the_live_one(pool: Pool) -> None:
    broken = tally("first", faults=Faults(50))
    await append_many(pool, 200)
    async with following(pool, [broken]) as stage:
        await stage.until("first", lambda standing: standing.failed_at == 50)
        await rebuild(pool, tally("first"), "rebuilder")
        await stage.level("first")
        await append_many(pool, 10)
        await stage.level("first")
    assert await times(pool, broken) == once_each(210)


async def test_one_read_model_is_rebuilt_once_at_a_time(pool: Pool) -> None:
    model = tally("first")
    await append_many(pool, 500)
    begun = asyncio.Event()
    task = asyncio.create_task(rebuild(pool, model, "one", lambda *_: begun.set()))
    await begun.wait()
    with pytest.raises(LeaseTaken):
        await rebuild(pool, model, "another")
    await task
    assert await times(pool, model) == once_each(500)


async def test_what_a_killed_rebuild_left_is_taken_away_when_followers_begin(database: str, pool: Pool) -> None:
    model = tally("first")
    program = """
import asyncio, os, sys
from infra.following.rebuilding import rebuild
from tests.integration.following_stage import follower_pool, tally

async def main(dsn):
    async with follower_pool(dsn) as pool:
        await rebuild(pool, tally("first"), "killed", lambda *_: os.kill(os.getpid(), 9))

asyncio.run(main(sys.argv[1]))
"""
    await append_many(pool, 100)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, database, cwd=ROOT)
    assert await process.wait() == -9
    assert await names(pool, SCHEMAS) == ["rebuild_first"]
    async with following(pool, [model]) as stage:
        await stage.level("first")
        assert await names(pool, SCHEMAS) == []
    assert await clean_abandoned(pool, "again") == []


async def test_a_new_version_is_built_beside_the_old_one_and_then_takes_its_place(pool: Pool) -> None:
    old = tally("first")
    wider = ReadModel(
        "first",
        2,
        old.schema + "create table first_extra (id integer primary key);",
        (*old.tables, "first_extra"),
        old.project,
    )
    await append_many(pool, 300)
    async with following(pool, [old, tally("second")]) as stage:
        await stage.level("first", "second")
    async with following(pool, [wider, tally("second")]) as stage:
        await append_many(pool, 100)
        await stage.level("second")
        await stage.until("first", lambda standing: standing.version == 2)
        await stage.level("first")
        assert "first_extra" in await names(pool, TABLES)
        assert await verify_once_free(pool, wider) == []
    async with following(pool, [old, tally("second")]) as stage:
        await append_many(pool, 100)
        await stage.level("second")
        assert (await stage.standing("first")).state == "newer"
        assert (await stage.standing("first")).position == 400
        with pytest.raises(OtherVersion):
            await verify(pool, old, "verifier")
        await rebuild(pool, old, "an operator who goes back")
        await stage.level("first")
    assert await times(pool, old) == once_each(500)
    assert "first_extra" not in await names(pool, TABLES)


async def test_a_batch_for_old_tables_is_not_written_into_those_of_a_newer_version(pool: Pool) -> None:
    old, new = tally("first"), tally("first", version=2)
    await append_many(pool, 10)

    async def work(held: Held) -> None:
        await Applying(pool, held).begin(old)
        async with pool.acquire() as connection:
            batch = await read_batch(connection, (old,), 0, 10, Bounds())
        await rebuild(pool, new, "a newer release")
        await pool.execute("update log.followers set position = 0")
        with pytest.raises(Moved):
            await Applying(pool, held).apply((old,), batch)
        await Applying(pool, held).apply((new,), batch)

    await Lease(pool, "followers", "an older release").once(work)
    assert set((await times(pool, new)).values()) == {2}, "by the rebuild and the newer version's batch"


async def test_a_read_model_ahead_of_the_log_is_rebuilt_for_the_log_has_lost_facts(pool: Pool) -> None:
    model = tally("first")
    await append_many(pool, 100)
    async with following(pool, [model]) as stage:
        await stage.level("first")
    await pool.execute("delete from log.events where notification_id > 60")
    await pool.execute("update log.head set position = 60")
    async with following(pool, [model]) as stage:
        await stage.until("first", lambda standing: standing.state == "live")
        await append_many(pool, 10)
        await stage.level("first")
    assert await times(pool, model) == once_each(70)


async def test_a_swap_waits_for_a_reader_of_the_live_tables_and_fails_no_follower(database: str, pool: Pool) -> None:
    model, other = tally("first"), tally("second")
    await append_many(pool, 100)
    with capture_logs() as lines:
        async with following(pool, [model, other]) as stage, connected(database) as reader, appending(database):
            await stage.until("first", reached(100))
            transaction = reader.transaction()
            await transaction.start()
            await reader.fetch("select * from read.first")
            task = asyncio.create_task(rebuild(pool, model, "rebuilder"))
            await asyncio.sleep(3)
            assert not task.done()
            position = await pool.fetchval("select position from log.head")
            await stage.until("first", reached(position))
            await stage.until("second", reached(position))
            await transaction.commit()
            await task
        assert await verify(pool, model, "verifier") == []
    assert "a read model stopped" not in {line["event"] for line in lines}


def careless(name: str, moment: Callable[[], int]) -> ReadModel:
    """Return a read model that looks at something else than the facts."""
    sound = tally(name)

    async def project(facts: Sequence[Recorded], database: Database) -> None:
        for fact in facts:
            await database.execute(f"insert into {name} values ($1, $2)", fact.position, moment())

    return ReadModel(name, 1, sound.schema, sound.tables, project)


async def test_a_projector_that_looks_at_the_clock_is_found_out(pool: Pool) -> None:
    clock = iter(range(1_000))
    model = careless("first", lambda: next(clock))
    await append_many(pool, 20)
    async with following(pool, [model]) as stage:
        await stage.level("first")
        differences = await verify(pool, model, "verifier")
    assert len(differences) == 20
    assert Difference("first", "(1)", "(1,0)", "(1,20)") in differences


async def test_rows_that_were_changed_lost_or_added_are_each_found(pool: Pool) -> None:
    model = tally("first")
    await append_many(pool, 1_000)
    async with following(pool, [model]) as stage:
        await stage.level("first")
        await pool.execute("update read.first set times = 7 where position = 500")
        await pool.execute("delete from read.first where position = 600")
        await pool.execute("insert into read.first values (5000, 1)")
        await pool.execute("update read.first_topics set facts = facts + 1 where topic = $1", LOCKED)
        found = await verify(pool, model, "verifier")
    assert {(difference.table, difference.key, difference.live, difference.rebuilt) for difference in found} == {
        ("first", "(500)", "(500,7)", "(500,1)"),
        ("first", "(600)", None, "(600,1)"),
        ("first", "(5000)", "(5000,1)", None),
        ("first_topics", f"({LOCKED})", f"({LOCKED},501)", f"({LOCKED},500)"),
    }


async def test_tables_are_compared_however_long_one_side_waits_for_the_other(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.postgres.IDLE_IN_TRANSACTION", "300ms")
    model, digests = tally("first"), verifying._digests

    async def after_a_while(side: verifying.Session, table: str, key: str) -> Mapping[int, str]:
        await side.fetch("select pg_sleep(1)")
        return await digests(side, table, key)

    monkeypatch.setattr(verifying, "_digests", after_a_while)
    async with follower_pool(database) as pool:
        await append_many(pool, 100)
        async with following(pool, [model]) as stage:
            await stage.level("first")
            await pool.execute("update read.first set times = 7 where position = 50")
            assert [difference.key for difference in await verify(pool, model, "verifier")] == ["(50)"]


async def test_followers_go_on_while_their_tables_are_compared_as_they_were(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tally("first")
    await append_many(pool, 300)
    compare = verifying._differences
    async with following(pool, [model]) as stage:
        await stage.level("first")

        async def after_more_facts(*arguments: Any) -> Sequence[Difference]:
            await append_many(pool, 100)
            await stage.level("first")
            return await compare(*arguments)

        monkeypatch.setattr(verifying, "_differences", after_more_facts)
        assert await verify(pool, model, "verifier") == []
        assert (await stage.standing("first")).position == 500, "a hundred for each of its tables"
