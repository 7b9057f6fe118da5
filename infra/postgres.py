"""Connections to PostgreSQL: bounded waits, one pool for each kind of work, and a server that keeps what it confirms.

A pooled connection is given back as it is, without the round trip that would reset its session (a third of what a
short query takes). So nothing may change a session that others will use: ``set local`` and transaction-level advisory
locks only. What needs a session of its own (LISTEN, session locks) uses ``connect``.
"""

import asyncio
import socket
from collections.abc import Generator, Sequence
from contextlib import suppress
from typing import Any

import asyncpg
import msgspec
import structlog

from infra.settings import Settings
from infra.watching import Watch

OLDEST_RELEASE = 15
NEWEST_RELEASE = 18
DURABILITY = ("fsync", "full_page_writes", "synchronous_commit")

IDLE_IN_TRANSACTION = "10s"  # one left open by a process that was paused keeps its lease from all others, and vacuum
SERVER_KEEPALIVE = {"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}
CLIENT_KEEPALIVE = {
    "TCP_KEEPIDLE": 30,
    "TCP_KEEPINTVL": 10,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 60_000,
}  # s, s, -, ms
CLOSE_SECONDS = 2.0
DROPPED = ("unexpected connection_lost() call",)  # what asyncpg says of a connection that it has closed itself
GIVE_BACK_SECONDS = 0.5  # for a statement that was given up to end on the server as well
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
    ``command_timeout`` bounds each statement, ``None`` does not. A statement that a pool is asked for directly has to
    wait for its connection within that time.
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


class Lent:
    """A connection of a pool, for as long as a block lasts.

    Giving it back never raises: after a cancellation that must get through, nothing else may. A connection that does
    not come to rest in time is cut, and another is made when it is wanted.
    """

    __slots__ = ("_connection", "_pool", "_timeout")

    def __init__(self, pool: "asyncpg.Pool[Record]", timeout: float) -> None:
        self._pool = pool
        self._timeout = timeout
        self._connection: Any = None

    async def __aenter__(self) -> Any:
        self._connection = await self._pool.acquire(timeout=self._timeout)
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await self._pool.release(self._connection, timeout=GIVE_BACK_SECONDS)

    def __await__(self) -> Generator[Any, None, Any]:
        return self._pool.acquire(timeout=self._timeout).__await__()


class Pool:
    """Connections that are shared. Nobody waits for one longer than the link's ``acquire_timeout``.

    Used directly it satisfies ``projections.database.Database``, each statement on whatever connection is free. While
    ``watch`` sees the database down, everything is refused at once with ``ConnectionError``.
    """

    def __init__(self, pool: "asyncpg.Pool[Record]", link: Link, watch: Watch | None = None) -> None:
        self._pool = pool
        self._acquire_timeout = link.acquire_timeout
        self._statement_timeout = link.command_timeout
        self._watch = watch

    def acquire(self) -> Lent:
        """Lend a connection: ``async with pool.acquire() as connection``. Raise ``TimeoutError`` when none is free."""
        if self._watch is not None:
            self._watch.check()
        return Lent(self._pool, self._acquire_timeout)

    async def execute(self, query: str, /, *args: Any) -> str:
        ends = self._ends()
        async with self.acquire() as connection:
            answer: str = await connection.execute(query, *args, timeout=_left(ends))
        return answer

    async def fetch(self, query: str, /, *args: Any) -> Sequence[Record]:
        ends = self._ends()
        async with self.acquire() as connection:
            rows: Sequence[Record] = await connection.fetch(query, *args, timeout=_left(ends))
        return rows

    async def fetchrow(self, query: str, /, *args: Any) -> Record | None:
        ends = self._ends()
        async with self.acquire() as connection:
            row: Record | None = await connection.fetchrow(query, *args, timeout=_left(ends))
        return row

    async def fetchval(self, query: str, /, *args: Any) -> Any:
        ends = self._ends()
        async with self.acquire() as connection:
            return await connection.fetchval(query, *args, timeout=_left(ends))

    def _ends(self) -> float | None:
        """Return when a statement that is asked for now has to be through."""
        return None if self._statement_timeout is None else _now() + self._statement_timeout

    @property
    def free(self) -> int:
        """How many connections could be lent now, those included that would have to be made first."""
        return self._pool.get_max_size() - self._pool.get_size() + self._pool.get_idle_size()

    @property
    def lent(self) -> int:
        """How many connections are lent now."""
        return self._pool.get_size() - self._pool.get_idle_size()

    async def close(self) -> None:
        """Wait a few seconds for lent connections, then cut what is left; at once when there is nobody to part from."""
        if self._watch is not None and self._watch.down:
            self._pool.terminate()
            return
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


def let_connecting_be_cancelled() -> None:
    """Have the running loop say nothing of the future that asyncpg drops when connecting over TCP is cancelled."""
    asyncio.get_running_loop().set_exception_handler(_tell_unless_dropped)


def _tell_unless_dropped(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    if not (isinstance(error, ConnectionError) and error.args == DROPPED and "future" in context):
        loop.default_exception_handler(context)


async def connect(dsn: str, link: Link) -> "Connection[Record]":
    """Open a connection of one's own."""
    connection: Connection[Record] = await asyncpg.connect(dsn, **link.options())
    await _keep_alive(connection)
    return connection


async def connect_pool(dsn: str, link: Link, watch: Watch | None = None) -> Pool:
    """Open a pool; its first connection is made at once, so that a wrong URL is an error here."""
    opened = await asyncpg.create_pool(  # with a least size it would try, and log, on its own in every outage
        dsn, min_size=0, max_size=link.size, init=_keep_alive, reset=_leave_as_it_is, **link.options()
    )
    pool = Pool(opened, link, watch)
    try:
        async with pool.acquire():
            return pool
    except BaseException:
        opened.terminate()
        raise


async def open_pools(dsn: str, settings: Settings, watch: Watch | None = None) -> Pools:
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
    return Pools(*await asyncio.gather(*(connect_pool(dsn, link, watch) for link in links)))


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


def _now() -> float:
    return asyncio.get_running_loop().time()


def _left(ends: float | None) -> float | None:
    return None if ends is None else ends - _now()


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
