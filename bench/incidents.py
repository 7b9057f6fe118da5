"""Lists of incidents at any depth: ``python -m bench.incidents --incidents 10000 --facts 10``.

Fills a server with incidents that people work on, through the feed's and uptime's own requests, then reads the whole
list page by page with cursors, several readers at once, while further incidents are being opened. It reports how long
pages take by their depth, and whether a reader skipped or repeated an incident that was there when it began.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote

import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.connection import Connection
from bench.engine import server

SEVERITIES = ("critical", "high", "medium", "low")

#: Where one incident in so many goes; the others stay open.
WAYS = ((3, "investigating"), (4, "resolved"))
FILTERS = ("", "&status=open", "&severity=critical", "&status=resolved&severity=low")
PAGE = 100
OPENED_A_SECOND = 50


class Page(NamedTuple):
    """How deep in its list a page was, from 0 to 1, and how many milliseconds it took."""

    depth: float
    milliseconds: float


class Lists:
    """One run: fills, then reads while others write."""

    def __init__(self, options: argparse.Namespace, progress: Progress) -> None:
        self._options = options
        self._progress = progress
        self.pages: dict[str, list[Page]] = {name: [] for name in FILTERS}
        self.skipped = 0
        self.repeated = 0
        self._known: set[str] = set()

    async def run(self) -> None:
        total = self._options.incidents
        bar = self._progress.add_task("open incidents and work on them", total=total)
        turns = iter(range(total))
        await self._side_by_side(partial(self._fill, turns, bar))
        writing = asyncio.create_task(self._write())
        for name in FILTERS * self._options.rounds:
            await self._side_by_side(partial(self._read, name), clients=2)
        writing.cancel()

    async def _side_by_side(self, act: Callable[[Connection], Awaitable[None]], clients: int = 0) -> None:
        clients = clients or self._options.clients
        connections = [await Connection.to(self._options.url, self._options.key) for _ in range(clients)]
        await asyncio.gather(*map(act, connections))
        for connection in connections:
            connection.close()

    async def _fill(self, turns: Iterator[int], bar: Any, connection: Connection) -> None:
        for number in turns:
            incident = await self._open(connection, number)
            self._known.add(incident)
            facts = 1
            for each, word in WAYS:
                if number % each == 0:
                    await connection.call("PATCH", f"/v1/incidents/{incident}", {"status": word}, 200)
                    facts += 1
            for note in range(facts, self._options.facts):
                body = {"message": f"looked at it for the {note}th time"}
                await connection.call("POST", f"/api/incidents/{incident}/updates", body, 201)
            self._progress.advance(bar)

    async def _open(self, connection: Connection, number: int) -> str:
        body = {
            "title": f"Order {number} is stuck",
            "description": "the card service does not answer",
            "severity": SEVERITIES[number % len(SEVERITIES)],
        }
        incident: str = (await connection.call("POST", "/v1/incidents", body, 201))["incidentId"]
        return incident

    async def _write(self) -> None:
        connection = await Connection.to(self._options.url, self._options.key)
        number = self._options.incidents
        while True:
            await self._open(connection, number)
            number += 1
            await asyncio.sleep(1 / OPENED_A_SECOND)

    async def _read(self, name: str, connection: Connection) -> None:
        """Read a whole list; without filters, whoever was there before has to come up exactly once."""
        seen: list[str] = []
        cursor, total = "", 0
        while True:
            after = f"&cursor={quote(cursor)}" if cursor else ""
            began = time.perf_counter()
            page = await connection.call("GET", f"/v1/incidents?limit={PAGE}{name}{after}", None, 200)
            milliseconds = 1000 * (time.perf_counter() - began)
            total = total or page["count"]
            self.pages[name].append(Page(len(seen) / max(1, total), milliseconds))
            seen += [row["incidentId"] for row in page["incidents"]]
            cursor = page["cursor"]
            if not cursor:
                break
        self.repeated += len(seen) - len(set(seen))
        if not name:
            self.skipped += len(self._known - set(seen))


def report(lists: Lists, options: argparse.Namespace) -> None:
    console = Console()
    console.print(
        f"[bold]{options.incidents} incidents, {options.incidents * options.facts} facts[/], pages of {PAGE},"
        f" {OPENED_A_SECOND} more opened a second: skipped {lists.skipped}, repeated {lists.repeated}"
    )
    table = Table("filter", "depth", "pages", "p50 ms", "p99 ms", "max ms")
    for name, pages in lists.pages.items():
        for third, depth in enumerate(("begin", "middle", "end")):
            found = sorted(page.milliseconds for page in pages if third / 3 <= min(page.depth, 0.999) < (third + 1) / 3)
            if found:
                figures = [found[min(len(found) - 1, int(p * len(found)))] for p in (0.5, 0.99, 1)]
                table.add_row(name.lstrip("&") or "none", depth, str(len(found)), *(f"{f:.1f}" for f in figures))
    console.print(table)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--incidents", type=int, default=10_000)
    parser.add_argument("--facts", type=int, default=10, help="facts of each incident")
    parser.add_argument("--rounds", type=int, default=5, help="times that two readers go through each list")
    parser.add_argument("--clients", type=int, default=16, help="connections that fill")
    parser.add_argument("--url", default="", help="a running server, whose rate limit is high enough")
    parser.add_argument("--key", default="", help="an API key of it, role operator or more")
    options = parser.parse_args(arguments)
    with server(options), Progress(transient=True) as progress:
        lists = Lists(options, progress)
        uvloop.run(lists.run())
    report(lists, options)


if __name__ == "__main__":
    main()
