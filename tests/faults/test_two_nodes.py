"""Two nodes on one database are one engine: whoever asks either of them cannot tell which."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count as numbers
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from infra.embedded_postgres import EmbeddedPostgres
from tests.faults.client import JOINING, WORKING, Client, deployment, start
from tests.faults.fleet import Fleet, violations
from tests.faults.killing import History, check
from tests.faults.node import Node, free_port
from tests.faults.outages import SECRET
from tests.faults.waylaid import SERVE, TTL

VERSIONS = numbers(1)
DATABASE = "two_nodes"
LONG = (pytest.mark.campaign, pytest.mark.timeout(1800))

#: Seconds until the other node does what only one may do, after the one is killed, and after it is paused.
TAKEN_OVER_FROM_THE_DEAD = 5.0
TAKEN_OVER_FROM_THE_ABSENT = TTL + 5.0

#: Seconds that a change of the clock may take to get around.
CLOCK = 1.0

#: Seconds that a fleet may take on a busy machine.
PATIENCE = 60.0


@pytest.fixture(scope="module")
async def dsn(postgres_server: EmbeddedPostgres) -> str:
    """Return the URL of an empty database: the nodes migrate it, both at once."""
    connection = await asyncpg.connect(postgres_server.dsn("postgres"))
    await connection.execute(f"create database {DATABASE}")
    await connection.close()
    return postgres_server.dsn(DATABASE)


@pytest.fixture(scope="module")
async def nodes(dsn: str, open_directory: Path) -> AsyncIterator[Sequence[Node]]:
    nodes = [_node(dsn, open_directory / name) for name in ("one", "other")]
    await asyncio.gather(*(node.start() for node in nodes))
    yield nodes
    assert await asyncio.gather(*(node.stop() for node in nodes)) == [0, 0]


def _node(dsn: str, data_dir: Path) -> Node:
    return Node(
        data_dir,
        free_port(),
        SERVE,
        ANNALS_DATABASE_URL=dsn,
        ANNALS_SECRET_KEY=SECRET,
        ANNALS_SET_TIME_ENABLED="true",
    )


@pytest.fixture(params=["here", "there"])
def pair(nodes: Sequence[Node], request: pytest.FixtureRequest) -> tuple[Client, Client]:
    """Return clients of both nodes, in either order."""
    clients = [Client(node.url) for node in nodes]
    return (clients[0], clients[1]) if request.param == "here" else (clients[1], clients[0])


@pytest.mark.parametrize("instances", [160, pytest.param(10_000, marks=LONG)])
async def test_a_fleet_on_both_nodes_does_every_job_once(nodes: Sequence[Node], dsn: str, instances: int) -> None:
    urls = [node.url for node in nodes]
    version = await _deployed(Client(urls[0]), WORKING)
    fleet = Fleet(urls, seed=40)

    async def starting(number: int) -> None:
        for n in range(number, instances, 8):
            await Client(urls[n % 2]).done("POST", "/process-instances", start(version, f"{version}-{n}"))

    async with asyncio.timeout(PATIENCE + instances / 20):
        await asyncio.gather(*map(starting, range(8)))  # a backlog first: both nodes then go for the same jobs
        workers = [asyncio.create_task(fleet.work(f"worker-{number}")) for number in range(8)]
        while await _unfinished(Client(urls[1]), version):  # noqa: ASYNC110  (other processes finish them)
            await asyncio.sleep(0.05)
    fleet.running = False
    await asyncio.gather(*workers)
    broken, seen = await violations(dsn)
    assert not broken
    assert (fleet.given_twice, fleet.refused, fleet.held) == ([], [], {})
    assert max(fleet.ended.values()) == 1
    assert seen["job completed"] == instances
    assert sum(fleet.ended.values()) == seen["job completed"] + seen["job failed"]
    assert seen["job unlocked"]
    print(dict(seen), dict(fleet.answers))


async def test_joins_are_run_once_whoever_asks_for_it(nodes: Sequence[Node], dsn: str) -> None:
    clients = [Client(node.url) for node in nodes]
    version = await _deployed(clients[0], JOINING)

    async def starting(client: Client) -> None:
        for number in range(25):
            await client.done("POST", "/process-instances", start(version, f"join-{id(client)}-{number}"))

    async def executing(client: Client) -> None:
        while not started.done():
            executed = await client.done("POST", "/tasks/execute", {"limit": 100})
            assert not executed["failedTasks"]

    started = asyncio.gather(*map(starting, clients))
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(started, *map(executing, clients))
        while await _unfinished(clients[0], version):  # noqa: ASYNC110  (other processes finish them)
            await asyncio.sleep(0.05)
    broken, seen = await violations(dsn)
    assert not broken
    # A task for each token that arrives: the first to run joins, the other finds its token gone.
    assert (seen["task created"], seen["task locked"]) == (100, 100)
    assert (seen["task completed"], seen["task canceled"]) == (50, 50)


async def test_what_is_written_here_is_read_there_at_once_and_the_story_goes_on_there(
    pair: tuple[Client, Client],
) -> None:
    for _ in range(3):
        here, there = pair
        version = await _deployed(here, WORKING)
        (process,) = [row for row in await there.rows("/processes") if row["version"] == version]
        assert len(await there.rows("/elements", processId=process["id"])) == 4
        begun = await there.done("POST", "/process-instances", start(version))
        at = {"partition": begun["partition"], "processInstanceId": begun["id"]}
        instance = f"/process-instances/{begun['partition']}/{begun['id']}"
        assert [row["id"] for row in await here.rows("/process-instances", processId=process["id"])] == [begun["id"]]
        assert len(await here.rows("/element-instances", **at)) == 3
        await _variables_are_shared(here, there, instance, at)
        await _suspension_is_shared(here, there, instance)
        await _a_failing_job_goes_from_node_to_node(here, there, at)
        assert (await here.rows("/process-instances", partition=at["partition"], id=begun["id"]))[0][
            "state"
        ] == "COMPLETED"


async def _variables_are_shared(here: Client, there: Client, instance: str, at: dict[str, Any]) -> None:
    for number, (writer, reader) in enumerate([(here, there), (there, here), (here, there)]):
        variables = [{"name": "n", "data": {"encoding": "text", "value": str(number)}}]
        await writer.done("PUT", f"{instance}/variables", {"variables": variables, "workerId": "w"})
        told = await reader.done("GET", f"{instance}/variables")
        assert [row["data"]["value"] for row in told["variables"]] == [str(number)]
        assert len(await reader.rows("/variables", **at)) == 1


async def _suspension_is_shared(here: Client, there: Client, instance: str) -> None:
    for one, other in ((here, there), (there, here)):
        await one.done("PATCH", f"{instance}/suspend", {"workerId": "w"})
        assert (await other.call("PATCH", f"{instance}/suspend", {"workerId": "w"})).status == 409
        await other.done("PATCH", f"{instance}/resume", {"workerId": "w"})
        assert (await one.call("PATCH", f"{instance}/resume", {"workerId": "w"})).status == 409


async def _a_failing_job_goes_from_node_to_node(here: Client, there: Client, at: dict[str, Any]) -> None:
    job = await _locked(here, at)
    assert [row["lockedBy"] for row in await there.rows("/jobs", **at)] == ["robot"]
    assert await there.done("POST", "/jobs/unlock", {"workerId": "robot"}) == {"count": 1}
    assert (await here.call("PATCH", _completion(job), {"workerId": "robot"})).status == 409
    assert (await _locked(here, at))["id"] == job["id"]
    await there.done("PATCH", _completion(job), {"workerId": "robot", "error": "no money", "retryLimit": 0})
    assert (await here.call("PATCH", _completion(job), {"workerId": "robot"})).status == 409
    (incident,) = await here.rows("/incidents", **at)
    resolve = f"/incidents/{incident['partition']}/{incident['id']}/resolve"
    await there.done("PATCH", resolve, {"workerId": "oncall"})
    assert (await here.call("PATCH", resolve, {"workerId": "oncall"})).status == 409
    assert (await here.rows("/incidents", **at))[0]["resolvedBy"] == "oncall"
    again = await _locked(here, at)
    assert again["id"] != job["id"]
    await there.done("PATCH", _completion(again), {"workerId": "robot"})
    assert len([row for row in await here.rows("/jobs", **at) if row["state"] == "DONE"]) == 1


async def test_both_nodes_change_one_instance_at_once_and_no_change_is_refused_or_lost(nodes: Sequence[Node]) -> None:
    clients = [Client(node.url) for node in nodes]
    version = await _deployed(clients[0], WORKING)
    begun = await clients[1].done("POST", "/process-instances", start(version))
    path = f"/process-instances/{begun['partition']}/{begun['id']}/variables"

    def change(number: int) -> dict[str, Any]:
        return {"variables": [{"name": f"n{number}", "data": {"encoding": "text", "value": "1"}}], "workerId": "w"}

    answers = await asyncio.gather(*(clients[n % 2].call("PUT", path, change(n)) for n in range(60)))
    assert {answer.status for answer in answers} == {204}
    for client in clients:
        assert len((await client.done("GET", path))["variables"]) == 60


async def test_one_version_that_both_nodes_deploy_at_once_is_one_process(nodes: Sequence[Node]) -> None:
    clients = [Client(node.url) for node in nodes]
    for _ in range(5):
        body = deployment(f"v{next(VERSIONS)}", WORKING)
        made = await asyncio.gather(*(client.done("POST", "/processes", body) for client in clients * 2))
        assert len({process["id"] for process in made}) == 1


async def test_a_key_opens_and_ceases_to_open_both_nodes(pair: tuple[Client, Client], nodes: Sequence[Node]) -> None:
    here, _ = pair
    issued = await here.done("POST", "/admin/keys", {"tenantId": "default", "role": "worker", "name": "robot"})
    guests = [Client(node.url, issued["key"]) for node in nodes]
    for guest in guests:
        assert (await guest.call("POST", "/jobs/query", {})).status == 200
    await here.done("DELETE", f"/admin/keys/{issued['id']}")
    await asyncio.sleep(CLOCK)
    for guest in guests:
        assert (await guest.call("POST", "/jobs/query", {})).status == 401


async def test_a_clock_that_is_moved_here_goes_right_there_within_a_second(pair: tuple[Client, Client]) -> None:
    here, there = pair
    version = await _deployed(here, WORKING)
    begun = await here.done("POST", "/process-instances", start(version))
    at = {"partition": begun["partition"], "processInstanceId": begun["id"]}
    job = await _locked(here, at)
    failing = {"workerId": "robot", "error": "later", "retryLimit": 1, "retryTimer": "PT10M"}
    await there.done("PATCH", _completion(job), failing)
    lock = {"limit": 1, "workerId": "robot", **at}
    assert not (await there.done("POST", "/jobs/lock", lock))["jobs"]
    began = time.monotonic()
    await here.done("PATCH", "/time", {"timeDuration": "PT10M"})
    assert (await here.done("POST", "/jobs/lock", {**lock, "workerId": "another"}))["jobs"]
    await here.done("POST", "/jobs/unlock", {"workerId": "another"})
    while not (jobs := (await there.done("POST", "/jobs/lock", lock))["jobs"]):
        assert time.monotonic() - began < CLOCK
    await here.done("PATCH", _completion(jobs[0]), {"workerId": "robot"})


async def test_the_other_node_takes_over_when_the_one_that_follows_is_killed(nodes: Sequence[Node], dsn: str) -> None:
    one, other = await _follower_first(nodes, dsn)
    client = Client(other.url)
    version = await _deployed(client, JOINING)
    await one.kill()
    began = time.monotonic()
    await _runs_to_its_end(client, version)
    took = time.monotonic() - began
    await one.start()
    print(f"taken over from a dead node after {took:.1f} s")
    assert took < TAKEN_OVER_FROM_THE_DEAD


@pytest.mark.parametrize("point", ["before", "inside", pytest.param("anywhere", marks=LONG)])
async def test_a_node_that_was_paused_with_facts_in_hand_writes_nothing_once_another_has_taken_over(
    nodes: Sequence[Node], dsn: str, point: str
) -> None:
    for _ in range(30 if point == "anywhere" else 1):
        one, other = await _follower_first(nodes, dsn)
        client = Client(other.url)
        version = await _deployed(client, JOINING)
        hold = one.data_dir.with_suffix(f".{point}")
        async with _loaded(client, version):
            hold.touch()
            await asyncio.sleep(0.3)
            with one.paused():
                hold.unlink()
                began = time.monotonic()
                await _runs_to_its_end(client, version)
                took = time.monotonic() - began
                leases = await _leases(dsn)
                assert not {holder for holder, _ in leases.values()} & {one.pid}
            await _runs_to_its_end(Client(one.url), version)
            assert await _leases(dsn) == leases
        print(f"taken over from a node paused {point} after {took:.1f} s")
        assert took < TAKEN_OVER_FROM_THE_ABSENT
    assert not await check(dsn, History())


async def _follower_first(nodes: Sequence[Node], dsn: str) -> tuple[Node, Node]:
    """Return the node whose followers have the lease, then the other."""
    holder, _ = (await _leases(dsn))["followers"]
    one, other = nodes
    return (one, other) if holder == one.pid else (other, one)


async def _leases(dsn: str) -> dict[str, tuple[int, int]]:
    """Return the process that holds each lease, and its epoch."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            "select name, holder, epoch from log.leases where name in ('followers', 'executor')"
        )
    finally:
        await connection.close()
    return {row["name"]: (int(row["holder"].rpartition(":")[2]), row["epoch"]) for row in rows}


