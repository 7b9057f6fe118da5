"""The log out of one database and into another: complete, verified, resumable, and the same read models afterwards."""

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from api.composition import open_node
from infra.embedded_postgres import EmbeddedPostgres
from infra.event_feed.exporting import ExportFile, ExportRefused, export
from infra.event_feed.importing import ImportRefused, import_log
from infra.event_feed.pages import Pages
from infra.event_log.rebuilding import differences
from infra.following.verifying import verify
from infra.postgres import Link, connect_pool
from infra.settings import Settings
from projections.catalogue import READ_MODELS
from tests.conftest import _database_from
from tests.contract.eventing import EventClient, event_client
from tests.contract.feeding import BREACH, FEED
from tests.contract.working import JOINING, MODEL

EVENTS = "select * from log.events order by notification_id"
REST = (
    "select * from log.streams order by stream",
    "select * from log.head",
    "select * from log.id_blocks order by kind, day",
)


@pytest.fixture
async def target(postgres_server: EmbeddedPostgres, migrated_template: str) -> AsyncIterator[str]:
    async for dsn in _database_from(postgres_server, migrated_template):
        yield dsn


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


def names_in(directory: Path) -> list[str]:
    return [one.name for one in directory.iterdir()]


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


async def test_a_log_that_was_exported_and_imported_is_the_same_with_the_same_read_models(
    database: str, target: str, tmp_path: Path
) -> None:
    async with event_client(database) as client:
        await lived(client)
        source = (await client.events("limit=1"))["events"][0]["source"]
    path = tmp_path / "log.ndjson"
    head = await exported(database, path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert names_in(tmp_path) == ["log.ndjson"]
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == head + 1
    assert await imported(target, lines) == head
    for query in (EVENTS, *REST):
        assert await rows(target, query) == await rows(database, query)
    async with connected(target) as connection:
        assert await differences(connection) == []
    there, here = await read_models(target), await read_models(database)
    assert there == here
    assert sum(map(len, here.values())) > 100
    async with event_client(target) as client:
        assert (await client.events("limit=1"))["events"][0]["source"] == source


async def test_work_goes_on_where_a_log_was_imported(database: str, target: str, tmp_path: Path) -> None:
    async with event_client(database) as client:
        await lived(client)
        instances = await client.rows("process-instances")
    await exported(database, tmp_path / "log")
    await imported(target, (tmp_path / "log").read_bytes().splitlines(keepends=True))
    async with event_client(target) as client:
        assert await client.rows("process-instances") == instances
        started = await client.start()
        assert started["id"] > max(row["id"] for row in instances)
        locked = await client.lock(worker="another")
        assert {job["processInstanceId"] for job in locked} >= {started["id"]}
        for job in locked:
            await client.complete(job, worker="another")
        (done,) = await client.rows("process-instances", id=started["id"], partition=started["partition"])
        assert done["state"] == "COMPLETED"
        assert await client.deploy(MODEL, version="2")
    async with connected(target) as connection:
        assert await differences(connection) == []


async def test_an_export_that_is_broken_off_goes_on_where_it_was(database: str, tmp_path: Path) -> None:
    async with event_client(database) as client:
        await lived(client)
        await client.noted(50)
    whole, path = tmp_path / "whole", tmp_path / "log"
    await exported(database, whole)
    content = whole.read_bytes()
    ends = [number for number, byte in enumerate(content) if byte == ord("\n")]
    for cut in (0, 1, 100, ends[3], ends[3] + 1, ends[20] + 7, len(content) - 1, len(content)):
        (tmp_path / "log.part").write_bytes(content[:cut])
        seen: list[int] = [0]
        await exported(database, path, seen)
        assert path.read_bytes() == content
        path.unlink()
    (tmp_path / "log.part").write_bytes(content[: ends[3] + 1] + b"x" * 2 * len(content))
    await exported(database, path)
    assert path.read_bytes() == content
    path.unlink()
    async with event_client(database) as client:
        head = await client.noted(3)
    (tmp_path / "log.part").write_bytes(content)
    assert await exported(database, path) == head
    assert path.read_bytes().startswith(content[: ends[-2]])
    assert json.loads(path.read_bytes().splitlines()[-1])["end"] == head


async def test_an_export_touches_no_other_file(database: str, target: str, tmp_path: Path) -> None:
    for dsn in (database, target):
        async with event_client(dsn):
            pass
    path = tmp_path / "log"
    path.write_text("precious")
    with pytest.raises(ExportRefused, match="is there already"):
        await exported(database, path)
    assert path.read_text() == "precious"
    path.unlink()
    await exported(database, path)
    path.rename(tmp_path / "log.part")
    for content in ((tmp_path / "log.part").read_bytes(), b"precious\n"):
        (tmp_path / "log.part").write_bytes(content)
        with pytest.raises(ExportRefused, match="another log, or of none"):
            await exported(target, path)
        assert not path.exists()


def changed(line: bytes, **members: Any) -> bytes:
    told = json.loads(line)
    told.update(members)
    return json.dumps(told).encode() + b"\n"


@pytest.mark.parametrize(
    ("breaking", "sentence"),
    [
        (lambda lines: lines[:-1], "the end is missing"),
        (lambda lines: lines[:5] + lines[6:], "line 6: position 7 does not follow 5"),
        (lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]], "line 6: position 7 does not follow 5"),
        (lambda lines: [*lines[:5], lines[4], *lines[5:]], "line 6: position 5 does not follow 5"),
        (lambda lines: [*lines[:-2], lines[-1]], r"the end is \d+, the last event \d+"),
        (lambda lines: [*lines, lines[0]], "there is more behind the end"),
        (lambda lines: [lines[0], lines[1][:-20] + b"\n", *lines[2:]], "line 2: "),
        (lambda lines: [lines[0], changed(lines[1], version=2), *lines[2:]], "line 2: version 2 of key-"),
        (lambda lines: [lines[0], changed(lines[1], type="job.lost.v1"), *lines[2:]], "line 2: .*job.lost.v1"),
        (lambda lines: [lines[0], changed(lines[1], data={"tenant": 1}), *lines[2:]], "line 2: "),
        (lambda lines: [lines[0], changed(lines[1], more=1), *lines[2:]], "line 2: .*more"),
        (lambda lines: [lines[0], changed(lines[1], happenedAt="2026-11-21T00:00:00"), *lines[2:]], "line 2: a time"),
        (lambda lines: [lines[0], b"\xff\n", *lines[2:]], "line 2: "),
        (lambda _: [], "the end is missing"),
    ],
)
async def test_what_is_no_whole_log_in_order_is_refused_and_nothing_is_written(
    database: str, target: str, tmp_path: Path, breaking: Any, sentence: str
) -> None:
    async with event_client(database) as client:
        await client.noted(6)
    await exported(database, tmp_path / "log")
    lines = (tmp_path / "log").read_bytes().splitlines(keepends=True)
    with pytest.raises(ImportRefused, match=sentence):
        await imported(target, breaking(lines))
    assert await rows(target, EVENTS) == []
    assert await rows(target, "select position from log.head") == [(0,)]


async def test_nothing_is_imported_where_a_log_has_begun(database: str, target: str, tmp_path: Path) -> None:
    for dsn in (database, target):
        async with event_client(dsn):
            pass
    await exported(database, tmp_path / "log")
    before = await rows(target, EVENTS)
    with pytest.raises(ImportRefused, match="there is a log already"):
        await imported(target, (tmp_path / "log").read_bytes().splitlines(keepends=True))
    assert await rows(target, EVENTS) == before


class BesideWriters(Pages):
    """Pages of a log that has grown each time it was asked where it ends."""

    def __init__(self, client: EventClient) -> None:
        super().__init__(client.node.pools.queries)
        self._client = client

    async def head(self) -> int:
        head = await super().head()
        await self._client.noted(3)
        return head


async def test_an_export_beside_writers_ends_where_the_log_ended_when_it_began(database: str, tmp_path: Path) -> None:
    async with event_client(database) as client:
        with ExportFile(tmp_path / "log") as file:
            head = await export(client.node.pools.queries, BesideWriters(client), file, lambda _done, _all: None)
        assert await client.node.log.head() > head
    positions = [json.loads(line).get("position") for line in (tmp_path / "log").read_bytes().splitlines()]
    assert positions == [*range(1, head + 1), None]
