"""How fast the log appends, with group commit and with a transaction for each command, in one run.

    python -m bench.append [--seconds 3] [--facts 5] [--clients 1,16,64,256]

Each client appends to an instance of its own, one command after another: a job is created, locked, completed; the other
facts are elements passed. The database is a new one on the server of ANNALS_DATABASE_URL, else on an embedded server
that lives as long as the run. Both ways call the same SQL function; the one without group commit sends each command by
itself, on as many connections as there are clients, but 64 at most. CPU time is that of this process and, where the
server runs on this machine, of the server's; "facts a core" is facts for each second of it.
"""

import argparse
import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import uvloop

from commands.context import Context, Decision
from domain.bpmn.events import ElementPassed, JobCompleted, JobCreated, JobLocked, JobType
from domain.event import Actor, Append, Event
from infra.clock import Clock
from infra.embedded_postgres import EmbeddedPostgres
from infra.event_log.log import EventLog
from infra.event_log.request import Request, arguments
from infra.event_log.writer import APPEND
from infra.ids import Ulids
from infra.migrating import migrate
from infra.postgres import Link, Pool, connect, connect_pool
from infra.scratch_directory import scratch_directory
from infra.settings import read_settings

NOW = datetime(2026, 11, 23, tzinfo=UTC)
WORKER = Actor("worker", "worker-1")
MOST_CONNECTIONS = 64
NUMBERS = itertools.count(1)
IDS = Ulids()
TICKS = os.sysconf("SC_CLK_TCK")

#: Appends one decision and returns its position.
AppendOne = Callable[[Decision, Context], Awaitable[int]]


class Cell(NamedTuple):
    """One measurement. Times are in seconds; ``server_cpu`` is None when the server is elsewhere."""

    commands: int
    facts: int
    wall: float
    own_cpu: float
    server_cpu: float | None
    p50: float
    p99: float


def context() -> Context:
    nothing = cast("Any", None)  # appending neither hands out ids nor encrypts
    return Context("default", WORKER, NOW, nothing, nothing, IDS.ulid())


def commands_of(instance: int, facts: int) -> list[tuple[Event, ...]]:
    """Return three commands in the life of a job, each of so many facts."""
    job = JobCreated(
        id=instance,
        type=JobType.EXECUTE,
        process_id=1,
        element_id=2,
        element="ServiceTask_1",
        element_instance_id=3,
        due_at=NOW,
    )
    others = [
        ElementPassed(id=n, process_id=1, element_id=n, element=f"Element_{n}", parent_id=1) for n in range(1, facts)
    ]
    return [(*others, job), (*others, JobLocked(id=instance)), (*others, JobCompleted(id=instance))]


async def client(append: AppendOne, facts: int, deadline: float, latencies: list[float]) -> None:
    while time.perf_counter() < deadline:
        instance = next(NUMBERS)
        stream = f"instance-2026-11-23-{instance}"
        version = 0
        for events in commands_of(instance, facts):
            began = time.perf_counter()
            await append(Decision((Append(stream, version, events),)), context())
            latencies.append(time.perf_counter() - began)
            version += len(events)


