"""A holder that meets what only a newer release can know leaves its lease to that; whatever else it meets it keeps."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import pytest
from structlog.testing import capture_logs

from infra import leases
from infra.clock import Clock
from infra.codec import UnknownTopic, UnreadableFact, decode
from infra.duties import Duty
from infra.leases import OVERTAKEN, Held, Lease, Overtaken, acquire, release
from infra.migrating import known_migrations
from infra.postgres import Pool
from tests.integration.following_stage import connected, follower_pool

NEWER = "insert into log.migrations (number, name, sha256) values (9999, '9999_newer.sql', '')"
UNKNOWN = UnknownTopic("job.locked.v9")


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with follower_pool(database) as opened:
        yield opened


@pytest.fixture
def duty() -> Duty:
    return Duty("role", Clock().wall)


def lease(pool: Pool, duty: Duty | None = None) -> Lease:
    return Lease(pool, "role", "older", duty=duty, migrations=known_migrations())


@asynccontextmanager
async def kept(lease: Lease, meets: list[Exception]) -> AsyncIterator[None]:
    """Have a lease, and keep it for work that meets the first of these errors as soon as there is one."""
    begun = asyncio.Event()

    async def work(_: Held) -> None:
        begun.set()
        while True:
            if meets:
                await lease.give_way(meets[0])
            lease.goes_on()
            await asyncio.sleep(0.01)

    keeping = asyncio.create_task(lease.keep(work))
    try:
        await begun.wait()
        yield
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


async def told(duty: Duty, state: str) -> str:
    """Wait until a role says that it is in a state, and return what it says to that."""
    async with asyncio.timeout(20):
        while duty.report().state != state:  # noqa: ASYNC110  (a report calls nobody)
            await asyncio.sleep(0.01)
    return duty.report().trouble


def overtaken() -> float:
    return float(OVERTAKEN.labels("role")._value.get())


async def test_a_lease_is_left_to_another_and_taken_again_when_that_has_done_what_it_alone_could(
    database: str, pool: Pool, duty: Duty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "AWAY_SECONDS", 1.0)
    await pool.execute(NEWER)
    meets: list[Exception] = []
    with capture_logs() as lines:
        async with connected(database) as newer, kept(lease(pool, duty), meets):
            assert await acquire(newer, "role", "newer") is None
            meets.append(UNKNOWN)
            why = await told(duty, "standing")
            assert "9999_newer.sql" in why
            assert "job.locked.v9" in why
            assert overtaken() == 1
            held = await acquire(newer, "role", "newer")
            assert held is not None
            assert await told(duty, "elsewhere") == why
            meets.clear()
            await release(newer, held)
            assert await told(duty, "going") == ""
            assert overtaken() == 0
    (line,) = [line for line in lines if line["event"] == "leaves a lease to nodes of a newer release"]
    assert (line["log_level"], line["lease"], line["reason"]) == ("warning", "role", why)


async def test_a_topic_that_nobody_knows_is_nothing_to_give_way_for_where_no_newer_release_is_at_work(
    pool: Pool,
) -> None:
    await lease(pool).give_way(UNKNOWN)


async def test_a_damaged_fact_of_a_known_topic_is_nothing_to_give_way_for(pool: Pool) -> None:
    await pool.execute(NEWER)
    with pytest.raises(UnreadableFact) as damaged:
        decode("job.locked.v1", b'{"id":"one"}')
    await lease(pool).give_way(damaged.value)
    await lease(pool).give_way(LookupError("in the work"))


async def test_an_unknown_topic_is_found_in_what_it_has_led_to(pool: Pool) -> None:
    await pool.execute(NEWER)
    error = LookupError("in the work")
    error.__cause__ = UNKNOWN
    with pytest.raises(Overtaken, match="9999_newer"):
        await lease(pool).give_way(error)


class NoDatabase:
    """A pool of connections to nowhere."""

    def acquire(self) -> AbstractAsyncContextManager[Any]:
        raise ConnectionRefusedError("the database does not answer")


async def test_while_the_database_does_not_answer_nobody_gives_way() -> None:
    await Lease(NoDatabase(), "role", "older", migrations=known_migrations()).give_way(UNKNOWN)
