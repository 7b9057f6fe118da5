"""A log that has lived, taken out of one database and into another, and what is there afterwards."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from api.composition import open_node
from infra.event_feed.exporting import ExportFile, export
from infra.event_feed.importing import import_log
from infra.event_feed.pages import Pages
from infra.following.verifying import verify
from infra.postgres import Link, connect_pool
from infra.settings import Settings
from projections.catalogue import READ_MODELS
from tests.contract.eventing import EventClient
from tests.contract.feeding import BREACH, FEED
from tests.contract.working import JOINING

EVENTS = "select * from log.events order by notification_id"
REST = (
    "select * from log.streams order by stream",
    "select * from log.head",
    "select * from log.id_blocks order by kind, day",
)


async def lived(client: EventClient) -> None:
    """Have something of everything happen."""
    await client.tenant("acme")
    await client.deploy()
    await client.deploy(JOINING, "joining")
    await client.start(variables=[{"name": "sum", "data": {"encoding": "json", "value": '"\u2028 <&> \\u0001"'}}])
    await client.start("joining", correlationKey="Ä/1")
    for number, job in enumerate(await client.lock()):
        await client.complete(job, **({"error": "no card"} if number == 0 else {}))
    await client.start()
    await client.lock(worker="another")
    await client.ok(
        "POST",
        "/messages",
        {"name": "paid", "correlationKey": "1", "workerId": "till", "expirationTimer": {"timeDuration": "PT1H"}},
    )
    await client.opened(BREACH)
    incident = (await client.created())["incidentId"]
    await client.call("PATCH", f"{FEED}/{incident}", {"status": "investigating"})
    await client.ok("POST", "/admin/intakes", {"tenantId": "default", "provider": "custom", "name": "sentry"})
    await client.ok("POST", "/api/checks", {"name": "Shop", "type": "http", "target_url": "https://shop.example"})
    await client.key("viewer")


async def exported(dsn: str, path: Path, seen: list[int] | None = None) -> int:
    pool = await connect_pool(dsn, Link(name="export"))
    try:
        with ExportFile(path) as file:
            return await export(pool, Pages(pool), file, lambda done, _: (seen or []).append(done))
    finally:
        await pool.close()


async def imported(dsn: str, lines: Iterable[bytes]) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            return await import_log(connection, lines, lambda _: None)
    finally:
        await connection.close()


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def rows(dsn: str, query: str) -> list[tuple[Any, ...]]:
    async with connected(dsn) as connection:
        return [tuple(row) for row in await connection.fetch(query)]


async def read_models(dsn: str) -> Mapping[str, list[str]]:
    """Return the rows of all read models as PostgreSQL writes them, once they are level with the log."""
    settings = Settings(database_url=dsn, secret_key=("pepper of the tests",), roles=("api", "followers"))
    async with open_node(settings) as node:
        await node.reading.caught_up([model.name for model in READ_MODELS])
        for model in READ_MODELS:
            assert await verify(node.pools.followers, model, "test") == []
    return {
        table: [text for (text,) in await rows(dsn, f"select t::text from read.{table} as t order by 1")]
        for model in READ_MODELS
        for table in model.tables
    }