async def measure(append: AppendOne, pool: Pool, clients: int, options: argparse.Namespace) -> Cell:
    await asyncio.gather(*(client(append, options.facts, 0.2 + time.perf_counter(), []) for _ in range(clients)))
    latencies: list[float] = []
    server, own, began = await server_cpu(pool), time.process_time(), time.perf_counter()
    deadline = began + options.seconds
    await asyncio.gather(*(client(append, options.facts, deadline, latencies) for _ in range(clients)))
    wall = time.perf_counter() - began
    own, after = time.process_time() - own, await server_cpu(pool)
    latencies.sort()
    return Cell(
        commands=len(latencies),
        facts=len(latencies) * options.facts,
        wall=wall,
        own_cpu=own,
        server_cpu=None if server is None or after is None else after - server,
        p50=latencies[len(latencies) // 2],
        p99=latencies[len(latencies) * 99 // 100],
    )


async def server_cpu(pool: Pool) -> float | None:
    """Return the CPU time of the server's processes so far, or None when they are not on this machine."""
    if await pool.fetchval("select inet_server_addr() is not null"):
        return None
    times = [cpu_time(row["pid"]) for row in await pool.fetch("select pid from pg_stat_activity")]
    return None if None in times else sum(filter(None, times))


def cpu_time(pid: int) -> float | None:
    """Return a process's CPU time, or None where there is no ``/proc`` (macOS)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", maxsplit=1)[1].split()
    except FileNotFoundError:
        return None
    return (int(fields[11]) + int(fields[12])) / TICKS


@asynccontextmanager
async def grouped(dsn: str, pool: Pool, clients: int) -> AsyncIterator[AppendOne]:  # noqa: ARG001  (as the other way)
    async with EventLog(pool, lambda: connect(dsn, Link(name="bench")), Clock().wall) as log:
        yield log.append


@asynccontextmanager
async def one_by_one(dsn: str, _pool: Pool, clients: int) -> AsyncIterator[AppendOne]:
    clock = Clock()
    pool = await connect_pool(dsn, Link(name="bench", size=min(clients, MOST_CONNECTIONS), acquire_timeout=60))

    async def append(decision: Decision, context: Context) -> int:
        request = Request(decision, context, 0, 0)
        row = await pool.fetchrow(APPEND, *arguments([request], clock.wall()))
        if row is None or row["conflicts"] is not None or row["stored"] is not None:
            raise AssertionError(row)
        base: int = row["base"]
        return base + request.events

    try:
        yield append
    finally:
        await pool.close()


WAYS = {"a transaction each": one_by_one, "group commit": grouped}


@asynccontextmanager
async def scratch_database() -> AsyncIterator[str]:
    """Make a database on the configured server, or on one of our own, and drop it afterwards."""
    configured = read_settings().database_url
    if configured is not None:
        async with scratch_on(configured) as dsn:
            yield dsn
    else:
        with scratch_directory("bench") as directory:
            async with (
                EmbeddedPostgres(directory / "data", homes=[directory / "homes"]) as server,
                scratch_on(server.dsn()) as dsn,
            ):
                yield dsn


@asynccontextmanager
async def scratch_on(server: str) -> AsyncIterator[str]:
    name = f"annals_bench_{os.getpid()}"
    connection = await asyncpg.connect(server)
    await connection.execute(f"create database {name}")
    try:
        dsn = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        await migrate(dsn)
        yield dsn
    finally:
        await connection.execute(f"drop database {name} with (force)")
        await connection.close()


def line(way: str, clients: int, cell: Cell) -> str:
    cpu = cell.own_cpu + (cell.server_cpu or 0)
    shares = (
        f"{cell.own_cpu / cell.wall:6.0%} {'-' if cell.server_cpu is None else f'{cell.server_cpu / cell.wall:.0%}':>7}"
    )
    return (
        f"{way:<19} {clients:>7} {cell.commands / cell.wall:>10,.0f} {cell.facts / cell.wall:>9,.0f}"
        f" {cell.p50 * 1000:>8.2f} {cell.p99 * 1000:>8.2f}  {shares} {cell.facts / cpu:>12,.0f}"
    )


async def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each cell is measured")
    parser.add_argument("--facts", type=int, default=5, help="facts a command")
    parser.add_argument("--clients", default="1,16,64,256", help="concurrent commands, one cell each")
    options = parser.parse_args()
    rates: dict[tuple[str, int], float] = {}
    async with scratch_database() as dsn:
        pool = await connect_pool(dsn, Link(name="bench reads"))
        print("way                 clients commands/s   facts/s   p50 ms   p99 ms  client  server facts/core/s")
        for clients in map(int, options.clients.split(",")):
            for way, opened in WAYS.items():
                async with opened(dsn, pool, clients) as append:
                    cell = await measure(append, pool, clients, options)
                rates[way, clients] = cell.commands / cell.wall
                print(line(way, clients, cell), flush=True)
            ratio = rates["group commit", clients] / rates["a transaction each", clients]
            print(f"{'':19} {clients:>7} group commit is {ratio:.1f} times as fast")
        await pool.close()


if __name__ == "__main__":
    uvloop.run(main())
