"""Two releases at work on one database, as while nodes are replaced one after the other (docs/operations.md).

The older one here is this release with some topics taken out of its registry, so that it cannot read such facts. The
newer one is this release with one more migration, which does nothing; it is unknown to the older one.
"""

import asyncio
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import asyncpg
import pytest

from infra.embedded_postgres import EmbeddedPostgres
from infra.migrating import MIGRATIONS
from tests.faults.client import Client, deployment, start
from tests.faults.node import Node, free_port
from tests.faults.outages import SECRET
from tests.story import bpmn

DATABASE = "rolling_upgrade"

#: Topics that the older release does not have yet begin so.
UNKNOWN = ("webhook.", "process_instance.suspended", "rule.changed", "incident.note_added", "check.paused")

#: Seconds that the older one keeps back, so that nobody has to wait for it for long.
AWAY = 2.0

NEWER = """
import os, sys
from pathlib import Path
from api.cli import main
from infra import leases, migrating
from infra.probing import prober, schedule
prober.LOOK_EVERY = schedule.FIRST_WITHIN = 0.2
migrating.migrate.__defaults__ = migrating.read_migrations.__defaults__ = (Path(os.environ["MIGRATIONS"]),)
sys.argv[1:] = ["serve"]
"""

OLDER = f"""
from domain import topics
for topic in [topic for topic in topics.TOPICS if topic.startswith({UNKNOWN!r})]:
    del topics.TOPICS[topic]
{NEWER}
leases.AWAY_SECONDS = {AWAY}
"""

MIGRATION = "9999_newer.sql"

#: Where deliveries are sent that nobody is to get: a name that leads nowhere.
RECEIVER = "https://receiver.invalid/"

#: Waits for a worker, then needs the executor to join its branches.
WORKING_AND_JOINING = bpmn(
    "s:startEvent book:serviceTask f:parallelGateway j:parallelGateway e:endEvent",
    "s>book book>f f>j j>e",
    "invoice",
).replace("</process>", '<sequenceFlow id="also" sourceRef="f" targetRef="j"/></process>')

#: All leases: the roles that one node at a time has.
ROLES = ("acknowledgements", "chain", "delivery", "executor", "followers", "prober eu", "rules")

#: Seconds on a busy machine; on a quiet one it takes one or two.
PATIENCE = 40.0


class Pair(NamedTuple):
    """A node of the older release, one of the newer, and the URL of their database."""

    older: Node
    newer: Node
    dsn: str


@pytest.fixture(scope="module")
async def pair(postgres_server: EmbeddedPostgres, open_directory: Path) -> AsyncIterator[Pair]:
    """Run the older release with every lease, then the newer one beside it."""
    connection = await asyncpg.connect(postgres_server.dsn("postgres"))
    await connection.execute(f"create database {DATABASE}")
    await connection.close()
    dsn = postgres_server.dsn(DATABASE)
    older = _node(dsn, open_directory / "older_release", OLDER)
    newer = _node(dsn, open_directory / "newer_release", NEWER)
    (open_directory / "newer_release.migrations" / MIGRATION).write_text("select 1;\n")
    await older.start()
    try:
        await _until(lambda: _all_held_by(dsn, older))
        await newer.start()
        yield Pair(older, newer, dsn)
    finally:
        await asyncio.gather(older.stop(), newer.stop())


def _node(dsn: str, data_dir: Path, release: str) -> Node:
    """Return a node of a release that has its migrations in a directory of its own."""
    migrations = data_dir.with_suffix(".migrations")
    shutil.copytree(MIGRATIONS, migrations)
    return Node(
        data_dir,
        free_port(),
        (sys.executable, "-c", f"{release}\nmain()\n"),
        ANNALS_DATABASE_URL=dsn,
        ANNALS_SECRET_KEY=SECRET,
        ANNALS_ALERT_EVALUATION_SECONDS="1",
        ANNALS_SET_TIME_ENABLED="true",
        ANNALS_ROLES="api,followers,executor,rules,delivery,prober",
        ANNALS_PROBER_REGION="eu",
        MIGRATIONS=str(migrations),
    )


@pytest.fixture
async def before(pair: Pair) -> Pair:
    """Have both nodes run, and the older one with all leases."""
    if pair.newer.has_ended:
        await pair.newer.start()
    if set((await _holders(pair.dsn)).values()) != {pair.older.pid}:
        await pair.newer.stop()
        await _until(lambda: _all_held_by(pair.dsn, pair.older))
        await pair.newer.start()
    assert set((await _holders(pair.dsn)).values()) == {pair.older.pid}
    return pair


