"""The database hangs, is gone, or drops everyone: refusals in time, nothing lost or doubled, all well again after."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from itertools import count as numbers
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from api.composition import Node
from tests.faults.client import JOINING, WORKING, Client, deployment, start
from tests.faults.killing import Load, check, summary
from tests.faults.outages import ABANDONED, Database, count, served

#: Id, method, path and an example's body.
Operation = tuple[str, str, str, object]
Outage = Callable[[Database], AbstractAsyncContextManager[None]]

NAMES = numbers(1)

#: Seconds after which a refusal is too late: while nobody knows yet, and once it is known; and until it is known.
AT_FIRST = 6.0
ONCE_KNOWN = 1.0
FINDING_OUT = 3.0

#: Seconds after the database is back until everything works.
RECOVERY = 10.0

#: What is told without a database, and what tells in its own form that there is none.
ALWAYS_ANSWERED = {"checkHealth", "showMetrics", "listEventTypes", "getEventType", "showAsyncApi"}
OWN_FORM = {"showReadiness", "checkReadiness"}

#: How ids begin below these paths.
ULIDS = {
    "/v1/incidents": "inc_",
    "/api/incidents": "inc_",
    "/api/alerts/incidents": "inc_",
    "/api/checks": "chk_",
    "/api/alerts/rules": "rule_",
    "/webhooks": "whk_",
}

PARAMETERS = {"processKey": "invoice", "version": "1", "minResults": "0", "maxResults": "20"}


class Refusal(NamedTuple):
    """How an operation was refused; ``seconds`` is how long that took."""

    operation: str
    status: int
    media_type: str
    kind: str
    seconds: float


@pytest.fixture(scope="module")
async def database(open_directory: Path) -> AsyncIterator[Database]:
    database = Database(open_directory / "outages")
    async with database.server:
        yield database


@pytest.fixture
async def dsn(database: Database) -> str:
    return await database.make(f"outage_{next(NAMES)}")


#: With the seconds that each lasts: some of them longer than anybody waits, some not.
KINDS = (
    (Database.drops_everyone, 1.0),
    (Database.cancels_everyone, 1.0),
    (Database.is_gone, 0.5),
    (Database.hangs, 3.0),
)

OUTAGES = pytest.mark.parametrize("outage", [Database.hangs, Database.is_gone], ids=["hangs", "gone"])


@OUTAGES
async def test_every_operation_is_refused_in_time_and_all_is_well_by_itself_after(
    database: Database, dsn: str, open_directory: Path, outage: Outage
) -> None:
    async with served(dsn, open_directory / "node", set_time_enabled="true") as (node, url):
        client = Client(url)
        operations = list(_operations(await client.done("GET", "/schema/openapi.json")))
        partition = await _waiting_job(client)
        async with outage(database):
            first = await _refusals(url, operations, partition)
            _assert_refused(first, within=AT_FIRST)
            then = await _refusals(url, operations, partition)
            _assert_refused(then, within=ONCE_KNOWN)
        await _works_again(client)
        await _is_whole(node, dsn)
    print(_told(first), _told(then))


@OUTAGES
async def test_readiness_says_so_and_takes_it_back(
    database: Database, dsn: str, open_directory: Path, outage: Outage
) -> None:
    async with served(dsn, open_directory / "node") as (_, url):
        client = Client(url)
        for path in ("/readyz", "/readiness"):
            assert (await client.call("GET", path)).status == 200
        async with outage(database):
            await _until(FINDING_OUT, client, 503)
            told = (await client.call("GET", "/readyz")).told
            assert "the database does not answer" in told["obstacle"]
        await _until(RECOVERY, client, 200)


@pytest.mark.parametrize(
    ("rounds", "seed"), [(1, 30), pytest.param(20, 31, marks=[pytest.mark.campaign, pytest.mark.timeout(900)])]
)
async def test_nothing_is_lost_or_doubled_under_load_by_outages_of_every_kind(
    database: Database, dsn: str, open_directory: Path, rounds: int, seed: int
) -> None:
    async with served(dsn, open_directory / "node") as (node, url):
        load = Load([url], seed)
        await load.deploy()
        clients = [load.start_instances() for _ in range(3)] + [load.work(f"worker-{n}") for n in range(3)]
        tasks = [asyncio.create_task(client) for client in clients]
        for outage, seconds in rounds * KINDS:
            await asyncio.sleep(0.5)
            async with outage(database):
                await asyncio.sleep(seconds)
            await _works_again(Client(url))
        load.running = False
        await asyncio.gather(*tasks)
        await _is_whole(node, dsn)
        assert not await check(dsn, load.history)
    print(summary(load.history, rounds * len(KINDS), seed))
    assert load.history.started
    assert load.history.completed


async def _refusals(url: str, operations: list[Operation], partition: str) -> list[Refusal]:
    """Ask for everything at once, and once with a key that nobody has asked with before."""
    client, stranger = Client(url), Client(url, f"key-{next(NAMES)}")
    known = [_refusal(client, *_with(operation, partition)) for operation in operations]
    return await asyncio.gather(*known, _refusal(stranger, "a new key", "POST", "/jobs/query", {}))


async def _refusal(client: Client, operation: str, method: str, path: str, body: object = None) -> Refusal:
    began = time.monotonic()
    status, media_type, told = await client.call(method, path, body)
    kind = told.get("type", "") if isinstance(told, dict) else ""
    return Refusal(operation, status, media_type, kind, time.monotonic() - began)


def _operations(document: Any) -> Iterator[Operation]:
    """Return id, method, path and an example's body of all operations of the OpenAPI document."""
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            if path.startswith("/schema"):
                continue
            content = told.get("requestBody", {}).get("content", {}).get("application/json", {})
            examples = [example["value"] for example in content.get("examples", {}).values()]
            wanted = [p["name"] for p in told.get("parameters", ()) if p["in"] == "query" and p.get("required")]
            query = "&".join(f"{name}={PARAMETERS[name]}" for name in wanted)
            body = content.get("example", examples[0] if examples else None)
            yield told["operationId"], method.upper(), f"{path}?{query}" if query else path, body


