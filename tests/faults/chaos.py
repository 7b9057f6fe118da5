"""What goes wrong in a cluster: nodes are killed and stand still, Redis fails in every way, PostgreSQL is killed.

Each kind has a rhythm of its own, so that they overlap as they please; a seed gives the same plan again.
"""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from redis.exceptions import RedisError

from tests.faults.cluster import Cluster
from tests.faults.killing import kill_family
from tests.faults.node import Node
from tests.faults.waylaid import TTL

#: Seconds that a node may take to be ready again, on a busy machine and with the database being killed meanwhile.
PATIENCE_SECONDS = 180.0

#: Seconds to wait for a node to come by where it is to stop; one that does not hold the lease never does.
COMING_BY = 1.0


class Chaos:
    """Disturbs a cluster until ``over``; ``done`` counts what, ``found`` says what must not happen."""

    def __init__(self, cluster: Cluster, seed: int, pace: float = 1.0) -> None:
        self.done: Counter[str] = Counter()
        self.found: list[str] = []
        self._over = asyncio.Event()
        self._cluster = cluster
        self._chance = random.Random(seed)
        self._pace = pace

    async def run(self) -> None:
        """Disturb everything until it is over; return once all is whole again."""
        disturbing = [self._again_and_again(4, 15, partial(self.disturb_node, node)) for node in self._cluster.nodes]
        disturbing.append(self._again_and_again(1, 6, self.disturb_redis))
        disturbing.append(self._again_and_again(15, 40, self.kill_database))
        await asyncio.gather(*disturbing)

    def end(self) -> None:
        """Begin nothing new."""
        self._over.set()

    async def disturb_node(self, node: Node) -> None:
        """Kill a node and start it again, or have it stand still, where it matters if it comes by there."""
        if node.has_ended:
            self.found.append(f"a node ended by itself: {node.said[-2000:]}")
        what = self._chance.choice(
            ("killed", "stopped", "stopped with facts in hand", "stopped with a decision in hand")
        )
        self.done[f"node {what}"] += 1
        if what == "killed":
            await node.kill()
            await self._start_again(node)
        elif what == "stopped":
            await self._stand_still(node, self._chance.uniform(0.5, 2.5 * TTL))
        else:
            await self.stop_with_in_hand(what.split()[-3], node, self._chance.uniform(0.5, 2.5 * TTL))

    async def stop_with_in_hand(self, what: str, node: Node, seconds: float) -> None:
        """Have a node stand still with ``facts`` or a ``decision`` in hand, if it comes by there, else where it is."""
        asked = node.data_dir.with_suffix(f".{what}")
        asked.touch()
        with suppress(TimeoutError):
            async with asyncio.timeout(COMING_BY):
                while not is_stopped(node):  # noqa: ASYNC110  (the kernel tells nobody)
                    await asyncio.sleep(0.01)
        self.done["stopped itself there"] += is_stopped(node)
        asked.unlink(missing_ok=True)
        await self._stand_still(node, seconds)

    async def _stand_still(self, node: Node, seconds: float) -> None:
        """Have a node do nothing, as on a machine that is suspended."""
        os.kill(node.pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            os.kill(node.pid, signal.SIGCONT)

    async def disturb_redis(self) -> None:
        """Kill, freeze, flush or fill it, or put nonsense in and on the wire."""
        redis = self._cluster.redis
        what = self._chance.choice(("killed", "frozen", "flushed", "full", "nonsense"))
        self.done[f"Redis {what}"] += 1
        match what:
            case "killed":
                await redis.kill()
                await self._rest(0, 3)
                await redis.start()
            case "frozen":
                redis.freeze()
                await self._rest(0, 3)
                redis.thaw()
            case "flushed":
                await redis.command("FLUSHALL")
            case "full":
                await redis.command("CONFIG", "SET", "maxmemory", "1")
                await self._rest(0, 3)
                await redis.command("CONFIG", "SET", "maxmemory", "0")
            case _:
                await self.talk_nonsense()

    async def kill_database(self) -> None:
        """Kill the server and all its children; who runs it starts it again."""
        if (postmaster := self._cluster.postgres.pid) is not None:
            self.done["PostgreSQL killed"] += 1
            with suppress(ProcessLookupError, FileNotFoundError):
                kill_family(postmaster)

    async def talk_nonsense(self) -> None:
        """Have Redis say what nobody has told it, where nodes listen and where they count."""
        redis = self._cluster.redis
        for key in await redis.command("KEYS", "*"):
            with suppress(RedisError):
                await redis.command("DEL", key)
                await redis.command("RPUSH" if self._chance.random() < 0.5 else "SET", key, "nonsense")
        for channel in await redis.channels():
            for said in ("nonsense", "-1", "9" * 18, "9" * 4_000, "", "\0"):
                await redis.command("PUBLISH", channel, said)

    async def _start_again(self, node: Node) -> None:
        """Start a node as a supervisor does: again and again, since it may find no database and end."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                await node.launch()
                try:
                    await node.ready()
                except (AssertionError, TimeoutError):
                    self.done["starts in vain"] += 1
                    await node.kill()
                else:
                    return

    async def _again_and_again(self, least: float, most: float, disturb: Callable[[], Awaitable[None]]) -> None:
        while not self._over.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._chance.uniform(least, most) / self._pace):
                    await self._over.wait()
            if not self._over.is_set():
                await disturb()

    async def _rest(self, least: float, most: float) -> None:
        await asyncio.sleep(self._chance.uniform(least, most))


def is_stopped(node: Node) -> bool:
    """Tell whether a node stands still by a signal."""
    said = Path(f"/proc/{node.pid}/stat").read_text()
    return said.rpartition(")")[2].split()[0] == "T"
