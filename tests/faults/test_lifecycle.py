"""Starting and ending: within seconds, nothing lost, nothing left behind, and whatever prevents it told in one line."""

import asyncio
import json
import os
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from infra.embedded_postgres import running_dsn
from tests.faults.client import WORKING, Client, deployment, start
from tests.faults.node import Node, free_port
from tests.faults.outages import SECRET, Database
from tests.integration.embedded_server import (
    IS_ROOT,
    SITE_PACKAGES,
    as_plain_user,
    left_after,
    owner_of,
    user_of,
)
from tests.rules.source_tree import ROOT

#: Seconds that a start may take, and an orderly end, on a machine that is busy with other things.
STARTING = 20.0
ENDING = 5.0

#: An end while the database does not answer.
ENDING_ALONE = 10.0

GREETINGS = ("Annals listens on ", "The owner key of tenant default is ")

BROKEN_ROLE = """
import asyncio, sys
from api.cli import main
from infra.executor import Executor

async def run(executor, goes_on, give_way):
    await asyncio.sleep(0.5)
    raise KeyError("on purpose")

Executor.run = run
sys.argv[1:] = ["serve"]
main()
"""

SERVE_IN_PYTHON = ("-c", "import sys; from api.cli import main; sys.argv[1:] = ['serve']; main()")


@pytest.fixture(scope="module")
async def running(open_directory: Path) -> AsyncIterator[Node]:
    """Return a node that was started with a relative path, after a start that was broken off."""
    node = Node(open_directory / "running", free_port(), directory=open_directory, ANNALS_DATA_DIR="running")
    await _broken_off(node, 0.3)
    await node.start()
    yield node
    await node.kill()


async def test_a_node_starts_within_seconds_and_has_after_a_kill_what_it_acknowledged(open_directory: Path) -> None:
    node = Node(open_directory / "killed_once", free_port())
    began = time.monotonic()
    await node.start()
    first = time.monotonic() - began
    client = Client(node.url)
    await client.done("POST", "/processes", deployment("1", WORKING))
    for number in range(20):
        await client.done("POST", "/process-instances", start("1", f"key-{number}"))
    locked = await client.done("POST", "/jobs/lock", {"limit": 5, "workerId": "robot"})
    await node.kill()
    assert not left_after(ENDING, _cluster(node))
    began = time.monotonic()
    await node.start()
    again = time.monotonic() - began
    assert len(await client.rows("/process-instances")) == 20
    assert [job["lockedBy"] for job in await client.rows("/jobs") if "lockedBy" in job] == ["robot"] * 5
    await client.done("PATCH", f"/jobs/{locked['jobs'][0]['partition']}/1/complete", {"workerId": "robot"})
    assert await node.stop() == 0
    print(f"first start {first:.1f} s, start after a kill {again:.1f} s")
    assert max(first, again) < STARTING


async def test_open_requests_are_answered_before_an_end_that_leaves_nothing_and_says_nothing(
    open_directory: Path,
) -> None:
    node = Node(open_directory / "ended", free_port())
    await node.start()
    client = Client(node.url)
    await client.done("POST", "/processes", deployment("1", WORKING))
    dsn = await running_dsn(node.data_dir)
    connection = await asyncpg.connect(dsn)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("select from log.head for update")
    open_request = asyncio.create_task(client.call("POST", "/process-instances", start("1")))
    await asyncio.sleep(0.2)
    ending = asyncio.create_task(node.stop())
    await asyncio.sleep(0.5)
    assert not open_request.done()
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.call("GET", "/healthz")
    await transaction.rollback()
    began = time.monotonic()
    assert (await open_request).status == 201
    await connection.close()
    assert await ending == 0
    assert time.monotonic() - began < ENDING
    assert not left_after(0, _cluster(node))
    assert not _complaints(node)


async def test_a_start_that_is_broken_off_ends_at_once_and_leaves_nothing(open_directory: Path) -> None:
    moments = (0.0, 0.6)
    nodes = [Node(open_directory / f"broken-off-{moment}", free_port()) for moment in moments]
    ends = await asyncio.gather(*(_broken_off(node, moment) for node, moment in zip(nodes, moments, strict=True)))
    assert max(ends) < ENDING
    for node in nodes:
        assert not left_after(1.0, _cluster(node))
        assert not left_after(1.0, node.data_dir / "postgres.unfinished")
        assert not _complaints(node)


