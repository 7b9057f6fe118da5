"""A stage for the followers: small read models, facts for them, and followers that run while a test looks on."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from domain.event import Event, Recorded
from infra.event_log.doorbell import Doorbell
from infra.following.batches import Bounds
from infra.following.followers import Followers, Pace
from infra.following.standing import Standing
from infra.leases import Lease
from infra.outages import is_outage
from infra.postgres import Link, Pool, connect_pool
from projections.database import Database
from projections.read_model import ReadModel

#: Small batches and a short poll: a test sees many of both.
BRISK = Pace(poll=0.02, rest=0.0, bounds=Bounds(facts=20))

APPEND = """
with head as (update log.head set position = position + cardinality($1::text[]) returning position)
insert into log.events (notification_id, originator_id, originator_version, topic, state, tenant, actor_kind, actor_id,
                        happened_at, recorded_at, correlation_id)
select position - cardinality($1::text[]) + number, 'test-' || position - cardinality($1::text[]) + number, 1,
       topic, state, 'default', 'system', 'test', now(), now(), 'test'
  from head, unnest($1::text[], $2::bytea[]) with ordinality as fact (topic, state, number)
returning notification_id
"""

LOCKED = "job.locked.v1"
PASSED = "element.passed.v1"


class Refusal(Exception):
    """The projector of a test cannot apply a fact."""


class Faults:
    """Positions at which a read model refuses, until they are taken away."""

    def __init__(self, *positions: int) -> None:
        self.positions = set(positions)

    def strike(self, facts: Sequence[Recorded]) -> None:
        if refused := self.positions.intersection(fact.position for fact in facts):
            raise Refusal(f"at {sorted(refused)}")


def tally(name: str, facts: tuple[type[Event], ...] = (), faults: Faults | None = None, version: int = 1) -> ReadModel:
    """Return a read model that counts facts: once for each position, and by topic in sums that tell what came twice."""

    async def project(batch: Sequence[Recorded], database: Database) -> None:
        if faults is not None:
            faults.strike(batch)
        await database.execute(
            f"insert into {name} as seen select position, 1 from unnest($1::bigint[]) as position "
            "on conflict (position) do update set times = seen.times + 1",
            [fact.position for fact in batch],
        )
        counted = Counter(fact.event.topic for fact in batch)
        await database.execute(
            f"insert into {name}_topics as sum select * from unnest($1::text[], $2::bigint[]) "
            "on conflict (topic) do update set facts = sum.facts + excluded.facts",
            list(counted),
            list(counted.values()),
        )

    schema = f"""
        create table {name} (position bigint primary key, times integer not null);
        create table {name}_topics (topic text primary key, facts bigint not null);
        create index {name}_by_times on {name} (times);
    """
    return ReadModel(name, version, schema, (name, f"{name}_topics"), project, facts)


async def append(database: Any, *facts: tuple[str, bytes]) -> int:
    """Append facts as they are, readable or not; return the position of the last one."""
    rows = await database.fetch(APPEND, [topic for topic, _ in facts], [state for _, state in facts])
    return int(max(row["notification_id"] for row in rows))


async def append_many(database: Any, number: int) -> int:
    """Append that many good facts, of two topics by turns; return the position of the last one."""
    pair = ((LOCKED, b'{"id":1}'), (PASSED, b'{"id":1,"process_id":1,"element_id":2,"element":"task","parent_id":1}'))
    return await append(database, *(pair[turn % 2] for turn in range(number)))


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Any]:
    """Connect as somebody else, not as one of the followers."""
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def follower_pool(dsn: str, size: int = 8) -> AsyncIterator[Pool]:
    pool = await connect_pool(dsn, Link(name="followers", size=size, command_timeout=60.0))
    try:
        yield pool
    finally:
        await pool.close()


class Stage:
    """Followers at work on some read models."""

    def __init__(self, pool: Pool, followers: Followers) -> None:
        self.pool = pool
        self.followers = followers
        self._running = asyncio.create_task(followers.run())

    async def stop(self) -> None:
        """End the followers, as a node that is shut down does."""
        self._running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running

    async def standing(self, name: str) -> Standing:
        """Say where a read model stands, once the database can be asked: a test may have cut this connection too."""
        while True:
            try:
                return next(standing for standing in await self.followers.status() if standing.name == name)
            except Exception as error:
                if not is_outage(error):
                    raise

    async def until(self, name: str, condition: Callable[[Standing], bool], seconds: float = 20.0) -> Standing:
        """Return where the read model stands as soon as that meets the condition; fail when it never does."""
        async with asyncio.timeout(seconds):
            while True:
                standing = await self.standing(name)
                if condition(standing):
                    return standing
                await asyncio.sleep(0.005)

    async def level(self, *names: str, seconds: float = 20.0) -> int:
        """Wait until the read models are level with the log; return its head."""
        head = 0
        for name in names:
            head = (
                await self.until(name, lambda standing: standing.lag == 0 and standing.state == "live", seconds)
            ).head
        return head


@asynccontextmanager
async def following(
    pool: Pool, models: Collection[ReadModel], pace: Pace = BRISK, bell: Doorbell | None = None, holder: str = "test"
) -> AsyncIterator[Stage]:
    """Follow the log for these read models until the context is left."""
    followers = Followers(pool, Lease(pool, "followers", holder), bell or Doorbell(), models, pace)
    stage = Stage(pool, followers)
    try:
        yield stage
    finally:
        await stage.stop()


async def times(pool: Pool, model: ReadModel, schema: str = "read") -> dict[int, int]:
    """Return how often each position was counted."""
    rows = await pool.fetch(f"select position, times from {schema}.{model.name}")
    return {row["position"]: row["times"] for row in rows}


async def total(pool: Pool, model: ReadModel) -> int:
    """Return how many facts the sums of topics come to."""
    counted: int = await pool.fetchval(f"select coalesce(sum(facts), 0)::bigint from read.{model.name}_topics")
    return counted


def reached(position: int) -> Callable[[Standing], bool]:
    return lambda standing: standing.position >= position


def stopped_at(position: int) -> Callable[[Standing], bool]:
    return lambda standing: standing.failed_at == position


def once_each(upto: int) -> dict[int, int]:
    return dict.fromkeys(range(1, upto + 1), 1)
