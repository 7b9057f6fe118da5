"""What a rebuild costs the commands that go on beside it: ``python -m bench.rebuilding --data-dir DIR``.

The data directory is one that ``bench.analytics`` has filled and followed. A server runs on it; connections start
instances of a service task, lock and complete their jobs, as fast as it answers or, with ``--pace``, so many a second.
That is measured for some seconds alone and while ``annals projections rebuild`` builds a read model anew, in turn. A
rebuild that is through sooner is begun again. The run ends with status 1 when a rebuild passes fewer than ``FASTER``
facts a second, or commands slow down by more than ``SLOWER``.
"""

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.connection import Connection
from bench.engine import SERVICE
from bench.serving import KEY, Served, serving

FASTER, SLOWER = 20_000, 0.2
MODELS = ("insight_heatmap", "incident_list", "process_instances", "element_instances")
WORKER = "bench"


class Window(NamedTuple):
    """Instances a second, how many milliseconds their starts took at the 99th percentile, and how long it was."""

    rate: float
    start: float
    seconds: float


class Rebuilt(NamedTuple):
    """Windows alone and beside a rebuild, and how many facts a second the rebuilds passed."""

    name: str
    alone: Sequence[Window]
    beside: Sequence[Window]
    facts: float

    def of(self, figure: str) -> tuple[float, float]:
        """Return the medians of a figure, alone and beside."""
        alone, beside = ([getattr(window, figure) for window in windows] for windows in (self.alone, self.beside))
        return statistics.median(alone), statistics.median(beside)


class Commands:
    """Keeps a server busy until it is stopped."""

    def __init__(self, served: Served, options: argparse.Namespace) -> None:
        self._served = served
        self._options = options
        self._process_id = 0
        self._version = f"bench-{time.time_ns()}"
        self.done = 0
        self.starts: list[float] = []
        self._began = 0.0

    async def run(self) -> None:
        connection = await Connection.to(self._served.url, KEY)
        body = {"bpmnProcessId": "service", "bpmnXml": SERVICE, "version": self._version, "workerId": WORKER}
        self._process_id = (await connection.call("POST", "/processes", body, 201))["id"]
        connection.close()
        await asyncio.gather(*(self._client(number) for number in range(self._options.clients)))

    def begin(self) -> None:
        self.done, self.starts, self._began = 0, [], time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._began

    def window(self) -> Window:
        """Return what was done since the beginning."""
        took = sorted(self.starts)
        return Window(self.done / self.seconds, took[len(took) * 99 // 100], self.seconds)

    async def _client(self, number: int) -> None:
        connection = await Connection.to(self._served.url, KEY)
        pause = self._options.clients / self._options.pace if self._options.pace else 0.0
        due = time.perf_counter() + pause * number / self._options.clients
        while True:
            if pause:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                due += pause
            await self._instance(connection)

    async def _instance(self, connection: Connection) -> None:
        """Start one instance, and complete one."""
        began = time.perf_counter()
        start = {"bpmnProcessId": "service", "version": self._version, "workerId": WORKER}
        await connection.call("POST", "/process-instances", start, 201)
        self.starts.append(1e3 * (time.perf_counter() - began))
        lock = {"processIds": [self._process_id], "limit": 1, "workerId": WORKER}
        for job in (await connection.call("POST", "/jobs/lock", lock, 200))["jobs"]:
            path = f"/jobs/{job['partition']}/{job['id']}/complete"
            await connection.call("PATCH", path, {"workerId": WORKER}, 200)
            self.done += 1


async def rebuild(name: str, data_dir: Path) -> None:
    """Have a process of its own build a read model anew."""
    program = str(Path(sys.executable).with_name("annals"))
    environment = {**os.environ, "ANNALS_DATA_DIR": str(data_dir)}  # noqa: TID251  (inherited, not a setting)
    process = await asyncio.create_subprocess_exec(
        *(program, "projections", "rebuild", name),
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert not process.returncode, said.decode()


async def measured(
    name: str, commands: Commands, url: str, options: argparse.Namespace, advance: Callable[[], None]
) -> Rebuilt:
    """Measure alone and beside rebuilds, in turn."""
    alone, beside, facts, seconds = [], [], 0, 0.0
    for _ in range(options.rounds):
        commands.begin()
        await asyncio.sleep(options.seconds)
        alone.append(commands.window())
        commands.begin()
        while commands.seconds < options.seconds:
            await rebuild(name, options.data_dir)
            facts += await head(url)
        beside.append(commands.window())
        seconds += beside[-1].seconds
        advance()
    return Rebuilt(name, alone, beside, facts / seconds)


async def head(url: str) -> int:
    """Return the last position of the log. A connection that is not used for some seconds would be closed."""
    connection = await Connection.to(url, KEY)
    ready: Any = await connection.call("GET", "/readyz", None, 200)
    connection.close()
    return max(int(model["head"]) for model in ready["readModels"])


async def all_measured(served: Served, options: argparse.Namespace, bar: Progress) -> Sequence[Rebuilt]:
    commands = Commands(served, options)
    running = asyncio.create_task(commands.run())
    await asyncio.sleep(options.seconds / 2)  # it warms up
    try:
        found = []
        for name in options.models:
            advance = partial(bar.advance, bar.add_task(name, total=options.rounds))
            found.append(await measured(name, commands, served.url, options, advance))
            if running.done():
                running.result()
        return found
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def report(found: Sequence[Rebuilt], options: argparse.Namespace) -> bool:
    """Print what was measured; tell whether it is as it should be."""
    load = f"{options.pace} instances a second asked for" if options.pace else "as fast as the server answers"
    table = Table(
        *("read model", "facts/s", "instances/s alone", "beside", "slower", "start p99 alone", "beside"),
        title=f"{options.clients} connections, {load}; {options.rounds} rounds, medians",
    )
    holds = True
    for rebuilt in found:
        alone, beside = rebuilt.of("rate")
        slower = 1 - beside / alone
        holds &= rebuilt.facts >= FASTER and slower <= SLOWER
        starts = (f"{start:.1f} ms" for start in rebuilt.of("start"))
        table.add_row(
            rebuilt.name, f"{rebuilt.facts:,.0f}", f"{alone:,.0f}", f"{beside:,.0f}", f"{slower:.0%}", *starts
        )
    console = Console()
    console.print(table)
    goal = f"{FASTER:,} facts a second or more, commands slower by {SLOWER:.0%} or less"
    console.print(f"[green]{goal}" if holds else f"[red]not {goal}")
    return holds


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--data-dir", type=Path, required=True, help="a directory with a log that has grown")
    parser.add_argument("--models", nargs="*", default=MODELS, help="names of read models")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long is measured at least")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--pace", type=float, default=0.0, help="instances a second; without it as many as possible")
    options = parser.parse_args()
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with serving(options.data_dir) as served, Progress(*columns) as bar:
        found = uvloop.run(all_measured(served, options, bar))
    sys.exit(0 if report(found, options) else 1)


if __name__ == "__main__":
    main()
