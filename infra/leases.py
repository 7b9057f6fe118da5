"""Leases: one node at a time follows the log, executes tasks, and so on, and a node that lost its turn writes nothing.

A lease is free when it has expired by the database's clock, or when the session that took it is gone: after ``kill -9``
the next node need not wait. Its epoch rises each time it is taken. ``fence`` looks the epoch up in the transaction that
writes and keeps the row locked until that commits, so the next holder comes in either before the look (which then
fails) or after the commit. Nothing depends on clocks agreeing or on a holder noticing in time that it lost its lease.

During an upgrade nodes of two releases ask for the same leases. One of the older release that meets a fact of a topic
it does not know, in a database that has migrations it does not know either, gives its lease up and keeps back for a
while, so that a node of the newer release has it. Where there is none it takes the lease again, and does what it can.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import timedelta
from typing import Any, Protocol

import msgspec
import structlog
from prometheus_client import Gauge

from infra.codec import unknown_topic
from infra.duties import Duty
from infra.migrating import newer_migration
from infra.outages import passes
from projections.database import Database

#: How long a holder that cannot be reached keeps its lease, in seconds.
TTL_SECONDS = 10.0

#: How often a node that waits for a lease asks for it, in seconds.
RETRY_SECONDS = 0.5

#: How long one that has given a lease up to a newer release keeps back before it asks again, in seconds: any other node
#: that waits has asked by then, several times.
AWAY_SECONDS = 5.0

#: Renewals within one TTL, so that a slow one costs nothing.
RENEWALS = 4

ACQUIRE = """
insert into log.leases as lease (name, holder, epoch, expires_at, session_pid, session_began_at)
values ($1, $2, 1, now() + $3, pg_backend_pid(),
        (select backend_start from pg_stat_activity where pid = pg_backend_pid()))
on conflict (name) do update
   set holder = excluded.holder, epoch = lease.epoch + 1, expires_at = excluded.expires_at,
       session_pid = excluded.session_pid, session_began_at = excluded.session_began_at
 where lease.expires_at < now()
    or lease.holder = excluded.holder
    or not exists (select from pg_stat_activity session
                    where session.pid = lease.session_pid
                      -- Hidden from us, it is another role's session, about which we know nothing.
                      and coalesce(session.backend_start = lease.session_began_at, true))
