"""Connections are bounded, kinds of work do not starve each other, and an unsafe server is refused."""

import asyncio
import contextlib
import gc
import os
import random
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from infra.embedded_postgres import EmbeddedPostgres
from infra.postgres import (
    Link,
    Pool,
    UnsuitableServer,
    check_server,
    connect,
    connect_pool,
    let_connecting_be_cancelled,
    open_pools,
)
from infra.postgres_cluster import SERVER_SETTINGS
from infra.settings import Settings

BACKENDS = "select array_agg(pid) from pg_stat_activity where application_name = 'annals test'"


@pytest.fixture
async def pool(empty_database: str) -> AsyncIterator[Pool]:
    pool = await connect_pool(empty_database, Link(name="test", size=4, acquire_timeout=0.2, command_timeout=0.1))
    yield pool
    await pool.close()


async def test_a_connection_says_who_it_is_and_where_it_looks(empty_database: str) -> None:
    connection = await connect(empty_database, Link(name="someone", search_path="read, public"))
    try:
        assert await connection.fetchval("show application_name") == "annals someone"
        assert await connection.fetchval("show search_path") == "read, public"
        assert await connection.fetchval("show idle_in_transaction_session_timeout") == "10s"
    finally:
        await connection.close()


async def test_a_connection_that_is_given_up_while_it_is_made_is_not_complained_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    let_connecting_be_cancelled()
    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for steps in range(30):
            connecting = asyncio.create_task(connect(f"postgresql://annals@127.0.0.1:{port}/annals", Link(name="test")))
            for _ in range(steps):
                await asyncio.sleep(0)
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
            del connecting
        await asyncio.sleep(0.05)
    gc.collect()
    assert not caplog.records


async def test_other_exceptions_that_nobody_takes_are_complained_of(caplog: pytest.LogCaptureFixture) -> None:
    let_connecting_be_cancelled()
    asyncio.get_running_loop().create_future().set_exception(ConnectionError("lost"))
    gc.collect()
    assert ["lost" in str(record.exc_info) for record in caplog.records] == [True]


async def test_waiting_for_a_free_connection_is_bounded(empty_database: str) -> None:
    pool = await connect_pool(empty_database, Link(name="test", size=1, acquire_timeout=0.05))
    async with pool.acquire():
        with pytest.raises(TimeoutError):
            await pool.fetchval("select 1")
    assert await pool.fetchval("select 1") == 1
    await pool.close()


async def test_a_statement_that_takes_too_long_is_given_up_and_its_connection_is_not_lost(pool: Pool) -> None:
    for _ in range(6):
        with pytest.raises(TimeoutError):
            await pool.execute("select pg_sleep(5)")
    assert pool.free == 4
    assert await pool.fetchval("select 1") == 1


async def test_a_pooled_connection_comes_back_without_its_transaction(pool: Pool) -> None:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("set local search_path = nowhere")
        await transaction.rollback()
    assert await pool.fetchval("show search_path") == '"$user", public'


async def test_commands_go_on_while_queries_have_used_up_their_pool(empty_database: str) -> None:
    settings = Settings(query_connections=1, command_connections=1, follower_connections=1, acquire_timeout=0.05)
    pools = await open_pools(empty_database, settings)
    async with pools.queries.acquire():
        with pytest.raises(TimeoutError):
            await pools.queries.fetchval("select 1")
        assert await pools.commands.fetchval("select 1") == 1
        assert await pools.followers.fetchval("select 1") == 1
    await pools.close()


async def test_a_pool_closes_in_time_although_a_connection_is_never_given_back(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.postgres.CLOSE_SECONDS", 0.1)
    pool = await connect_pool(empty_database, Link(name="test"))
    connection = await pool.acquire()
    await asyncio.wait_for(pool.close(), 1)
    with pytest.raises(asyncpg.InterfaceError, match="released back to the pool"):
        await connection.fetchval("select 1")


async def test_a_pool_is_whole_again_after_the_server_froze_under_load_with_cancellations(
    pool: Pool, empty_database: str
) -> None:
    observer = await connect(empty_database, Link(name="observer"))
    chance = random.Random(20)

    async def work() -> None:
        with contextlib.suppress(TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute("select pg_sleep($1)", chance.random() / 100)

    for _ in range(3):
        tasks = [asyncio.create_task(work()) for _ in range(24)]
        await asyncio.sleep(0.01)
        backends = await observer.fetchval(BACKENDS)
        for pid in backends:
            os.kill(pid, signal.SIGSTOP)
        for task in chance.sample(tasks, 8):
            task.cancel()
        await asyncio.sleep(0.3)
        for pid in backends:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        await asyncio.gather(*tasks, return_exceptions=True)
    assert pool.free == 4
    assert await pool.fetchval("select 1") == 1
    idle = "select count(*) from pg_stat_activity where application_name = 'annals test' and state like 'idle in tr%'"
    assert await observer.fetchval(idle) == 0
    await observer.close()


async def test_a_server_as_we_run_it_is_suitable(postgres_server: EmbeddedPostgres) -> None:
    await check_server(postgres_server.dsn())


async def test_a_database_that_may_lose_confirmed_events_is_refused(
    postgres_server: EmbeddedPostgres, empty_database: str
) -> None:
    await alter(postgres_server, empty_database, "set synchronous_commit = off")
    with pytest.raises(UnsuitableServer, match="synchronous_commit is off: the server may lose events"):
        await open_pools(empty_database, Settings())
    await alter(postgres_server, empty_database, "set synchronous_commit = local")
    await check_server(empty_database)


async def test_a_server_that_does_not_write_through_is_refused(
    open_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("fsync", "full_page_writes"):
        with monkeypatch.context() as changed:
            changed.setitem(SERVER_SETTINGS, name, "off")
            async with EmbeddedPostgres(open_directory / "unsafe") as server:
                with pytest.raises(UnsuitableServer, match=f"{name} is off"):
                    await check_server(server.dsn())


async def test_a_release_that_is_too_old_is_refused(
    postgres_server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.postgres.OLDEST_RELEASE", 19)
    with pytest.raises(UnsuitableServer, match="PostgreSQL 18 is too old"):
        await check_server(postgres_server.dsn())


async def test_a_database_in_another_encoding_is_refused(postgres_server: EmbeddedPostgres) -> None:
    administrator = await connect(postgres_server.dsn("postgres"), Link(name="administrator"))
    options = "template template0 encoding 'SQL_ASCII' locale_provider libc locale 'C'"
    await administrator.execute(f"create database ascii_only {options}")
    try:
        with pytest.raises(UnsuitableServer, match="has the encoding SQL_ASCII"):
            await check_server(postgres_server.dsn("ascii_only"))
    finally:
        await administrator.execute("drop database ascii_only with (force)")
        await administrator.close()


async def alter(server: EmbeddedPostgres, dsn: str, change: str) -> None:
    connection = await connect(dsn, Link(name="administrator"))
    try:
        database = await connection.fetchval("select current_database()")
        await connection.execute(f"alter database {database} {change}")
    finally:
        await connection.close()
