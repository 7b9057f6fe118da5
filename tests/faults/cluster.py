"""The shape of ``compose.yaml`` as processes of this machine: a PostgreSQL, a Redis, and three nodes on them.

By hand, until Ctrl-C or SIGTERM: ``python -m tests.faults.cluster``; it prints where the nodes are and what opens them.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from infra.embedded_postgres import EmbeddedPostgres
from infra.scratch_directory import scratch_directory
from tests.faults.node import KEY, SERVE, Node, free_port
from tests.faults.outages import SECRET
from tests.integration.redis_server import RedisServer, redis_server

NODES = 3

#: All nodes together have to do with the hundred connections of the embedded server.
CONNECTIONS = {
    "ANNALS_COMMAND_CONNECTIONS": "5",
    "ANNALS_QUERY_CONNECTIONS": "5",
    "ANNALS_FOLLOWER_CONNECTIONS": "12",
}


class Cluster(NamedTuple):
    """What runs; ``dsn`` is the URL of the database, which stays the same when its server is started again."""

    postgres: EmbeddedPostgres
    redis: RedisServer
    nodes: Sequence[Node]

    @property
    def dsn(self) -> str:
        return self.postgres.dsn()

    @property
    def urls(self) -> Sequence[str]:
        return [node.url for node in self.nodes]

    async def start_nodes(self) -> None:
        """Return when all nodes are ready; they are started together, as a deployment does it."""
        await asyncio.gather(*(node.start() for node in self.nodes))

    async def stop_nodes(self) -> Sequence[int]:
        """Stop all nodes in order, and return their exit codes."""
        return await asyncio.gather(*(node.stop() for node in self.nodes))


@asynccontextmanager
async def cluster(directory: Path, command: Sequence[str] = SERVE, **environment: str) -> AsyncIterator[Cluster]:
    """Run PostgreSQL and Redis below a directory, with nodes that are to be started; leave nothing behind.

    ``command`` and ``environment`` are what the nodes are started with.
    """
    async with AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(EmbeddedPostgres(directory / "database", homes=[]))
        redis = await stack.enter_async_context(redis_server(directory))
        shared = {
            "ANNALS_DATABASE_URL": postgres.dsn(),
            "ANNALS_REDIS_URL": redis.url,
            "ANNALS_SECRET_KEY": SECRET,
            **CONNECTIONS,
            **environment,
        }
        nodes = [Node(directory / f"node-{n + 1}", free_port(), command, None, **shared) for n in range(NODES)]
        running = Cluster(postgres, redis, nodes)
        stack.push_async_callback(_ended, nodes)
        yield running


async def _ended(nodes: Sequence[Node]) -> None:
    for node in nodes:
        with suppress(AssertionError):  # it was never started
            await node.kill()


async def show(directory: Path) -> None:
    """Run the cluster until SIGINT or SIGTERM."""
    ended = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, ended.set)
    async with cluster(directory) as running:
        await running.start_nodes()
        print("\n".join(running.urls))
        print(f"Redis {running.redis.url}\nAuthorization: Bearer {KEY}\nFor the command line:")
        print(f"export ANNALS_DATABASE_URL='{running.dsn}' ANNALS_SECRET_KEY={SECRET}", flush=True)
        await ended.wait()


def main() -> int:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with scratch_directory("cluster") as directory:
        asyncio.run(show(directory))
    return 0


if __name__ == "__main__":
    sys.exit(main())
