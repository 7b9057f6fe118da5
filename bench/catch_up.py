"""How fast read models catch up: all of them together on a new database, then each rebuilt beside the live one.

    python -m bench.catch_up [--instances 10000] [--only NAME ...]

The log is filled first, through the commands (bench/filling.py). The database is a new one on the server of
ANNALS_DATABASE_URL, else on an embedded server that lives as long as the run. "facts/s" are facts of the whole log
passed, whether the read model looks at them or not; "us/fact" is CPU time of this process for each of them; "own" and
"server" are shares of a core that this process and, where it runs on this machine, the server took; "rows" are those of
the tables. At the end every read model is compared with its rebuild.
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple, Self

import structlog
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from api.composition import Node, open_node
from bench.append import scratch_database, server_cpu
from bench.filling import Filling
from infra.following.followers import Followers
from infra.following.rebuilding import rebuild
from infra.following.verifying import verify
from infra.leases import Lease
from infra.settings import read_settings
from projections.catalogue import READ_MODELS
from projections.read_model import ReadModel

#: Nobody signs in here, but a node wants a key.
SECRET_KEY = "of a benchmark only"  # noqa: S105  (it protects nothing)


class Cell(NamedTuple):
    """One measurement. Times are in seconds; ``server_cpu`` is None when the server is elsewhere."""

    name: str
    wall: float
    own_cpu: float
    server_cpu: float | None
    rows: int


class Stopwatch:
    """Measures wall and CPU time from entering its context until leaving it."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.wall = self.own = 0.0
        self.server: float | None = None

    async def __aenter__(self) -> Self:
        self.server = await server_cpu(self._node.pools.commands)
        self.own, self.wall = time.process_time(), time.perf_counter()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.wall, self.own = time.perf_counter() - self.wall, time.process_time() - self.own
        after = await server_cpu(self._node.pools.commands)
        self.server = None if after is None or self.server is None else after - self.server


async def all_together(node: Node, models: Collection[ReadModel], head: int, bar: Progress) -> Cell:
    """Follow from nothing until level, as a node does on a database that has a log and no read models."""
    pool = node.pools.followers
    followers = Followers(pool, Lease(pool, "followers", "bench"), node.log.doorbell, models)
    task = bar.add_task("all together", total=head)
    running = asyncio.create_task(followers.run())
    async with Stopwatch(node) as watch:
        reached = 0
        while reached < head:
            await asyncio.sleep(0.1)
            found = await followers.status()
            reached = min((each.position if each.state == "live" else 0 for each in found), default=head)
            bar.update(task, completed=reached)
            if running.done():
                await running
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    rows = sum([await rows_of(node, model) for model in models])
    return Cell(f"all {len(models)} together", watch.wall, watch.own, watch.server, rows)


async def alone(node: Node, model: ReadModel, head: int, bar: Progress) -> Cell:
    task = bar.add_task(model.name, total=head)
    async with Stopwatch(node) as watch:
        await rebuild(node.pools.followers, model, "bench", lambda position, _: bar.update(task, completed=position))
    return Cell(model.name, watch.wall, watch.own, watch.server, await rows_of(node, model))


async def rows_of(node: Node, model: ReadModel) -> int:
    tables = [await node.pools.queries.fetchval(f"select count(*) from {table}") for table in model.tables]
    return sum(tables)


async def differences(node: Node, models: Collection[ReadModel], bar: Progress) -> int:
    """Compare every read model with a rebuild; return how many rows differ."""
    task = bar.add_task("comparing", total=len(models))
    found = 0
    for model in models:
        found += len(await verify(node.pools.followers, model, "bench"))
        bar.advance(task)
    return found


def table_of(cells: Sequence[Cell], head: int) -> Table:
    table = Table(title=f"Catching up with {head:,} facts")
    table.add_column("read model", no_wrap=True)
    for heading in ("facts/s", "s", "us/fact", "own", "server", "rows"):
        table.add_column(heading, justify="right", no_wrap=True)
    for cell in cells:
        table.add_row(
            cell.name,
            f"{head / cell.wall:,.0f}",
            f"{cell.wall:.2f}",
            f"{1e6 * cell.own_cpu / head:.1f}",
            f"{cell.own_cpu / cell.wall:.0%}",
            "-" if cell.server_cpu is None else f"{cell.server_cpu / cell.wall:.0%}",
            f"{cell.rows:,}",
        )
    return table


@asynccontextmanager
async def opened() -> AsyncIterator[Node]:
    """Open a node that follows nothing, on a database of its own."""
    async with scratch_database() as dsn:
        settings = read_settings(overrides={"database_url": dsn, "roles": "executor", "secret_key": SECRET_KEY})
        async with open_node(settings) as node:
            yield node


async def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--instances", type=int, default=10_000, help="process instances in the log")
    parser.add_argument("--only", nargs="*", default=[], help="names of the read models to measure")
    options = parser.parse_args()
    models = [model for model in READ_MODELS if not options.only or model.name in options.only]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns) as bar:
        async with opened() as node:
            filling = bar.add_task("filling the log", total=options.instances)
            head = await Filling(node).run(options.instances, lambda done: bar.update(filling, completed=done))
            cells = [await all_together(node, models, head, bar)]
            cells += [await alone(node, model, head, bar) for model in models]
            found = await differences(node, models, bar)
    Console().print(table_of(cells, head))
    Console().print(f"{found} rows differ between the live read models and their rebuilds")


if __name__ == "__main__":
    uvloop.run(main())
