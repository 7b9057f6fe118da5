"""Clients that take their time: they are cut off, and nobody else waits for them (contracts/engine.md 1.1)."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from statistics import median

import pytest
from structlog.testing import capture_logs

from api import connections
from tests.faults.client import WORKING, Client, deployment, start
from tests.faults.outages import served
from tests.fuzz.target import CREDENTIAL, HOST, SMALL

PATIENCE = 0.5
MIB = 1_048_576

#: How they begin, and what they drip from then on.
SLOW = {
    "who says nothing": (b"", b""),
    "who sends empty lines": (b"", b"\r\n"),
    "who never ends a line": (b"GET /", b"a"),
    "who never ends the headers": (b"GET /healthz HTTP/1.1\r\n" + HOST, b"X: y\r\n"),
    "who never ends a body": (
        b"POST /jobs/query HTTP/1.1\r\n" + HOST + CREDENTIAL + b"Content-Length: 1000\r\n\r\n{",
        b" ",
    ),
    "who never ends its chunks": (
        b"POST /jobs/query HTTP/1.1\r\n" + HOST + CREDENTIAL + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        b"1\r\n \r\n",
    ),
    "who never ends a body that nobody reads": (
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"Content-Length: 1000\r\n\r\n",
        b" ",
    ),
    "who goes on after an answer": (b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n", b"\r\n"),
}


@pytest.fixture
async def url(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """Serve a node that is less patient than others, so that the tests need not be as patient either."""
    monkeypatch.setattr(connections, "REQUEST_SECONDS", PATIENCE)
    monkeypatch.setattr(connections, "ANSWER_SECONDS", PATIENCE)
    monkeypatch.setattr(connections, "LOOK", PATIENCE / 10)
    async with served(database, tmp_path) as (_, url):
        yield url


async def connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = url.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port))


async def drip(url: str, beginning: bytes, drop: bytes) -> float:
    """Begin and drip until the connection ends; return how many seconds that took."""
    reader, writer = await connect(url)
    began = time.monotonic()
    try:
        writer.write(beginning)
        while not writer.is_closing() and not reader.at_eof():
            writer.write(drop)
            await asyncio.sleep(PATIENCE / 10)
            if drop == b"" and await asyncio.wait_for(reader.read(), 10 * PATIENCE) == b"":
                break
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()
    return time.monotonic() - began


@pytest.mark.parametrize(("beginning", "drop"), SLOW.values(), ids=SLOW)
async def test_a_client_is_cut_off(url: str, beginning: bytes, drop: bytes) -> None:
    async with asyncio.timeout(20 * PATIENCE):
        assert await drip(url, beginning, drop) >= 0.9 * PATIENCE


@pytest.mark.parametrize(
    "begun",
    [
        b"POST /v1/incidents HTTP/1.1\r\n" + HOST + CREDENTIAL + b"Content-Length: 1000\r\n\r\n{",
        b"POST /v1/webhooks/default/custom HTTP/1.1\r\n" + HOST + b"Content-Length: 1000\r\n\r\n{",
    ],
    ids=["with a key", "who is nobody"],
)
async def test_a_client_that_goes_away_inside_its_body_is_no_failure_of_ours(url: str, begun: bytes) -> None:
    with capture_logs() as lines:
        _, writer = await connect(url)
        writer.write(begun)
        await writer.drain()
        await asyncio.sleep(PATIENCE / 5)
        writer.transport.abort()
        await asyncio.sleep(PATIENCE)
    assert [line for line in lines if line["log_level"] in {"warning", "error"}] == []


async def test_many_slow_clients_hold_up_nobody(url: str) -> None:
    client = Client(url)
    crowd = [asyncio.create_task(drip(url, *each)) for each in SLOW.values() for _ in range(50)]
    took = []
    for _ in range(10):
        began = time.monotonic()
        assert (await client.call("POST", "/jobs/query", {})).status == 200
        took.append(time.monotonic() - began)
    assert median(took) < SMALL, "one request may wait for a busy machine, half of them may not"
    async with asyncio.timeout(40 * PATIENCE):
        await asyncio.gather(*crowd)


async def test_a_client_that_sends_steadily_is_not_cut_off(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    patience = 6 * PATIENCE  # each pause may last four times as long on a busy machine; all together longer
    monkeypatch.setattr(connections, "REQUEST_SECONDS", patience)
    body = b'{"limit": 1, "workerId": "w"}'
    reader, writer = await connect(url)
    head = b"POST /jobs/lock HTTP/1.1\r\n" + HOST + CREDENTIAL + b"Content-Length: %d\r\n\r\n" % len(body)
    for _ in range(4):
        writer.write(head)
        await asyncio.sleep(patience / 4)
        writer.write(body)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        assert await reader.readuntil(b"}\n")
        await asyncio.sleep(patience / 4)
    writer.transport.abort()


async def test_an_answer_that_nobody_takes_is_dropped_and_one_that_is_taken_comes_whole(url: str) -> None:
    client = Client(url)
    await client.done("POST", "/processes", deployment("1", WORKING))
    instance = await client.done("POST", "/process-instances", start("1"))
    path = f"/process-instances/{instance['partition']}/{instance['id']}/variables"
    large = {"encoding": "text", "value": "x" * 1_000_000}
    for number in range(24):
        body = {"workerId": "w", "variables": [{"name": f"v{number}", "data": large}]}
        await client.done("PUT", path, body)
    reader, writer = await connect(url)
    reader._limit = 2**16  # type: ignore[attr-defined]  # so much is taken, and then no more
    writer.write(f"GET {path} HTTP/1.1\r\n".encode() + HOST + CREDENTIAL + b"\r\n")
    await asyncio.sleep(6 * PATIENCE)
    taken = 0
    try:
        while piece := await reader.read(MIB):
            taken += len(piece)
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()
    assert taken < 24 * MIB / 2
    assert len((await client.done("GET", path))["variables"]) == 24
