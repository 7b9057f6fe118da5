"""A database that comes back without the last commits is found out, and nobody goes on with what it has lost.

Real servers: a replica that lagged behind is promoted, an older backup is put back (reliability 4.9).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count as numbers
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from infra.embedded_postgres import EmbeddedPostgres
from tests.faults.client import WORKING, Client, deployment, start
from tests.faults.killing import History, check
from tests.faults.node import Node, free_port
from tests.faults.outages import SECRET
from tests.faults.rewound_deliveries import arrived, chained, require_found, require_told_anew, webhook_to
from tests.faults.standby import Standby, copied, ran
from tests.integration.delivering import Receiver, receiving

KEYS = numbers(1)

#: Seconds until a node has noticed and ended, on a busy machine.
PATIENCE = 60.0

ERAS = "select number, began_after, server from log.eras order by number"

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def directory(open_directory: Path) -> Path:
    path = open_directory / f"rewound-{next(KEYS)}"
    path.mkdir()
    path.chmod(0o711)
    return path


@pytest.fixture
async def server(directory: Path) -> AsyncIterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(directory / "database", homes=[])
    await server.start()
    yield server
    await server.stop()


@asynccontextmanager
async def node_on(directory: Path, dsn: str) -> AsyncIterator[Node]:
    node = Node(
        directory / "node",
        free_port(),
        ANNALS_DATABASE_URL=dsn,
        ANNALS_SECRET_KEY=SECRET,
        ANNALS_WEBHOOK_PRIVATE_TARGETS="127.0.0.1",
    )
    await node.start()
    try:
        yield node
    finally:
        await node.kill()


async def deployed(node: Node) -> Client:
    client = Client(node.url)
    await client.patiently("POST", "/processes", deployment("1", WORKING))
    return client


async def begun(client: Client, number: int) -> list[Any]:
    return [
        await client.patiently("POST", "/process-instances", start("1", f"key-{next(KEYS)}")) for _ in range(number)
    ]


async def head(client: Client) -> int:
    """Return the end of the log as the feed tells it, once every read model is there."""
    await client.rows("/process-instances")
    return int((await client.done("GET", "/events?limit=1000"))["next"])


async def asked(dsn: str, question: str) -> list[tuple[Any, ...]]:
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(question)]
    finally:
        await connection.close()


async def noticed(node: Node, reason: str) -> None:
    """Wait until a node has ended because of it."""
    async with asyncio.timeout(PATIENCE):
        assert await node.ended() == 1
    assert "this node knows another log" in node.said
    assert reason in node.said


async def goes_on_from(node: Node, dsn: str, position: int, lost: list[Any], receiver: Receiver | None = None) -> None:
    """Start the node again: it knows nothing of what is lost, and everything fits together."""
    await node.start()
    client = Client(node.url)
    keys = {row["correlationKey"] for row in await client.rows("/process-instances")}
    assert not keys & {instance["correlationKey"] for instance in lost}
    beyond = await client.call("GET", f"/events?after={position + 1}")
    assert beyond.status == 400
    fresh = await begun(client, 3)
    keys = {row["correlationKey"] for row in await client.rows("/process-instances")}
    assert {instance["correlationKey"] for instance in fresh} <= keys
    events = (await client.done("GET", "/events?limit=1000"))["events"]
    sources = {event["source"]: int(event["id"]) > position for event in events}
    assert sorted(sources.values()) == [False, True], "what comes after has another source than what was before"
    if receiver is not None:
        await require_told_anew(client, receiver, position)
    assert await node.stop() == 0
    assert not await check(dsn, History())
    (_, _, before), (number, began_after, after) = await asked(dsn, ERAS)
    assert (number, began_after) == (2, position)
    assert before
    assert after


async def test_a_backup_that_is_put_back_is_noticed_and_the_log_goes_on_from_there(
    directory: Path, server: EmbeddedPostgres
) -> None:
    cluster = server.data.path / "postgres"
    async with node_on(directory, server.dsn()) as node:
        client = await deployed(node)
        await begun(client, 3)
        position = await head(client)
        await server.stop()
        copied(cluster, directory / "backup")
        await server.start()
        lost = await begun(client, 5)
        await server.stop()
        copied(directory / "backup", cluster)
        await server.start()
        await noticed(node, "the log has lost facts")
        await goes_on_from(node, server.dsn(), position, lost)


async def test_a_replica_that_lagged_behind_takes_over_and_the_loss_is_noticed(
    directory: Path, server: EmbeddedPostgres
) -> None:
    standby = Standby(server, directory / "standby")
    await standby.copy()
    await standby.start()
    try:
        async with receiving() as receiver, node_on(directory, standby.dsn) as node:
            client = await deployed(node)
            await webhook_to(client, receiver)
            await begun(client, 3)
            position = await head(client)
            await standby.follows(position)
            await standby.stop()
            lost = await begun(client, 5)
            end = await head(client)
            await arrived(receiver, position + 1, end)
            kept = await chained(client, end)
            await standby.take_over()
            await noticed(node, "the log has lost facts")
            await goes_on_from(node, standby.dsn, position, lost, receiver)
            require_found(standby.dsn, kept)
    finally:
        await standby.stop()


async def test_a_replica_that_has_everything_takes_over_and_nothing_is_lost(
    directory: Path, server: EmbeddedPostgres
) -> None:
    standby = Standby(server, directory / "standby")
    await standby.copy()
    await standby.start()
    try:
        async with node_on(directory, standby.dsn) as node:
            client = await deployed(node)
            await begun(client, 3)
            position = await head(client)
            await standby.follows(position)
            await standby.take_over()
            await noticed(node, "another server or timeline")
            await goes_on_from(node, standby.dsn, position, [])
    finally:
        await standby.stop()


async def test_a_dump_is_restored_into_another_database_and_goes_on_there(
    directory: Path, server: EmbeddedPostgres
) -> None:
    async with node_on(directory, server.dsn()) as node:
        client = await deployed(node)
        started = await begun(client, 3)
        position = await head(client)
        await ran("pg_dump", "-Fc", "-f", directory / "dump", "-d", server.dsn())
    await asked(server.dsn(), "create database other")
    await ran("pg_restore", "--no-owner", "-d", server.dsn("other"), directory / "dump")
    async with node_on(directory, server.dsn("other")) as node:
        assert len(await Client(node.url).rows("/process-instances")) == len(started)
        await node.stop()
        await goes_on_from(node, server.dsn("other"), position, [])