async def test_a_second_start_on_a_data_directory_is_refused_in_one_line_that_names_the_first(running: Node) -> None:
    elsewhere = running.data_dir.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    others = [
        Node(elsewhere / "by-a-relative-path", free_port(), directory=elsewhere, ANNALS_DATA_DIR="../running"),
        Node(elsewhere / "by-an-absolute-path", free_port(), ANNALS_DATA_DIR=str(running.data_dir)),
    ]
    for code, said in await asyncio.gather(*map(_outcome, others)):
        assert code == 1
        assert re.fullmatch(rf"Error: \S*running is in use by process {running.pid}: [^\n]*\n", said)
    assert (await Client(running.url).call("GET", "/readyz")).status == 200


async def test_a_taken_port_is_told_in_one_line_before_anything_is_started(running: Node) -> None:
    port = int(running.url.rpartition(":")[2])
    second = Node(running.data_dir.parent / "no-port", port)
    code, said = await _outcome(second)
    assert code == 1
    assert re.fullmatch(rf"Error: 127\.0\.0\.1:{port} is taken: [^\n]*\n", said)
    assert not second.data_dir.exists()


async def test_what_keeps_a_node_from_starting_is_told_in_one_line(open_directory: Path) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    nodes = [
        Node(open_directory / "no-database", free_port(), ANNALS_DATABASE_URL=nowhere, ANNALS_SECRET_KEY=SECRET),
        Node(open_directory / "no-address", 8080, ANNALS_HOST="192.0.2.1"),
    ]
    assert await asyncio.gather(*map(_outcome, nodes)) == [
        (1, "Error: the database cannot be used: [Errno 111] Connection refused\n"),
        (1, "Error: cannot listen on 192.0.2.1:8080: Cannot assign requested address\n"),
    ]


async def test_a_role_that_ends_ends_the_process_so_that_a_supervisor_starts_it_anew(open_directory: Path) -> None:
    node = Node(open_directory / "broken", free_port(), (sys.executable, "-c", BROKEN_ROLE))
    await node.start()
    async with asyncio.timeout(STARTING):
        assert await node.ended() == 1
    assert not left_after(0, _cluster(node))
    critical, told = _complaints(node)
    assert (json.loads(critical)["level"], json.loads(critical)["role"]) == ("critical", "executor")
    assert told == "Error: the role executor ended: KeyError('on purpose')"


async def test_a_node_ends_in_time_though_its_database_hangs(open_directory: Path) -> None:
    database = Database(open_directory / "hanging")
    async with database.server:
        dsn = await database.make("hanging")
        node = Node(open_directory / "alone", free_port(), ANNALS_DATABASE_URL=dsn, ANNALS_SECRET_KEY=SECRET)
        await node.start()
        async with database.hangs():
            began = time.monotonic()
            async with asyncio.timeout(2 * ENDING_ALONE):
                assert await node.stop() == 0
            took = time.monotonic() - began
    print(f"ended after {took:.1f} s without an answer")
    assert took < ENDING_ALONE


@pytest.mark.skipif(not IS_ROOT, reason="we are a plain user: all other tests show it")
async def test_a_node_runs_as_a_plain_user(open_directory: Path) -> None:
    home = open_directory / "nobodys"
    home.mkdir()
    shutil.chown(home, "nobody")
    # What redis asks for under releases before 3.11.3, should nobody's Python be one of those, and ours not.
    (home / "async_timeout.py").write_text("from asyncio import timeout, timeout_at\n")
    path = os.pathsep.join(map(str, [ROOT, SITE_PACKAGES, home]))
    node = Node(home / "data", free_port(), (*as_plain_user(), *SERVE_IN_PYTHON), home, PYTHONPATH=path)
    await node.start()
    assert {user_of(node.pid), owner_of(node.data_dir)} == {owner_of(home)}
    await Client(node.url).done("POST", "/processes", deployment("1", WORKING))
    assert await node.stop() == 0
    assert not left_after(0, _cluster(node))


async def _broken_off(node: Node, moment: float) -> float:
    """Ask a node to stop so many seconds after it has begun with its data directory; return how long that took."""
    await node.launch()
    while not node.data_dir.exists():  # noqa: ASYNC110  (another process makes it)
        await asyncio.sleep(0.005)
    await asyncio.sleep(moment)
    began = time.monotonic()
    assert await node.stop() == 0
    return time.monotonic() - began


async def _outcome(node: Node) -> tuple[int, str]:
    """Start a node that cannot start; return its exit code and what it says."""
    await node.launch()
    return await node.ended(), node.said


def _cluster(node: Node) -> Path:
    return node.data_dir / "postgres"


def _complaints(node: Node) -> list[str]:
    """Return the lines that are neither news nor the greeting."""
    lines = [line for line in node.said.splitlines() if not line.startswith(GREETINGS)]
    return [line for line in lines if not line.startswith("{") or json.loads(line)["level"] != "info"]
