"""Connections to PostgreSQL: bounded waits, one pool for each kind of work, and a server that keeps what it confirms.

A pooled connection is given back as it is, without the round trip that would reset its session (a third of what a
short query takes). So nothing may change a session that others will use: ``set local`` and transaction-level advisory
locks only. What needs a session of its own (LISTEN, session locks) uses ``connect``.
"""

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec
import structlog
from asyncpg.pool import PoolAcquireContext

from infra.settings import Settings

OLDEST_RELEASE = 15
NEWEST_RELEASE = 18
DURABILITY = ("fsync", "full_page_writes", "synchronous_commit")

IDLE_IN_TRANSACTION = "60s"  # an abandoned transaction stops vacuum for everyone
SERVER_KEEPALIVE = {"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}
CLIENT_KEEPALIVE = {
    "TCP_KEEPIDLE": 30,
    "TCP_KEEPINTVL": 10,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 60_000,
}  # s, s, -, ms
CLOSE_SECONDS = 5.0
FOLLOWER_TIMEOUT = 60.0  # a batch of facts or a part of a rebuild takes longer than a command may

FACTS_ABOUT_THE_SERVER = """
select name, setting from pg_settings where name = any($1)
union all select 'server_encoding', getdatabaseencoding()
union all select 'pg_is_in_recovery', pg_is_in_recovery()::text
"""

log = structlog.get_logger(__name__)

Connection = asyncpg.Connection
Record = asyncpg.Record


class UnsuitableServer(Exception):
    """The PostgreSQL server is too old, read-only, or set up so that it may lose what it has confirmed."""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """How to connect: ``name`` is what ``pg_stat_activity`` shows, ``size`` the most connections of a pool.

    Times are in seconds: ``acquire_timeout`` bounds connecting, and waiting for a free connection of a pool;
    ``command_timeout`` bounds each statement, ``None`` does not.
    """

    name: str
    size: int = 4
    acquire_timeout: float = 5.0
    command_timeout: float | None = 10.0
    search_path: str | None = None

    def options(self) -> dict[str, Any]:
        """Return the options as asyncpg wants them."""
        settings = {
            "application_name": f"annals {self.name}",
            "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION,
            **SERVER_KEEPALIVE,
        }
        if self.search_path is not None:
            settings["search_path"] = self.search_path
        return {"timeout": self.acquire_timeout, "command_timeout": self.command_timeout, "server_settings": settings}


class Pool:
    """Connections that are shared. Nobody waits for one longer than the link's ``acquire_timeout``.

    Used directly it satisfies ``projections.database.Database``, each statement on whatever connection is free.
    """

    def __init__(self, pool: "asyncpg.Pool[Record]", acquire_timeout: float) -> None:
        self._pool = pool
        self._acquire_timeout = acquire_timeout

    def acquire(self) -> PoolAcquireContext:
        """Lend a connection: ``async with pool.acquire() as connection``. Raise ``TimeoutError`` when none is free."""
        return self._pool.acquire(timeout=self._acquire_timeout)

    async def execute(self, query: str, /, *args: Any) -> str:
        async with self.acquire() as connection:
            return await connection.execute(query, *args)

    async def fetch(self, query: str, /, *args: Any) -> Sequence[Record]:
        async with self.acquire() as connection:
            return await connection.fetch(query, *args)

    async def fetchrow(self, query: str, /, *args: Any) -> Record | None:
        async with self.acquire() as connection:
            return await connection.fetchrow(query, *args)

    async def fetchval(self, query: str, /, *args: Any) -> Any:
        async with self.acquire() as connection:
            return await connection.fetchval(query, *args)

    @property
    def free(self) -> int:
        """How many connections could be lent now, those included that would have to be made first."""
        return self._pool.get_max_size() - self._pool.get_size() + self._pool.get_idle_size()

    async def close(self) -> None:
        """Wait a few seconds for lent connections, then cut what is left."""
        try:
            await asyncio.wait_for(self._pool.close(), CLOSE_SECONDS)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):  # OSError: also the TimeoutError
            self._pool.terminate()


class Pools(msgspec.Struct, frozen=True):
    """One pool for each kind of work, so that none of them can starve another."""

    commands: Pool
    queries: Pool
    followers: Pool

    async def close(self) -> None:
        await asyncio.gather(self.followers.close(), self.queries.close(), self.commands.close())


async def connect(dsn: str, link: Link) -> "Connection[Record]":
    """Open a connection of one's own."""
    connection: Connection[Record] = await asyncpg.connect(dsn, **link.options())
    await _keep_alive(connection)
    return connection


async def connect_pool(dsn: str, link: Link) -> Pool:
    """Open a pool; its first connection is made at once, so that a wrong URL is an error here."""
    pool = await asyncpg.create_pool(
        dsn, min_size=1, max_size=link.size, init=_keep_alive, reset=_leave_as_it_is, **link.options()
    )
    return Pool(pool, link.acquire_timeout)


async def open_pools(dsn: str, settings: Settings) -> Pools:
    """Check the server and open a pool for each kind of work; raise ``UnsuitableServer``."""
    await check_server(dsn)
    acquire, command = settings.acquire_timeout, settings.command_timeout
    links = (
        Link(name="commands", size=settings.command_connections, acquire_timeout=acquire, command_timeout=command),
        Link(
            name="queries",
            size=settings.query_connections,
            acquire_timeout=acquire,
            command_timeout=command,
            search_path="read",
        ),
        Link(
            name="followers",
            size=settings.follower_connections,
            acquire_timeout=acquire,
            command_timeout=FOLLOWER_TIMEOUT,
        ),
    )
    return Pools(*await asyncio.gather(*(connect_pool(dsn, link) for link in links)))


async def check_server(dsn: str) -> None:
    """Raise ``UnsuitableServer`` unless it is PostgreSQL 15 or later, writable, in UTF8, and durable."""
    connection = await connect(dsn, Link(name="check"))
    try:
        release = connection.get_server_version().major
        facts = {row["name"]: row["setting"] for row in await connection.fetch(FACTS_ABOUT_THE_SERVER, DURABILITY)}
    finally:
        await connection.close()
    if release < OLDEST_RELEASE:
        raise UnsuitableServer(f"PostgreSQL {release} is too old: {OLDEST_RELEASE} to {NEWEST_RELEASE} are supported")
    if release > NEWEST_RELEASE:
        log.warning("this release of PostgreSQL is newer than those we are tested with", release=release)
    if facts["pg_is_in_recovery"] == "true":
        raise UnsuitableServer("the server is a read-only replica: ANNALS_DATABASE_URL has to lead to the primary")
    if facts["server_encoding"] != "UTF8":
        raise UnsuitableServer(f"the database has the encoding {facts['server_encoding']}: it has to be UTF8")
    for name in DURABILITY:
        if facts[name] == "off":
            raise UnsuitableServer(f"{name} is off: the server may lose events that it has confirmed; switch it on")


async def _leave_as_it_is(connection: object) -> None:
    """Take the place of asyncpg's reset; an open transaction has been rolled back before."""


async def _keep_alive(connection: Any) -> None:
    """Notice a peer that is gone without a word, on a connection that only listens too; Unix sockets need none."""
    transport = connection._transport  # noqa: SLF001  (asyncpg has no option for it and no other way to the socket)
    link = transport.get_extra_info("socket")
    if link is None or link.family not in (socket.AF_INET, socket.AF_INET6):
        return
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in CLIENT_KEEPALIVE.items():
        if hasattr(socket, name):  # macOS lacks two of them
            link.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
