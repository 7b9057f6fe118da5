"""Followers of the feed are told every event once and in order, whatever happens to their nodes (reliability I5, I6).

Two nodes on one database; events are appended to the log by another process, from several writers at once. Followers
ask either node, by page, by long poll and by stream, and those who listen leave and come back a hundred times.
Meanwhile the nodes are killed, stopped and paused, at random. In the end each follower's list is compared with the log:
the same events, each once, in the order of positions, with the same contents.

``--naive`` is the control: nodes whose streams go on with what comes next once they are level with the past, as is
often done, and skip what is appended in between.

The long form, with its seed: ``python -m tests.faults.feed_followers --events 100000 --seconds 120``.
"""

import argparse
import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path

import asyncpg
from httpx import AsyncClient
from rich.progress import Progress

from api.cli.database import only_warnings
from api.composition import open_node
from domain.intakes.events import AlertRaised
from infra.embedded_postgres import EmbeddedPostgres
from infra.event_feed.withheld import WITHHELD
from infra.scratch_directory import scratch_directory
from infra.settings import Settings
from tests.contract.eventing import EventClient
from tests.faults.feed_clients import ByPage, ByStream, Follower, Told
from tests.faults.node import KEY, SERVE, Node, free_port, running
from tests.faults.outages import SECRET
from tests.faults.verdicts import concluded

RECONNECTS = 100
WRITERS = 4

#: How often the time that a node has to start may pass: many work on this machine.
STARTS = 3

#: Seconds that followers may take to come to the end once everything is written and nothing is killed any more.
PATIENCE_SECONDS = 120.0

NAIVE = (sys.executable, "-m", "tests.faults.naive_streams")
ROOT = Path(__file__).parents[2]

LOG = """
select notification_id, originator_id, originator_version, topic, convert_from(state, 'UTF8') from log.events
 where tenant = 'default' and notification_id <= $1 order by notification_id
"""


class Writing:
    """Appends events of two tenants, in appends of one to twenty, on streams that others write, too."""

    def __init__(self, client: EventClient, number: int, seconds: float, chance: random.Random) -> None:
        self.written = 0
        self._client = client
        self._number = number
        self._pause = seconds * WRITERS / number
        self._chance = chance

    async def all(self) -> None:
        await asyncio.gather(*(self._one(writer) for writer in range(WRITERS)))

    async def _one(self, writer: int) -> None:
        versions: dict[str, int] = {}
        while self.written < self._number:
            size = self._chance.randint(1, 20)
            tenant = self._chance.choice(["default", "default", "default", "acme"])
            stream = f"alert-{tenant}-{writer}-{self._chance.randrange(50)}"
            facts = [AlertRaised(f"{self.written + n} \u2028<{'x' * self._chance.randrange(80)}>") for n in range(size)]
            await self._client.appended(stream, *facts, tenant=tenant, expected=versions.get(stream, 0))
            versions[stream] = versions.get(stream, 0) + size
            self.written += size
            await asyncio.sleep(size * self._pause)


async def follow_and_kill(
    directory: Path, events: int, seconds: float, seed: int, progress: Progress | None = None, *, naive: bool = False
) -> tuple[str, list[str]]:
    """Run it; return what happened, in words, and what must not have."""
    chance = random.Random(seed)
    async with (
        EmbeddedPostgres(directory / "database", homes=[]) as server,
        _nodes(server.dsn(), directory, NAIVE if naive else SERVE) as nodes,
    ):
        followers = _followers([node.url for node in nodes], events, chance)
        following = asyncio.gather(*(follower.follow() for follower in followers))
        over = asyncio.Event()
        killing = asyncio.create_task(_kill(nodes, chance, over))
        async with _writer(server.dsn()) as client:
            writing = Writing(client, events, seconds, chance)
            showing = asyncio.create_task(_show(writing, events, progress))
            await writing.all()
            showing.cancel()
            over.set()
            kills = await killing
            last = await noted_last(client, followers)
        violations = await _ended(following, followers)
        log = await log_as_it_is_told(server.dsn(), last)
        violations += [sentence for follower in followers for sentence in differences(follower, log)]
    what = "; ".join(f"{follower.name}: {dict(follower.events)}" for follower in followers)
    return f"seed {seed}: {last} events, {kills} nodes killed, stopped or paused; {what}", violations


async def noted_last(client: EventClient, followers: Sequence[Follower]) -> int:
    """Append one more event, which followers know is the last one before they are told of it; return its position."""
    last = await client.node.log.head() + 1
    for follower in followers:
        follower.until = last
    assert await client.noted(1, "alert-last") == last
    return last


