"""How long analytics take with a million process instances: ``python -m bench.analytics --instances 1000000``.

The log is filled first (bench/multiplying.py): lives of a thousand instances, one in ten with an incident, again and
again over 90 days. Read models are filled from it as ever. Then a server answers each question over HTTP so many times,
one after the other on each of ``--clients`` connections, for ranges of time that begin and end at any millisecond. With
``--data-dir`` all of this is kept there, and a log that is there already is asked instead of a new one. The run ends
with status 1 when the 99th percentile of a question about analytics is not below ``GOAL`` milliseconds.
"""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import asyncpg
import structlog
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from api.composition import open_node
from bench.catch_up import Cell, all_together
from bench.connection import Connection
from bench.engine import shares
from bench.filling import MODELS, STARTED_AT_ONCE
from bench.multiplying import Copies, recorded
from bench.serving import KEY, Served, serving
from infra.clock import Clock
from infra.embedded_postgres import EmbeddedPostgres
from infra.migrating import migrate
from infra.scratch_directory import scratch_directory
from infra.settings import read_settings
from projections.catalogue import READ_MODELS

PERIOD = timedelta(days=90)
GOAL = 20.0

#: Makes the path of a question, each time of another range or place.
Question = Callable[[random.Random], str]


class Asked(NamedTuple):
    """How many milliseconds the answers to a question took, in order; ``is_goal`` where these have to be few.

    ``cpu`` is how many of them the server and its database took of a core, on average.
    """

    name: str
    took: Sequence[float]
    is_goal: bool
    cpu: float

    def at(self, share: float) -> float:
        return self.took[min(len(self.took) - 1, int(share * len(self.took)))]


async def filled(directory: Path, instances: int, bar: Progress) -> None:
    """See that the directory's database has a log."""
    async with EmbeddedPostgres(directory) as server:
        await migrate(server.dsn())
        session: asyncpg.Connection[Any] = await asyncpg.connect(server.dsn())
        try:
            if await session.fetchval("select position from log.head"):
                return
            at_once = min(instances, STARTED_AT_ONCE)
            copies = instances // at_once
            recording = await recorded(at_once, lambda _: None)
            task = bar.add_task("filling the log", total=instances)
            writing = Copies(session, recording, Clock().wall() - PERIOD, PERIOD / copies)
            await writing.write(copies, lambda done: bar.update(task, completed=done * at_once))
        finally:
            await session.close()


async def followed(directory: Path, bar: Progress) -> tuple[Cell | None, int]:
    """Have all read models come as far as the log; return what that took, if anything, and the last position."""
    changed = {"data_dir": str(directory), "roles": "executor", "bootstrap_key": KEY}
    async with open_node(read_settings(overrides=changed)) as node:
        head = await node.log.head()
        if all((found.state, found.position) == ("live", head) for found in await node.followers.status()):
            return None, head
        cell = await all_together(node, READ_MODELS, head, bar)
        async with node.pools.commands.acquire() as connection:
            await connection.execute("set statement_timeout = 0")
            await connection.execute("vacuum (analyze)", timeout=3_600)
        return cell, head


class Places:
    """Where in the log questions are asked: at any range of the last 90 days, in either process."""

    def __init__(self, until: datetime) -> None:
        self._until = until

    def version(self, chance: random.Random) -> str:
        return f"processKey={chance.choice(tuple(MODELS))}&version=1"

    def before(self, chance: random.Random) -> str:
        """Return where a range begins that has no end: before the log, and never twice, so that no answer is kept."""
        return (
            f"startDate=2000-01-01T00:{chance.randrange(60):02}:{chance.randrange(60):02}.{chance.randrange(1000):03}Z"
        )

    def range(self, chance: random.Random) -> str:
        """Return a range whose ends are at any millisecond."""
        ends = sorted(self._until - PERIOD * chance.random() for _ in range(2))
        start, end = (end.isoformat(timespec="milliseconds") for end in ends)
        return f"startDate={quote(start)}&endDate={quote(end)}"