@asynccontextmanager
async def _loaded(client: Client, version: str) -> AsyncIterator[None]:
    """Keep starting instances until the block ends."""

    async def keep_starting() -> None:
        for number in numbers(1):
            await client.patiently("POST", "/process-instances", start(version, f"{version}-load-{number}"))
            await asyncio.sleep(0.005)

    load = asyncio.create_task(keep_starting())
    try:
        yield
    finally:
        load.cancel()
        await asyncio.gather(load, return_exceptions=True)


async def _runs_to_its_end(client: Client, version: str) -> None:
    """Start an instance that needs the executor, and wait until the followers know of its end."""
    begun = await client.patiently("POST", "/process-instances", start(version, f"run-{next(VERSIONS)}"))
    criteria = {"partition": begun["partition"], "id": begun["id"]}
    async with asyncio.timeout(PATIENCE):
        while True:
            told = await client.patiently("POST", "/process-instances/query", criteria)
            if told["results"][0]["state"] == "COMPLETED":
                return
            await asyncio.sleep(0.02)


async def _deployed(client: Client, xml: str) -> str:
    """Deploy a version that nobody knows yet, and return it."""
    version = f"v{next(VERSIONS)}"
    await client.done("POST", "/processes", deployment(version, xml))
    return version


async def _locked(client: Client, at: dict[str, Any]) -> Any:
    """Lock the one job of an instance."""
    (job,) = (await client.done("POST", "/jobs/lock", {"limit": 10, "workerId": "robot", **at}))["jobs"]
    return job


def _completion(job: Any) -> str:
    return f"/jobs/{job['partition']}/{job['id']}/complete"


async def _unfinished(client: Client, version: str) -> int:
    """Return how many instances of a version go on, of at most 10,000."""
    (process,) = [row["id"] for row in await client.rows("/processes") if row["version"] == version]
    found = await client.done("POST", "/process-instances/query?limit=10000", {"processId": process})
    return sum(row["state"] != "COMPLETED" for row in found["results"])
