"""Taking the database away and giving it back: it hangs, it is gone, or it drops everyone."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import asyncpg

from api.app import create_app
from api.composition import Node, open_node
from api.listening import bound_sockets
from api.serving import Serving
from infra.embedded_postgres import EmbeddedPostgres
from infra.migrating import migrate
from infra.settings import read_settings
from tests.faults.node import KEY

#: The same for all nodes of a database.
SECRET = "a-secret-for-tests-only"  # noqa: S105  (it guards nothing)

OURS = "select count(*) from pg_stat_activity where datname = current_database() and application_name like 'annals %'"

#: Followers are inside a transaction for milliseconds at a time; what is there for a second was left behind.
ABANDONED = f"{OURS} and state like 'idle in transaction%' and now() - state_change > interval '1 second'"

EVERYONE = "from pg_stat_activity where application_name like 'annals %'"


@asynccontextmanager
async def served(dsn: str, data_dir: Path, **overrides: str) -> AsyncIterator[tuple[Node, str]]:
    """Run a node in this process, behind a real HTTP server; give it with its URL."""
    settings = read_settings(
        {},
        {
            "database_url": dsn,
            "data_dir": str(data_dir),
            "port": "0",
            "bootstrap_key": KEY,
            "secret_key": SECRET,
            **overrides,
        },
    )
    with bound_sockets(settings) as sockets:
        async with open_node(settings) as node, Serving(create_app(node), settings, sockets, node.hurry) as serving:
            yield node, serving.url


class Database:
    """A database on a server of its own, which the test may take away."""

    def __init__(self, data_dir: Path) -> None:
        self.server = EmbeddedPostgres(data_dir, homes=[])

    async def make(self, name: str) -> str:
        """Make a database and return its URL, which stays the same when the server is started again."""
        await self._ask("postgres", f"create database {name}")
        dsn = self.server.dsn(name)
        await migrate(dsn)
        return dsn

    @asynccontextmanager
    async def hangs(self) -> AsyncIterator[None]:
        """Have no process of the server do anything, as behind a network that swallows everything."""
        stopped = frozen(self.server.pid)
        try:
            yield
        finally:
            for pid in reversed(stopped):
                os.kill(pid, signal.SIGCONT)

    @asynccontextmanager
    async def is_gone(self) -> AsyncIterator[None]:
        """Have no server at all."""
        await self.server.stop()
        try:
            yield
        finally:
            await self.server.start()

    def drops_everyone(self) -> AbstractAsyncContextManager[None]:
        """Cut every connection, again and again."""
        return self._again_and_again(f"select pg_terminate_backend(pid) {EVERYONE}", 0.1)

    def cancels_everyone(self) -> AbstractAsyncContextManager[None]:
        """Cancel whatever statement runs, again and again, as somebody's ``statement_timeout`` would."""
        return self._again_and_again(f"select pg_cancel_backend(pid) {EVERYONE}", 0.002)

    @asynccontextmanager
    async def _again_and_again(self, statement: str, rest: float) -> AsyncIterator[None]:
        async def asking() -> None:
            connection = await asyncpg.connect(self.server.dsn("postgres"))
            try:
                while True:
                    await connection.execute(statement)
                    await asyncio.sleep(rest)
            finally:
                await connection.close()

        task = asyncio.create_task(asking())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _ask(self, database: str, statement: str) -> None:
        connection = await asyncpg.connect(self.server.dsn(database))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


async def count(dsn: str, question: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        answer: int = await connection.fetchval(question)
    finally:
        await connection.close()
    return answer


def frozen(postmaster: int | None) -> list[int]:
    """Stop a server, the parent first so that it has no new children meanwhile; return its processes."""
    assert postmaster is not None
    os.kill(postmaster, signal.SIGSTOP)
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    pids = [postmaster, *map(int, children)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    return pids
