"""Three nodes, a PostgreSQL and a Redis, and whatever can happen to them (reliability 2; I23 and I25 above all).

Workers start instances and do jobs over any of the nodes, and never give up on an outcome that they do not know;
somebody follows the log through all of it, somebody tries keys that open nothing. Meanwhile nodes are killed and stand
still, Redis fails in every way, PostgreSQL is killed. When that ends, everything has to come to its end, and then the
log, the read models, the decision tables and what clients know are compared.

The long form: ``python -m tests.faults.three_nodes --seconds 600 --seed 1``; ``--unfenced`` is the control.
"""

import argparse
import asyncio
import random
import sys
from collections import Counter
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import asyncpg
import structlog

from infra.event_log.rebuilding import differences
from infra.scratch_directory import scratch_directory
from tests.faults.chaos import Chaos
from tests.faults.client import Client
from tests.faults.cluster import Cluster, cluster
from tests.faults.fleet import violations
from tests.faults.killing import History, Load, check, check_progress
from tests.faults.lease_watch import Seen, seen, watch_leases
from tests.faults.node import KEY, Node
from tests.faults.waylaid import SERVE, TTL

#: Seconds for what was begun to come to its end once nothing is disturbed any more.
PATIENCE_SECONDS = 300.0

#: No request is to be refused for it, but each is counted, over Redis.
LIMIT = "900000"

LEFT = """
select (select count(*) from log.open_jobs where locked_by is not null or due_at < now()) as jobs,
       (select count(*)
          from read.process_instances
         where state <> 'COMPLETED'
           and format('instance-%s-%s', partition, id) not in (select stream from log.open_incidents)) as instances
"""

POSITIONS = "select notification_id from log.events where tenant = 'default' order by notification_id"


class Ran(NamedTuple):
    """What a run was like: what clients know, what was done to the cluster, what was found wrong, in words."""

    history: History
    done: Counter[str]
    leases: Seen
    followed: int
    refused: Counter[int]
    found: list[str]

    def told(self) -> str:
        """Say it in a few lines."""
        answers = ", ".join(f"{times} x {status}" for status, times in sorted(self.history.answers.items()))
        return "\n".join(
            (
                ", ".join(f"{what} {times}" for what, times in sorted(self.done.items())),
                f"{len(self.history.started)} instances, {len(self.history.completed)} jobs completed,",
                f"{len(self.history.failed)} failed; {self.history.unknown} asked again; answers {answers}",
                f"{self.followed} facts followed; {sum(self.refused.values())} requests with keys that open nothing",
                f"{self.leases.writes} writes under leases that changed hands {self.leases.changes} times",
                *(self.found or ["nothing found that must not be"]),
            )
        )


class Follower:
    """Follows the log over any of the nodes; every fact has to come once, in order."""

    def __init__(self, urls: Sequence[str], seed: int) -> None:
        self.positions: list[int] = []
        self.running = True
        self._urls = urls
        self._chance = random.Random(seed)
        self._next = 0

    async def run(self) -> None:
        """Ask for the next page until it is over."""
        async with session() as asking:
            while self.running:
                await self.read(asking)

    async def read(self, asking: aiohttp.ClientSession) -> bool:
        """Ask for one page; tell whether there was one with facts in it."""
        url = f"{self._chance.choice(self._urls)}/events?limit=500&wait=1&after={self._next}"
        try:
            async with asking.get(url) as response:
                told = await response.json(content_type=None)
                if response.status != 200:
                    assert response.status == 503, told
                    return False
        except (aiohttp.ClientError, ConnectionError, TimeoutError):
            return False
        self.positions += [int(event["id"]) for event in told["events"]]
        self._next = int(told["next"])
        return bool(told["events"])


class Intruder:
    """Tries keys that open nothing; ``answers`` are the statuses it got."""

    def __init__(self, urls: Sequence[str], keys: Sequence[str], seed: int) -> None:
        self.answers: Counter[int] = Counter()
        self.running = True
        self._urls = urls
        self._keys = keys
        self._chance = random.Random(seed)

    async def run(self) -> None:
        """Try on until it is over."""
        async with session() as asking:
            while self.running:
                headers = {"Authorization": self._chance.choice(self._keys)}
                url = f"{self._chance.choice(self._urls)}/jobs/query"
                try:
                    async with asking.post(url, json={}, headers=headers) as response:
                        self.answers[response.status] += 1
                except (aiohttp.ClientError, ConnectionError, TimeoutError):
                    pass
                await asyncio.sleep(0.02)


def session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(headers={"Authorization": KEY}, timeout=aiohttp.ClientTimeout(total=5))


