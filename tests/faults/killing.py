"""Kill -9 of server and database under load: what was acknowledged is there, once (reliability I1-I4, I8).

Workers start instances and complete jobs over HTTP and write down every answer: acknowledged, refused, or unknown when
the connection broke. What is unknown is asked again under the same idempotency key until it is known. In between,
server and database are killed. The checker reads nothing but this history and the log.

The long form, with the seed of every run: ``python -m tests.faults.killing --cycles 100``.
"""

import argparse
import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import msgspec
from rich.progress import Progress

from infra.embedded_postgres import running_dsn
from infra.following.verifying import verify
from infra.postgres import Link, connect_pool
from infra.scratch_directory import scratch_directory
from projections.catalogue import READ_MODELS
from tests.faults.node import KEY, Node, free_port
from tests.faults.verdicts import concluded
from tests.story import bpmn

MODEL = bpmn(
    "s:startEvent f:parallelGateway work:serviceTask check:serviceTask j:parallelGateway ship:serviceTask e:endEvent",
    "s>f f>work f>check work>j check>j j>ship ship>e",
)
PATIENCE_SECONDS = 60.0
CONFIRMED_BEFORE_A_KILL = 20

END_OTHER_SESSIONS = """
select pg_terminate_backend(pid) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()
"""


class History(msgspec.Struct):
    """What clients know: instances by correlation key, completed jobs, and how often they had to ask again."""

    started: dict[str, tuple[str, int]] = msgspec.field(default_factory=dict)
    completed: set[tuple[str, int]] = msgspec.field(default_factory=set)
    failed: set[tuple[str, int]] = msgspec.field(default_factory=set)
    answers: Counter[int] = msgspec.field(default_factory=Counter)
    unknown: int = 0


class Load:
    """Clients that never give up: an unknown outcome is asked for again under its idempotency key.

    Where there are several nodes, each request goes to any of them, also the one that asks again. ``rest`` is the time
    from one start of a client to its next, ``patience`` how long it waits for an answer, both in seconds.
    """

    def __init__(self, urls: Sequence[str], seed: int, *, rest: float = 0.0, patience: float = 10.0) -> None:
        self.history = History()
        self.starting = True
        self.running = True
        self._urls = urls
        self._rest = rest
        self._patience = patience
        self._chance = random.Random(seed)
        self._numbers = count(1)

    async def deploy(self) -> None:
        body = {"bpmnProcessId": "p", "bpmnXml": MODEL, "version": "1", "workerId": "load"}
        async with self._session() as session:
            await self._call(session, "POST", "/processes", body)

    async def start_instances(self) -> None:
        async with self._session() as session:
            while self.running and self.starting:
                key = f"key-{next(self._numbers)}"
                body = {"bpmnProcessId": "p", "version": "1", "correlationKey": key, "workerId": "load"}
                _, answer = await self._call(session, "POST", "/process-instances", body)
                self.history.started[key] = (answer["partition"], answer["id"])
                if self._rest:
                    await asyncio.sleep(self._rest)

    async def work(self, name: str) -> None:
        async with self._session() as session:
            while self.running:
                lock = {"limit": 5, "workerId": name}
                _, answer = await self._call(session, "POST", "/jobs/lock", lock, keyed=False)
                for job in answer["jobs"]:
                    await self._complete(session, name, job)
                if not answer["jobs"]:
                    await self._call(session, "POST", "/jobs/unlock", {"workerId": name}, keyed=False)
                    await asyncio.sleep(0.01)

    async def more_is_confirmed(self) -> None:
        """Return once instances have been confirmed that were not when this was called."""
        enough = len(self.history.started) + CONFIRMED_BEFORE_A_KILL
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.history.started) < enough:  # noqa: ASYNC110  (the clients count, they signal nothing)
                await asyncio.sleep(0.005)

    async def _complete(self, session: aiohttp.ClientSession, name: str, job: dict[str, Any]) -> None:
        fails = self._chance.random() < 0.1
        body: dict[str, Any] = {
            "workerId": name,
            "processVariables": [{"name": "n", "data": {"encoding": "text", "value": "1"}}],
        }
        if fails:
            body.update(error="on purpose", retryLimit=self._chance.choice([0, 3]))
        path = f"/jobs/{job['partition']}/{job['id']}/complete"
        status, _ = await self._call(session, "PATCH", path, body)
        if status == 200:
            known = self.history.failed if fails else self.history.completed
            known.add((job["partition"], job["id"]))

    async def _call(
        self, session: aiohttp.ClientSession, method: str, path: str, body: object, *, keyed: bool = True
    ) -> tuple[int, Any]:
        """Ask until there is an answer; a 5xx other than 503 is a failure of the test."""
        headers = {"Idempotency-Key": f"request-{next(self._numbers)}"} if keyed else {}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                url = self._chance.choice(self._urls)
                try:
                    async with session.request(method, url + path, json=body, headers=headers) as response:
                        answer = await response.json(content_type=None)
                        self.history.answers[response.status] += 1
                        if response.status != 503:
                            assert response.status < 500, answer
                            return response.status, answer
                except (aiohttp.ClientError, ConnectionError, TimeoutError):
                    self.history.unknown += 1
                await asyncio.sleep(0.02)

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            headers={"Authorization": KEY}, timeout=aiohttp.ClientTimeout(total=self._patience)
        )