returning epoch
"""

RENEW = "update log.leases set expires_at = now() + $3 where name = $1 and epoch = $2 returning true"

RELEASE = "update log.leases set expires_at = '-infinity' where name = $1 and epoch = $2"

FENCE = "select true from log.leases where name = $1 and epoch = $2 for share"

IS_HELD = "select true from log.leases where name = $1 and epoch = $2"

HELD = Gauge("annals_lease_held", "1 while this process holds the lease.", ["lease"])
OVERTAKEN = Gauge(
    "annals_lease_overtaken", "1 while this process leaves the lease to nodes of a newer release.", ["lease"]
)

logger = structlog.get_logger(__name__)


class LeaseLost(Exception):
    """Someone else holds the lease now; what was about to be written must not be."""


class LeaseTaken(LeaseLost):
    """Someone else holds the lease already."""


class Overtaken(LeaseLost):
    """A newer release is at work, and has written what this one does not know: the lease is for its nodes."""


class Held(msgspec.Struct, frozen=True):
    """A turn as the holder of a lease. It lasts until the epoch of that name is a higher one."""

    name: str
    epoch: int


#: What is done while a lease is held.
Work = Callable[[Held], Awaitable[None]]

#: Is told what keeps a holder from a part of its work; raises ``Overtaken`` where a newer release could do that part.
GiveWay = Callable[[BaseException], Awaitable[None]]


async def go_on(_error: BaseException) -> None:
    """Give way to nobody."""


class Connections(Protocol):
    """A pool of connections to the database; an asyncpg pool satisfies it."""

    def acquire(self) -> AbstractAsyncContextManager[Any]: ...


async def acquire(session: Database, name: str, holder: str, ttl: float = TTL_SECONDS) -> Held | None:
    """Take the lease if it is free or already this holder's; it is then bound to this session as well as to the TTL.

    ``holder`` must be unique to a process, not to a node: a restarted process is another holder.
    """
    epoch = await session.fetchval(ACQUIRE, name, holder, _interval(ttl))
    return None if epoch is None else Held(name, epoch)


async def renew(session: Database, held: Held, ttl: float = TTL_SECONDS) -> bool:
    """Keep the lease for another TTL; tell whether it was still there to keep."""
    return await session.fetchval(RENEW, held.name, held.epoch, _interval(ttl)) is not None


async def release(session: Database, held: Held) -> None:
    """Let others have the lease at once. Does nothing when it is lost already."""
    await session.execute(RELEASE, held.name, held.epoch)


async def fence(database: Database, held: Held) -> None:
    """Make sure, until this transaction ends, that the lease is held; raise ``LeaseLost`` when it is not."""
    if await database.fetchval(FENCE, held.name, held.epoch) is None:
        raise LeaseLost(held.name)


class Lease:
    """A lease that a process wants to hold for as long as it lives; ``duty`` is told who holds it.

    ``migrations`` are the numbers of those that this release knows; without them it never gives way to a newer one.

    ::

        await Lease(pool, "executor", holder).keep(execute_tasks)
    """

    def __init__(
        self,
        pool: Connections,
        name: str,
        holder: str,
        *,
        ttl: float = TTL_SECONDS,
        duty: Duty | None = None,
        migrations: Collection[int] = (),
    ) -> None:
        self.name = name
        self.holder = holder
        self._pool = pool
        self._ttl = ttl
        self._duty = duty
        self._migrations = migrations
        self._told = False
        self._left_for = ""  # why it is left to a newer release, if it is

    async def keep(self, work: Work) -> None:
        """Run ``work`` whenever the lease is held; cancel it when the lease is lost, and try to get the lease again.

        Return when ``work`` returns. An error in ``work`` that is neither an outage of the database nor a lost lease is
        passed on. The lease is released in every case in which the database can still be reached.
        """
        while True:
            try:
                await self.once(work)
            except Overtaken as overtaken:
                self._leave(overtaken)
            except LeaseLost:
                pass
            except Exception as error:
                if not passes(error):
                    raise
                self._say_once(error)
            else:
                return
            await asyncio.sleep(AWAY_SECONDS if self._left_for else RETRY_SECONDS)

    async def once(self, work: Work) -> None:
        """Run ``work`` under the lease; raise ``LeaseTaken`` when it is not free, ``LeaseLost`` when it was lost."""
        async with self._pool.acquire() as session:
            held = await acquire(session, self.name, self.holder, self._ttl)
            self._told = False
            if held is None:
                if self._duty is not None:
                    self._duty.is_elsewhere(self._left_for)
                raise LeaseTaken(self.name)
            if not self._left_for:
                self.goes_on()
            logger.debug("took a lease", lease=held.name, epoch=held.epoch)
            await self._run(session, held, work)

    def _say_once(self, error: Exception) -> None:
        """Log an outage, once: it may last for days, and there are many attempts a second."""
        if not self._told:
            logger.warning("the database cannot be reached", lease=self.name, error=repr(error))
        self._told = True

    async def give_way(self, error: BaseException) -> None:
        """Raise ``Overtaken`` when an error is due to a topic of a newer release which is at work on this database.

        A topic that nobody knows is a damaged fact otherwise, and no other node could do more than this one.
        """
        unknown = unknown_topic(error)
        if unknown is None or not self._migrations:
            return
        newer: str | None = None
        with _tolerated_outages():
            async with self._pool.acquire() as session:
                newer = await newer_migration(session, self._migrations)
        if newer is not None:
            raise Overtaken(f"a newer release, which made {newer}, has written what this one does not know: {error}")

    def _leave(self, overtaken: Overtaken) -> None:
        logger.warning("leaves a lease to nodes of a newer release", lease=self.name, reason=str(overtaken))
        self._left_for = str(overtaken)
        OVERTAKEN.labels(self.name).set(1)
        if self._duty is not None:
            self._duty.stands(self._left_for)

    def goes_on(self) -> None:
        """Say that the work goes on."""
        if self._left_for:
            self._left_for = ""
            OVERTAKEN.labels(self.name).set(0)
        if self._duty is not None:
            self._duty.goes_on()

    def tell(self, trouble: str) -> None:
        """Say what keeps the work from going on, if anything does (else no text)."""
        if not trouble:
            self.goes_on()
        elif self._duty is not None:
            self._duty.stands(trouble)

    async def _run(self, session: Database, held: Held, work: Work) -> None:
        working = asyncio.ensure_future(work(held))
        renewing = asyncio.ensure_future(self._renewed(session, held))
        HELD.labels(held.name).set(1)
        try:
            await asyncio.wait((working, renewing), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise LeaseLost(held.name)
            working.result()
        finally:
            await _stopped(working, renewing)
            HELD.labels(held.name).set(0)
            logger.debug("gives up a lease", lease=held.name, epoch=held.epoch)
            await _tolerating_outages(asyncio.wait_for(release(session, held), self._ttl / RENEWALS))

    async def _renewed(self, session: Database, held: Held) -> None:
        """Renew the lease; return when that fails, for whatever reason."""

        async def renewing() -> None:
            while await self._kept(session, held):  # noqa: ASYNC110  (what is waited for is in the database)
                await asyncio.sleep(self._ttl / RENEWALS)

        await _tolerating_outages(renewing())

    async def _kept(self, session: Database, held: Held) -> bool:
        """Renew the lease once; tell whether it was still there to keep.

        A fenced transaction of our own may have it locked for longer than we can wait. Nobody else can take it
        meanwhile: as long as the database says so the work goes on, or it would be begun again and again.
        """
        try:
            # Not wait_for: before Python 3.12 it loses a cancellation that comes together with the answer.
            async with asyncio.timeout(self._ttl / 2):
                return await renew(session, held, self._ttl)
        except TimeoutError:
            async with asyncio.timeout(self._ttl / 2):
                return await session.fetchval(IS_HELD, held.name, held.epoch) is not None


async def _stopped(*tasks: asyncio.Future[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _tolerating_outages(attempt: Awaitable[None]) -> None:
    with _tolerated_outages():
        await attempt


@contextmanager
def _tolerated_outages() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not passes(error):
            raise


def _interval(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)