async def disturbed(directory: Path, seconds: float, seed: int, pace: float = 1.0) -> Ran:
    """Run a cluster under load and disturb it for so long; then judge."""
    async with cluster(directory, SERVE, ANNALS_ENGINE_LIMIT=LIMIT) as running:
        await running.start_nodes()
        await watch_leases(running.dsn)
        load = Load(running.urls, seed, rest=0.1, patience=2.0 * TTL)
        await load.deploy()
        follower = Follower(running.urls, seed)
        intruder = Intruder(running.urls, await useless_keys(running), seed)
        chaos = Chaos(running, seed, pace)
        workers = [load.work(f"worker-{number}") for number in range(4)]
        async with asyncio.TaskGroup() as group:
            tasks = _begun(group, *(load.start_instances() for _ in range(4)), *workers, follower.run(), intruder.run())
            disturbing = group.create_task(chaos.run())
            await asyncio.sleep(seconds)
            chaos.end()
            await disturbing
            load.starting = False
            found = chaos.found + await _comes_to_its_end(running)
            load.running = follower.running = intruder.running = False
            await asyncio.gather(*tasks)
        found += await _judged(running, load.history, follower, intruder)
        return Ran(load.history, chaos.done, await seen(running.dsn), len(follower.positions), intruder.answers, found)


async def useless_keys(running: Cluster) -> Sequence[str]:
    """Return keys that open nothing: one that was revoked, one that never was one."""
    client = Client(running.urls[0])
    issued = await client.done("POST", "/admin/keys", {"tenantId": "default", "role": "owner", "name": "withdrawn"})
    await client.done("DELETE", f"/admin/keys/{issued['id']}")
    await asyncio.sleep(1.0)  # so long a key may be known
    return [issued["key"], issued["key"][:-1], "nonsense", ""]


def _begun(group: asyncio.TaskGroup, *works: Coroutine[Any, Any, None]) -> list["asyncio.Task[None]"]:
    return [group.create_task(work) for work in works]


async def _comes_to_its_end(running: Cluster) -> list[str]:
    """Wait until every instance has completed or has an incident (I13)."""
    connection = await asyncpg.connect(running.dsn)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any((await connection.fetch(LEFT))[0]):  # noqa: ASYNC110  (others finish it)
                await asyncio.sleep(0.5)
    except TimeoutError:
        return [f"left undone: {dict(row)}" for row in await connection.fetch(LEFT)]
    finally:
        await connection.close()
    return []


async def _judged(running: Cluster, history: History, follower: Follower, intruder: Intruder) -> list[str]:
    found = [*await check_progress(running.dsn)]
    async with session() as asking:
        while await follower.read(asking):
            pass
    codes = await running.stop_nodes()
    if any(codes):
        found.append(f"nodes ended with {codes}")
    found += await check(running.dsn, history)
    broken, _ = await violations(running.dsn)
    found += broken
    connection = await asyncpg.connect(running.dsn)
    try:
        found += await differences(connection)
        positions = [row[0] for row in await connection.fetch(POSITIONS)]
    finally:
        await connection.close()
    if follower.positions != positions:
        found.append(f"{len(positions)} facts, {len(follower.positions)} were followed, or not in their order")
    found += [f"a key that opens nothing was answered with {status}" for status in intruder.answers if status < 400]
    found += [f"wrote without the lease: {intruder}" for intruder in (await seen(running.dsn)).intruders[:10]]
    return found


async def unfenced(directory: Path, seconds: float) -> Seen:
    """Run the control: have holders stand still with facts in hand, nodes that do not look at their leases."""
    async with cluster(directory, SERVE, UNFENCED="yes") as running:
        await running.start_nodes()
        await watch_leases(running.dsn)
        load = Load(running.urls, 0, rest=0.05, patience=2.0 * TTL)
        await load.deploy()
        chaos = Chaos(running, 0)
        async with asyncio.TaskGroup() as group:
            tasks = _begun(group, *(load.start_instances() for _ in range(4)))
            async with asyncio.timeout(seconds):
                while not (await seen(running.dsn)).intruders:
                    await chaos.stop_with_in_hand("facts", await _follower(running), 1.5 * TTL)
            load.starting = False
            await asyncio.gather(*tasks)
        return await seen(running.dsn)


async def _follower(running: Cluster) -> Node:
    """Return the node that follows the log for all, or did so last."""
    connection = await asyncpg.connect(running.dsn)
    try:
        holder = await connection.fetchval("select holder from log.leases where name = 'followers'")
    finally:
        await connection.close()
    return next(node for node in running.nodes if holder.endswith(f":{node.pid}"))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0, help="how long the cluster is disturbed")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument(
        "--unfenced", action="store_true", help="the control: leases are not looked at; it must be seen"
    )
    options = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("warning"))
    with scratch_directory("cluster") as directory:
        if options.unfenced:
            leases = asyncio.run(unfenced(directory, options.seconds))
            print(f"{leases.writes} writes; without the lease wrote: {leases.intruders[:3]}")
            return 1 if leases.intruders else 0
        ran = asyncio.run(disturbed(directory, options.seconds, options.seed))
    print(f"seed {options.seed}, {options.seconds:g} s\n{ran.told()}")
    return 1 if ran.found else 0


if __name__ == "__main__":
    sys.exit(main())