def analytics(places: Places, incidents: int) -> Mapping[str, Question]:
    """Return the questions that have to be answered soon."""
    found: dict[str, Question] = {}
    for view in ("heatmap", "incidents-graph", "total-counts"):

        def always(chance: random.Random, view: str = view) -> str:
            return f"/incidents/{view}?{places.version(chance)}&{places.before(chance)}"

        def sometimes(chance: random.Random, view: str = view) -> str:
            return f"/incidents/{view}?{places.version(chance)}&{places.range(chance)}"

        found |= {f"{view}, all time": always, f"{view}, any range": sometimes}

    def ranked(chance: random.Random, rows: int) -> str:
        after = chance.randrange(max(1, incidents // 3))
        return f"/incidents/incidents-table?{places.version(chance)}&minResults={after}&maxResults={after + rows}"

    return {
        **found,
        "incident-version-graph": lambda chance: f"/incidents/incident-version-graph?{places.version(chance)}",
        "incidents-table, 20 at any rank": lambda chance: ranked(chance, 20),
        "incidents-table, 20 in any range": lambda chance: f"{ranked(random.Random(0), 20)}&{places.range(chance)}",
        "incidents-table, 1,000 at any rank": lambda chance: ranked(chance, 1_000),
        **{f"figures of {period}": partial(figures, period) for period in ("7d", "30d", "90d")},
    }


def figures(period: str, _chance: random.Random) -> str:
    return f"/v1/analytics/incidents?period={period}"


def lists(incidents: int) -> Mapping[str, Question]:
    """Return questions about single incidents, beside those about figures."""
    return {
        "feed's list, newest 100": lambda _: "/v1/incidents?limit=100",
        "feed's list, 100 open ones": lambda _: "/v1/incidents?limit=100&status=open",
        "uptime's list, 100 at any depth": lambda chance: (
            f"/api/incidents?limit=100&offset={chance.randrange(max(1, incidents))}"
        ),
        "uptime's list, 100 by severity": lambda _: "/api/incidents?limit=100&sort_by=severity",
        "alerts' list, newest 50": lambda _: "/api/alerts/incidents?limit=50",
    }


async def ask(url: str, question: Question, times: int, clients: int) -> Sequence[float]:
    """Ask so many times over some connections; return how many milliseconds each answer took, in order."""
    took: list[float] = []

    async def client(number: int) -> None:
        chance = random.Random(number)
        connection = await Connection.to(url, KEY)
        for turn in range(times // clients + times // 10):
            path = question(chance)
            began = time.perf_counter()
            await connection.call("GET", path, None, 200)
            if turn >= times // 10:  # the first ones warm up
                took.append(1e3 * (time.perf_counter() - began))
        connection.close()

    await asyncio.gather(*map(client, range(clients)))
    return sorted(took)


async def chained(served: Served, head: int, bar: Progress) -> None:
    """Wait until the chain of hashes holds all that was filled in, so that it takes no time from the answers."""
    task = bar.add_task("chaining", total=head)
    connection = await Connection.to(served.url, KEY)
    reached = 0
    while reached < head:
        await asyncio.sleep(0.2)
        reached = (await connection.call("GET", "/audit/head", None, 200))["position"]
        bar.update(task, completed=reached)
    connection.close()


async def asked(served: Served, options: argparse.Namespace, bar: Progress) -> Sequence[Asked]:
    """Ask everything."""
    connection = await Connection.to(served.url, KEY)
    incidents: int = (await connection.call("GET", "/v1/incidents?limit=1", None, 200))["count"]
    connection.close()
    goals = analytics(Places(Clock().wall()), incidents)
    questions = {**goals, **lists(incidents)}
    task = bar.add_task("asking", total=len(questions))
    answers = []
    for name, question in questions.items():
        before = shares(served.pid)
        took = await ask(served.url, question, options.questions, options.clients)
        cpu = sum(
            after - before[part] for part, after in shares(served.pid).items() if part in ("annals", "PostgreSQL")
        )
        answers.append(Asked(name, took, name in goals, 1e3 * cpu / len(took)))
        bar.advance(task)
    return answers


@contextmanager
def kept(data_dir: Path | None) -> Iterator[Path]:
    """Yield the directory that was named, or one that is gone afterwards."""
    if data_dir is not None:
        yield data_dir
        return
    with scratch_directory("bench") as directory:
        yield directory / "d"


def report(answers: Sequence[Asked], cell: Cell | None, head: int, options: argparse.Namespace) -> bool:
    """Print what was found; tell whether the goal was reached."""
    console = Console()
    if cell is not None:
        console.print(
            f"{head:,} facts, followed by {cell.name} in {cell.wall:,.0f} s: [bold]{head / cell.wall:,.0f} facts/s[/]"
        )
    table = Table(title=f"{options.questions} answers to each question, on {options.clients} connections")
    for heading in ("question", "p50 ms", "p99 ms", "max ms", "CPU ms"):
        table.add_column(heading, justify="left" if heading == "question" else "right")
    for answer in answers:
        table.add_row(answer.name, *(f"{answer.at(share):.1f}" for share in (0.5, 0.99, 1)), f"{answer.cpu:.2f}")
    console.print(table)
    slow = [answer.name for answer in answers if answer.is_goal and answer.at(0.99) >= GOAL]
    verdict = f"[red]not below {GOAL:.0f} ms: {', '.join(slow)}" if slow else f"[green]all below {GOAL:.0f} ms at p99"
    console.print(f"analytics: {verdict}")
    return not slow


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--instances", type=int, default=50_000, help="process instances, in whole thousands")
    parser.add_argument("--questions", type=int, default=500, help="how often each question is asked")
    parser.add_argument("--clients", type=int, default=1, help="connections that ask at once")
    parser.add_argument("--data-dir", type=Path, help="where the database is kept; else it is gone afterwards")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with kept(options.data_dir) as directory, Progress(*columns) as bar:
        uvloop.run(filled(directory, options.instances, bar))
        cell, head = uvloop.run(followed(directory, bar))
        with serving(directory) as served:
            uvloop.run(chained(served, head, bar))
            answers = uvloop.run(asked(served, options, bar))
    sys.exit(0 if report(answers, cell, head, options) else 1)


if __name__ == "__main__":
    main()