async def kill_under_load(
    data_dir: Path, cycles: int, seed: int, progress: Progress | None = None, *, weakened: bool = False
) -> tuple[History, str]:
    """Run the load through so many kills; return what the clients know and the violations found, in words.

    ``weakened`` is the control: the database acknowledges before it has written, and must be caught at it.
    """
    chance = random.Random(seed)
    node = Node(data_dir, free_port())
    await node.start()
    load = Load([node.url], seed)
    await load.deploy()
    if weakened:
        await _weaken(data_dir)
    clients = [load.start_instances() for _ in range(4)] + [load.work(f"worker-{number}") for number in range(4)]
    tasks = [asyncio.create_task(client) for client in clients]
    bar = progress.add_task("kills", total=cycles) if progress else None
    for _ in range(cycles):
        await asyncio.sleep(chance.uniform(0.15, 0.5))
        if weakened:
            await load.more_is_confirmed()
        await (kill_database(data_dir) if weakened or chance.random() < 0.5 else kill_server(node))
        if progress is not None and bar is not None:
            progress.advance(bar)
    await asyncio.sleep(0.5)
    load.running = False
    await (_cancelled(tasks) if weakened else asyncio.gather(*tasks))
    violations = await _judge(data_dir, load.history, progresses=not weakened)
    await node.stop()
    return load.history, "\n".join(violations)


async def _judge(data_dir: Path, history: History, *, progresses: bool) -> list[str]:
    """Check all there is to check; a node whose database has lost facts need not get anywhere any more."""
    dsn = await started_again(data_dir)
    return [*(await check_progress(dsn) if progresses else []), *await check(dsn, history)]