@asynccontextmanager
async def _nodes(dsn: str, directory: Path, command: Sequence[str]) -> AsyncIterator[list[Node]]:
    nodes = [
        Node(directory / name, free_port(), command, ROOT, ANNALS_DATABASE_URL=dsn, ANNALS_SECRET_KEY=SECRET)
        for name in ("one", "other")
    ]
    async with running(nodes[0]), running(nodes[1]):
        yield nodes


@asynccontextmanager
async def _writer(dsn: str) -> AsyncIterator[EventClient]:
    settings = Settings(database_url=dsn, secret_key=(SECRET,), bootstrap_key=KEY, roles=("api",))
    async with open_node(settings) as node, AsyncClient() as http:
        yield EventClient(node, http)


def _followers(urls: Sequence[str], events: int, chance: random.Random) -> list[Follower]:
    def own() -> random.Random:
        return random.Random(chance.random())

    stays = max(events * 3 // 4 // RECONNECTS, 1)
    return [
        ByPage("pages", urls, own()),
        ByPage("long polls", urls, own(), wait=5),
        ByPage("long polls of another", urls, own(), wait=1),
        ByStream("stream", urls, own(), stays),
        ByStream("stream of another", urls, own(), stays),
        ByStream("patient stream", urls, own(), 20 * stays),
    ]


async def _kill(nodes: Sequence[Node], chance: random.Random, over: asyncio.Event) -> int:
    """Do something to one node or the other until it is over; return how often, once both are there again."""
    times = 0
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), chance.uniform(0.2, 2.0))
        if over.is_set():
            return times
        times += 1
        await _harm(chance.choice(nodes), chance)


async def _harm(node: Node, chance: random.Random) -> None:
    match chance.randrange(4):
        case 0:
            with node.paused():
                await asyncio.sleep(chance.uniform(0.1, 3.0))
        case 1:
            await node.stop()
            await _started_again(node)
        case _:
            await node.kill()
            await _started_again(node)


async def _started_again(node: Node) -> None:
    """Start a node, however long that takes beside all others."""
    await node.launch()
    for _ in range(STARTS):
        with suppress(TimeoutError):
            await node.ready()
            return
    await node.ready()


async def _show(writing: Writing, events: int, progress: Progress | None) -> None:
    if progress is None:
        return
    bar = progress.add_task("events", total=events)
    while True:
        progress.update(bar, completed=writing.written)
        await asyncio.sleep(0.2)


async def _ended(following: "asyncio.Future[list[None]]", followers: Sequence[Follower]) -> list[str]:
    """Wait for the followers to come to the end; tell of those that do not."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await following
    except TimeoutError:
        return [f"{one.name} stands still at {one.position} of {one.until}" for one in followers if not one.finished]
    return []


async def log_as_it_is_told(dsn: str, last: int) -> list[Told]:
    """Return what a follower of the tenant ``default`` has to be told, up to a position."""
    connection = await asyncpg.connect(dsn)
    try:
        return [_as_it_is_told(*row) for row in await connection.fetch(LOG, last)]
    finally:
        await connection.close()


def _as_it_is_told(position: int, stream: str, version: int, topic: str, state: str) -> Told:
    withheld = WITHHELD.get(topic, frozenset())
    fact = {name: value for name, value in json.loads(state).items() if name not in withheld}
    return Told(position, stream, version, json.dumps(fact))


def differences(follower: Follower, log: Sequence[Told]) -> list[str]:
    """Tell what a follower was told that is not in the log, or not in its order, or too often, and what it was not."""
    if follower.seen == log:
        return []
    positions = [event.position for event in follower.seen]
    skipped = sorted({event.position for event in log}.difference(positions))
    backwards = [pair for pair in pairwise(positions) if pair[1] <= pair[0]]
    others = list(set(follower.seen).difference(log))
    sentences = (
        f"{len(skipped)} events skipped, the first at {skipped[:1]}",
        f"{len(backwards)} told again or out of order: {backwards[:1]}",
        f"{len(others)} not of the log: {others[:1]}",
    )
    return [f"{follower.name}: {'; '.join(sentences)}"]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=120.0, help="in which they are written")
    parser.add_argument("--naive", action="store_true", help="the control: streams that skip what comes in between")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    options = parser.parse_args(arguments)
    only_warnings(Settings())
    with scratch_directory("feed") as directory, Progress() as progress:
        run = follow_and_kill(directory, options.events, options.seconds, options.seed, progress, naive=options.naive)
        told, violations = asyncio.run(run)
    return concluded(told, violations, "every follower was told every event of its tenant, once and in order")


if __name__ == "__main__":
    sys.exit(main())