async def _holders(dsn: str) -> dict[str, int]:
    """Return the process that holds each lease."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            "select name, holder from log.leases where expires_at > now() and name = any ($1)", ROLES
        )
    finally:
        await connection.close()
    return {row["name"]: int(row["holder"].rpartition(":")[2]) for row in rows}


async def _all_held_by(dsn: str, node: Node) -> bool:
    return await _holders(dsn) == dict.fromkeys(ROLES, node.pid)


async def _until(is_so: Callable[[], Awaitable[object]]) -> float:
    """Wait until it is so, and return for how many seconds."""
    began = time.monotonic()
    async with asyncio.timeout(PATIENCE):
        while not await is_so():  # noqa: ASYNC110  (other processes make it so)
            await asyncio.sleep(0.05)
    return time.monotonic() - began


async def _metrics(node: Node) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"{node.url}/metrics") as response:
        return await response.text()


async def _role(node: Node, name: str) -> Any:
    """Return what a node says of a role."""
    told = (await Client(node.url).call("GET", "/readyz")).told
    (role,) = [role for role in told["roles"] if role["role"] == name]
    return role


async def test_read_models_and_deliveries_go_on_at_the_newer_release_once_it_writes_what_the_older_cannot_read(
    before: Pair,
) -> None:
    older, newer, dsn = before
    made = await Client(newer.url).done("POST", "/webhooks", {"url": RECEIVER})

    async def is_listed() -> bool:
        answer = await Client(newer.url).call("GET", "/webhooks")
        return answer.status == 200 and made["id"] in str(answer.told)

    listed = await _until(is_listed)
    answered = await _until(lambda: _answers(older))
    delivering = await _until(lambda: _holds(newer, "delivery", dsn))
    print(f"listed after {listed:.1f} s, the older answers after {answered:.1f} s, delivery after {delivering:.1f} s")
    others = {name: pid for name, pid in (await _holders(dsn)).items() if name not in {"followers", "delivery"}}
    assert others == dict.fromkeys(set(ROLES) - {"followers", "delivery"}, older.pid), "they have met nothing unknown"
    await _until(lambda: _is_told(older, "elsewhere"))
    assert 'annals_lease_overtaken{lease="followers"} 1.0' in await _metrics(older)
    assert 'annals_lease_overtaken{lease="followers"} 1.0' not in await _metrics(newer)
    assert "leaves a lease to nodes of a newer release" in older.said
    refused = await Client(older.url).call("PATCH", f"/webhooks/{made['id']}", {"description": "ours"})
    assert refused.status == 503, "another node can, so it is worth asking again"


async def _answers(node: Node) -> bool:
    return (await Client(node.url).call("POST", "/process-instances/query", {})).status == 200


async def _holds(node: Node, lease: str, dsn: str) -> bool:
    return (await _holders(dsn)).get(lease) == node.pid


async def _is_told(node: Node, state: str) -> bool:
    """Tell whether a node says of its followers that they are in a state, for the newer release."""
    role = await _role(node, "followers")
    return role["state"] == state and MIGRATION in role["trouble"] and "no such topic" in role["trouble"]


async def test_tasks_of_an_instance_that_the_older_release_cannot_read_are_run_by_the_newer(before: Pair) -> None:
    client = Client(before.newer.url)
    await client.done("POST", "/processes", deployment("tasks", WORKING_AND_JOINING))
    begun = await client.done("POST", "/process-instances", start("tasks"))
    path = f"/process-instances/{begun['partition']}/{begun['id']}"
    for change in ("suspend", "resume"):
        await client.done("PATCH", f"{path}/{change}", {"workerId": "w"})
    lock = {"limit": 1, "workerId": "w", "partition": begun["partition"], "processInstanceId": begun["id"]}
    (job,) = (await client.done("POST", "/jobs/lock", lock))["jobs"]
    await client.done("PATCH", f"/jobs/{job['partition']}/{job['id']}/complete", {"workerId": "w"})

    async def is_completed() -> bool:
        told = await client.call("POST", "/process-instances/query", {"id": begun["id"]})
        return told.status == 200 and told.told["results"][0]["state"] == "COMPLETED"

    print(f"completed after {await _until(is_completed):.1f} s")
    assert await _holds(before.newer, "executor", before.dsn)


async def test_a_rule_that_the_older_release_cannot_read_is_evaluated_by_the_newer(before: Pair) -> None:
    client = Client(before.newer.url)
    condition = {"operator": "gt", "threshold": 5}
    rule = {"name": "Errors", "module": "custom", "metric": "error_rate", "condition": condition, "windowMinutes": 5}
    made = (await client.done("POST", "/api/alerts/rules", rule))["rule"]
    await client.done("PUT", f"/api/alerts/rules/{made['_id']}", {**rule, "name": "More errors"})
    await client.done("POST", "/api/alerts/samples", {"metric": "error_rate", "failed": 3, "total": 4})

    async def has_fired() -> object:
        answer = await client.call("GET", "/api/alerts/rules")
        return answer.status == 200 and answer.told["rules"][0]["lastTriggeredAt"]

    print(f"fired after {await _until(has_fired):.1f} s")
    assert await _holds(before.newer, "rules", before.dsn)


async def test_an_acknowledgement_that_the_older_release_cannot_read_is_taken_back_by_the_newer(before: Pair) -> None:
    client = Client(before.newer.url)
    await client.done("PATCH", "/admin/tenants/default", {"acknowledgementTimeoutMinutes": 1})
    draft = {"title": "Checkout is slow", "description": "Orders take a minute to be taken."}
    incident = (await client.done("POST", "/v1/incidents", draft))["incidentId"]
    path = f"/api/alerts/incidents/{incident}"
    await client.done("POST", f"{path}/notes", {"content": "Found it."})
    await client.done("PATCH", path, {"status": "acknowledged"})
    await client.done("PATCH", "/time", {"timeDuration": "PT2M"})

    async def is_open_again() -> bool:
        answer = await client.call("GET", path)
        return answer.status == 200 and answer.told["incident"]["status"] == "open"

    print(f"open again after {await _until(is_open_again):.1f} s")
    assert await _holds(before.newer, "acknowledgements", before.dsn)
    assert not before.older.has_ended


async def test_a_check_that_the_older_release_cannot_read_is_probed_by_the_newer(before: Pair) -> None:
    client = Client(before.newer.url)
    check = {"name": "Shop", "type": "http", "target_url": RECEIVER}
    made = (await client.done("POST", "/api/checks", check))["data"]["check"]["id"]
    for paused in (True, False):
        await client.done("PATCH", f"/api/checks/{made}", {"paused": paused})

    async def is_probed() -> object:
        answer = await client.call("GET", f"/api/checks/{made}")
        return answer.status == 200 and answer.told["data"]["check"]["last_checked_at"]

    print(f"probed after {await _until(is_probed):.1f} s")
    assert await _holds(before.newer, "prober eu", before.dsn)
    assert not before.older.has_ended


async def test_without_a_newer_node_the_older_goes_on_as_far_as_it_can_and_says_what_it_stands_before(
    before: Pair,
) -> None:
    older, newer, dsn = before
    first = await Client(newer.url).done("POST", "/webhooks", {"url": RECEIVER})
    await _until(lambda: _holds(newer, "followers", dsn))
    await _until(lambda: _answers(newer))
    await newer.stop()
    await _until(lambda: _holds(older, "followers", dsn))
    await Client(older.url).done("POST", "/processes", deployment("alone", WORKING_AND_JOINING))
    await _until(lambda: _answers(older))
    async with _suspended_followers(dsn):
        await newer.start()
        await Client(newer.url).done("DELETE", f"/webhooks/{first['id']}")
        await newer.kill()
    await _until(lambda: _is_told(older, "standing"))
    assert 'annals_lease_overtaken{lease="followers"} 1.0' in await _metrics(older)
    await Client(older.url).done("POST", "/process-instances", start("alone"))
    await newer.start()
    took = await _until(lambda: _answers(newer))
    print(f"goes on {took:.1f} s after a newer node is there again")


@asynccontextmanager
async def _suspended_followers(dsn: str) -> AsyncIterator[None]:
    """Have no read model go on until the block ends."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute("select from log.followers for update")
            yield
    finally:
        await connection.close()


async def test_a_node_of_the_older_release_does_not_start_any_more(before: Pair) -> None:
    older = before.older
    await older.stop()
    await older.launch()
    assert await older.ended() != 0
    assert f"the database has {MIGRATION}, which this release does not know: use a newer one" in older.said
    await _until(lambda: _all_held_by(before.dsn, before.newer))
    assert await _answers(before.newer)