async def _cancelled(tasks: Sequence["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def started_again(data_dir: Path) -> str:
    """Return the URL of the database once it runs."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (dsn := await running_dsn(data_dir)) is None:  # noqa: ASYNC110  (another process starts it)
            await asyncio.sleep(0.02)
    return dsn


async def _weaken(data_dir: Path) -> None:
    """Have new sessions confirm commits before they are on disk; a node that starts now would refuse such a server."""
    dsn = await running_dsn(data_dir)
    connection = await asyncpg.connect(dsn)
    for statement in (  # for sessions to come, for what writes behind them, and an end to the sessions of before
        "do $$ begin execute format('alter database %I set synchronous_commit = off', current_database()); end $$",
        "alter system set wal_writer_delay = '10s'",
        "select pg_reload_conf()",
        END_OTHER_SESSIONS,
    ):
        await connection.execute(statement)
    await connection.close()


async def kill_server(node: Node) -> None:
    """Kill the node, and start it again."""
    await node.kill()
    await node.start()


async def kill_database(data_dir: Path) -> None:
    """Kill the server and all its children; one that is being started again is waited for."""
    await started_again(data_dir)
    kill_family(int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0]))


def kill_family(postmaster: int) -> None:
    """Kill a server. Stop the parent first, so that it has no new children while they are listed."""
    os.kill(postmaster, signal.SIGSTOP)
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    for pid in [postmaster, *map(int, children)]:
        os.kill(pid, signal.SIGKILL)


async def check_progress(dsn: str) -> list[str]:
    """Once nothing is killed any more, the engine does all that it has to do by itself."""
    connection = await asyncpg.connect(dsn)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await connection.fetchval("select count(*) from log.open_tasks"):  # noqa: ASYNC110  (others do them)
                await asyncio.sleep(0.1)
    except TimeoutError:
        left = await connection.fetchval("select count(*) from log.open_tasks")
        return [f"{left} tasks of the engine are left undone"]
    finally:
        await connection.close()
    return []


async def check(dsn: str, history: History) -> list[str]:
    """Compare what clients know with the log, and the read models with a rebuild; return what does not hold."""
    connection = await asyncpg.connect(dsn)
    try:
        found = await _check_streams(connection)
        found += await _check_instances(connection, history)
        found += await _check_jobs(connection, history)
    finally:
        await connection.close()
    pool = await connect_pool(dsn, Link(name="check", command_timeout=None))
    try:
        for model in READ_MODELS:
            differences = await verify(pool, model, "check")
            found += [f"read model {model.name} differs from its rebuild: {difference}" for difference in differences]
    finally:
        await pool.close()
    return found


async def _check_streams(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    broken = await connection.fetch(
        "select originator_id from log.events group by originator_id"
        " having count(*) <> max(originator_version) or min(originator_version) <> 1"
    )
    positions = await connection.fetchrow(
        "select count(*) as n, max(notification_id) as last, (select position from log.head) as head from log.events"
    )
    assert positions is not None
    found = [f"stream {row['originator_id']} is not 1..n" for row in broken]
    if not positions["n"] == positions["last"] == positions["head"]:
        found.append(f"positions are not 1..m: {dict(positions)}")
    return found


async def _check_instances(connection: "asyncpg.Connection[asyncpg.Record]", history: History) -> list[str]:
    rows = await connection.fetch(
        "select originator_id, convert_from(state, 'UTF8')::json ->> 'correlation_key' as key"
        " from log.events where topic = 'process_instance.started.v1'"
    )
    stored = Counter(row["key"] for row in rows)
    streams = {row["key"]: row["originator_id"] for row in rows}
    found = [f"instance {key} was started {times} times" for key, times in stored.items() if times > 1]
    for key, (partition, number) in history.started.items():
        if streams.get(key) != f"instance-{partition}-{number}":
            found.append(f"acknowledged instance {key} is lost")
    return found


async def _check_jobs(connection: "asyncpg.Connection[asyncpg.Record]", history: History) -> list[str]:
    rows = await connection.fetch(
        "select substr(originator_id, 10, 10) as partition, topic,"
        " (convert_from(state, 'UTF8')::json ->> 'id')::int as id from log.events"
        " where topic in ('job.completed.v1', 'job.failed.v1', 'job.canceled.v1')"
    )
    ends = Counter((row["partition"], row["id"]) for row in rows)
    by_topic = {topic: {(r["partition"], r["id"]) for r in rows if r["topic"] == topic} for topic in _TOPICS}
    found = [f"job {job} ended {times} times" for job, times in ends.items() if times > 1]
    found += [f"acknowledged completion of job {job} is lost" for job in history.completed - by_topic[_TOPICS[0]]]
    found += [f"acknowledged failure of job {job} is lost" for job in history.failed - by_topic[_TOPICS[1]]]
    return found


_TOPICS = ("job.completed.v1", "job.failed.v1")


def summary(history: History, cycles: int, seed: int) -> str:
    answers = ", ".join(f"{times} x {status}" for status, times in sorted(history.answers.items()))
    return (
        f"seed {seed}: {cycles} kills, {len(history.started)} instances started, {len(history.completed)} jobs"
        f" completed, {len(history.failed)} failed; {history.unknown} outcomes asked for again; answers {answers}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--weakened", action="store_true", help="the control: commits are confirmed too early")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    options = parser.parse_args(arguments)
    with scratch_directory("kill") as directory, Progress() as progress:
        run = kill_under_load(directory / "data", options.cycles, options.seed, progress, weakened=options.weakened)
        history, violations = asyncio.run(run)
    return concluded(
        summary(history, options.cycles, options.seed),
        violations,
        "nothing lost, nothing doubled, streams 1..n, positions 1..m, read models as rebuilt",
    )


if __name__ == "__main__":
    sys.exit(main())