def _with(operation: Operation, partition: str) -> Operation:
    """Put something into the path for which the database has to be asked."""
    name, method, path, body = operation
    of_incidents = next((prefix for base, prefix in ULIDS.items() if path.startswith(base)), None)
    id_ = "1" if of_incidents is None else f"{of_incidents}{0:026d}"
    given = {"partition": partition, "tenantId": "default", "provider": "custom", "type": "incident.opened.v1"}
    return name, method, re.sub(r"\{(\w+)\}", lambda named: given.get(named[1], id_), path), body


async def _waiting_job(client: Client) -> str:
    """Have a job locked; everything has the id 1 on the day that is returned."""
    await client.done("POST", "/processes", deployment("1", WORKING))
    started = await client.done("POST", "/process-instances", start("1"))
    assert len((await client.done("POST", "/jobs/lock", {"limit": 1, "workerId": "booking"}))["jobs"]) == 1
    return str(started["partition"])


def _assert_refused(refusals: list[Refusal], within: float) -> None:
    assert not [refusal for refusal in refusals if refusal.seconds > within]
    for refusal in refusals:
        told = refusal[1:4]
        match refusal.operation:
            case name if name in ALWAYS_ANSWERED:
                assert refusal.status == 200, refusal
            case name if name in OWN_FORM:
                assert refusal.status == 503 or refusal.seconds < FINDING_OUT, refusal
            case _ if told[1] == "application/json":  # dialects of incidents tell errors in forms of their own
                assert told[0] == 503, refusal
            case _:
                assert told == (503, "application/problem+json", "UNAVAILABLE"), refusal


async def _works_again(client: Client) -> None:
    """Wait until commands, the executor, followers and queries work, all of it in one story."""
    version = f"after-{next(NAMES)}"
    async with asyncio.timeout(RECOVERY):
        await client.patiently("POST", "/processes", deployment(version, JOINING))
        started = await client.patiently("POST", "/process-instances", start(version))
        criteria = {"partition": started["partition"], "id": started["id"]}
        while True:
            found = await client.patiently("POST", "/process-instances/query", criteria)
            if found["results"][0]["state"] == "COMPLETED":
                return


async def _is_whole(node: Node, dsn: str) -> None:
    """Wait until all connections of the pools can be lent but those of the six leases; none is in a transaction.

    And no role has ended, which would have ended a process of its own.
    """
    assert not node.roles.ended.done()
    settings = node.settings
    whole = (settings.command_connections, settings.query_connections, settings.follower_connections - 6)
    async with asyncio.timeout(RECOVERY):
        while (node.pools.commands.free, node.pools.queries.free, node.pools.followers.free) != whole:  # noqa: ASYNC110  (another process; there is nothing to wait on)
            await asyncio.sleep(0.02)
    await asyncio.sleep(1.0)
    assert await count(dsn, ABANDONED) == 0


async def _until(seconds: float, client: Client, status: int) -> None:
    """Wait until both kinds of readiness have this status."""
    async with asyncio.timeout(seconds):
        for path in ("/readyz", "/readiness"):
            while (await client.call("GET", path)).status != status:  # noqa: ASYNC110  (another process; there is nothing to wait on)
                await asyncio.sleep(0.02)


def _told(refusals: list[Refusal]) -> str:
    slowest = max(refusals, key=lambda refusal: refusal.seconds)
    quick = sum(refusal.seconds < ONCE_KNOWN for refusal in refusals)
    return f"{quick} of {len(refusals)} below a second, slowest {slowest.operation} {slowest.seconds:.2f} s;"
