"""The log out of one database and into another: complete, verified, resumable, and the same read models afterwards."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from infra.embedded_postgres import EmbeddedPostgres
from infra.event_feed.exporting import ExportFile, ExportRefused, export
from infra.event_feed.importing import ImportRefused
from infra.event_feed.pages import Pages
from infra.event_log.rebuilding import differences
from tests.conftest import _database_from
from tests.contract.eventing import EventClient, event_client
from tests.contract.working import MODEL
from tests.integration.exporting import EVENTS, REST, connected, exported, imported, lived, read_models, rows


@pytest.fixture
async def target(postgres_server: EmbeddedPostgres, migrated_template: str) -> AsyncIterator[str]:
    async for dsn in _database_from(postgres_server, migrated_template):
        yield dsn


def names_in(directory: Path) -> list[str]:
    return [one.name for one in directory.iterdir()]


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


def begin(part: Path, content: bytes) -> None:
    """Leave what an export leaves that is broken off."""
    part.touch(0o600)
    part.write_bytes(content)


async def test_an_export_that_is_broken_off_goes_on_where_it_was(database: str, tmp_path: Path) -> None:
    async with event_client(database) as client:
        await lived(client)
        await client.noted(50)
    whole, path = tmp_path / "whole", tmp_path / "log"
    await exported(database, whole)
    content = whole.read_bytes()
    ends = [number for number, byte in enumerate(content) if byte == ord("\n")]
    for cut in (0, 1, 100, ends[3], ends[3] + 1, ends[20] + 7, len(content) - 1, len(content)):
        begin(tmp_path / "log.part", content[:cut])
        seen: list[int] = [0]
        await exported(database, path, seen)
        assert path.read_bytes() == content
        path.unlink()
    begin(tmp_path / "log.part", content[: ends[3] + 1] + b"x" * 2 * len(content))
    await exported(database, path)
    assert path.read_bytes() == content
    path.unlink()
    async with event_client(database) as client:
        head = await client.noted(3)
    begin(tmp_path / "log.part", content)
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


def added(line: bytes, value: bytes) -> bytes:
    """Have a fact say something more, which no release looks at."""
    return line.replace(b'"data":{', b'"data":{"more":%b,' % value)


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
        (lambda lines: [lines[0], added(lines[1], b'"\xff"'), *lines[2:]], "line 2: .*utf-8"),
        (lambda lines: [lines[0], added(lines[1], b"[" * 99_999 + b"]" * 99_999), *lines[2:]], "line 2: .*depth"),
        (
            lambda lines: [lines[0], changed(lines[1], recordedAt="0001-01-01T00:00:00+14:00"), *lines[2:]],
            "line 2: a time",
        ),
        (lambda lines: [lines[0], changed(lines[1], actorId="\0"), *lines[2:]], "line 2: a text has a character"),
        (lambda lines: [*lines[:3], changed(lines[3], stream="job"), *lines[4:]], "line 4: version .* of job does not"),
        (lambda lines: [*lines[:3], changed(lines[3], actorId="eve"), *lines[4:]], r"line \d+: .*SHA-256"),
        (lambda lines: [*lines[:3], lines[3].replace(b":", b": ", 1), *lines[4:]], r"line \d+: .*SHA-256"),
        (lambda lines: [*lines[:-1], lines[-1].replace(b'"next":', b'"next":1')], r"line \d+: .*SHA-256"),
        (lambda lines: [*lines[:-1], changed(lines[-1], sha256="")], r"line \d+: .*SHA-256"),
        (lambda lines: [*lines[:-1], lines[-1].rstrip()], r"line \d+: .*SHA-256"),
        (lambda _: [], "the end is missing"),
    ],
)
async def test_what_is_no_whole_log_in_order_is_refused_and_nothing_is_written(
    database: str, target: str, tmp_path: Path, breaking: Any, sentence: str
) -> None:
    async with event_client(database) as client:
        await client.noted(6)
        await client.deploy()
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


async def test_a_log_that_has_a_gap_is_not_exported(database: str, tmp_path: Path) -> None:
    async with event_client(database) as client:
        head = await client.noted(20)
    async with connected(database) as connection:
        await connection.execute("delete from log.events where notification_id = $1", head - 5)
    with pytest.raises(ExportRefused, match=f"the event at position {head - 5} is missing"):
        await exported(database, tmp_path / "log")
    assert names_in(tmp_path) == ["log.part"]


async def test_an_export_writes_no_file_that_others_can_read_or_write_too(database: str, tmp_path: Path) -> None:
    async with event_client(database):
        pass
    part = tmp_path / "log.part"
    part.touch(0o644)
    with pytest.raises(ExportRefused, match="no file of yours that only you may read"):
        await exported(database, tmp_path / "log")
    part.unlink()
    part.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ExportRefused, match="cannot be written"):
        await exported(database, tmp_path / "log")
    assert names_in(tmp_path) == ["log.part"]
    part.unlink()
    with ExportFile(tmp_path / "log"), pytest.raises(ExportRefused, match="being written by another export"):
        await exported(database, tmp_path / "log")
    assert await exported(database, tmp_path / "log")


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
