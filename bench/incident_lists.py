"""How long questions about incidents take with many of them, and what following their facts costs.

    python -m bench.incident_lists [--incidents 10000] [--questions 200]

Ten facts of each incident (opened, acknowledged, noted, moved, assigned, recurred; two of three resolved, every other
of those closed) go through the projectors 2,000 at a time, as followers hand them over; then each question is asked so
many times, one after the other, at random places. The tables are in a database of their own on the server of
ANNALS_DATABASE_URL, else on an embedded server that lives as long as the run. "us/fact" is the time for each fact that
a read model looks at, and the part of it that was CPU time of this process.
"""

import argparse
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeAlias

import asyncpg
import structlog
import uvloop
from rich.console import Console
from rich.table import Table

from bench.append import scratch_database
from domain.event import Actor, Event, Recorded
from domain.incidents.events import (
    AlertCause,
    IncidentAcknowledged,
    IncidentAssigned,
    IncidentClosed,
    IncidentNoteAdded,
    IncidentOpened,
    IncidentRecurred,
    IncidentResolved,
    IncidentStatusChanged,
    MonitorCause,
)
from domain.incidents.status import Status
from projections.incident_analytics.projector import READ_MODEL as ANALYTICS
from projections.incident_analytics.queries import incident_figures
from projections.incident_list.projector import READ_MODEL as LIST
from projections.incident_list.queries import Filter, count_incidents, incidents_by_cursor, incidents_by_offset
from projections.incident_timeline.projector import READ_MODEL as TIMELINE
from projections.incident_timeline.queries import timeline, work_on

MODELS = (LIST, TIMELINE, ANALYTICS)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
APART = timedelta(seconds=7)
AT_ONCE = 2_000
TENANT = "default"
#: What follows the opening of an incident follows that of so many others.
LAG = 50

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


def ulid(number: int) -> str:
    return f"01J{number:023d}"


def story(number: int) -> Sequence[Event]:
    """Return what happens to an incident."""
    text = f"no answer within 10 s, for the {number}th time"
    if number % 5:
        opened = IncidentOpened(
            "external_alert", number % 4, "Disk full", text, alert=AlertCause("custom", f"d{number}")
        )
    else:
        check = MonitorCause(f"chk_{number % 50}", "Shop", "https://shop.example.org/")
        opened = IncidentOpened("monitor", 4, "Shop - timeout", text, monitor=check, affected_regions=("eu-west",))
    return (
        opened,
        IncidentRecurred("again", regions=("us-east",)),
        IncidentAcknowledged(Status.OPEN, "on it", "mara@example.org"),
        IncidentAssigned("", "mara"),
        IncidentNoteAdded("restarted the queue", "mara@example.org"),
        IncidentStatusChanged(Status.ACKNOWLEDGED, Status.INVESTIGATING),
        IncidentNoteAdded("logs look odd", "mara@example.org"),
        IncidentRecurred("again"),
        IncidentResolved("manual", Status.INVESTIGATING, "done") if number % 3 else IncidentRecurred("again"),
        IncidentClosed(Status.RESOLVED) if number % 3 and number % 2 else IncidentNoteAdded("to be seen"),
    )


def history(incidents: int) -> Iterator[Recorded]:
    """Yield the facts of so many incidents, which go on beside each other."""
    position, mara = 0, Actor("user", "mara")
    for turn in range(incidents + 9 * LAG):
        for version in range(1, 11):
            number = turn - (version - 1) * LAG
            if 0 <= number < incidents:
                position += 1
                event, at = story(number)[version - 1], BEGIN + turn * APART
                yield Recorded(position, f"incident-{ulid(number)}", version, event, TENANT, mara, at, at, "c")


async def follow(connection: Connection, facts: Sequence[Recorded], table: Table) -> None:
    """Fill the tables of each read model, as a follower does."""
    for model in MODELS:
        told = [fact for fact in facts if isinstance(fact.event, model.facts)]
        wall, own = time.perf_counter(), time.process_time()
        for begin in range(0, len(told), AT_ONCE):
            async with connection.transaction():
                await model.project(told[begin : begin + AT_ONCE], connection)
        wall, own = time.perf_counter() - wall, time.process_time() - own
        table.add_row(model.name, f"{len(told):,}", f"{1e6 * wall / len(told):.1f}", f"{1e6 * own / len(told):.1f}")
    await connection.execute("analyze")


async def ask(question: Callable[[], Awaitable[object]], times: int) -> tuple[float, float]:
    """Ask so many times; return the median and the 99th percentile in milliseconds."""
    took = []
    for _ in range(times):
        begin = time.perf_counter()
        await question()
        took.append(1e3 * (time.perf_counter() - begin))
    took.sort()
    return took[times // 2], took[times * 99 // 100]


def questions(db: Connection, incidents: int) -> Iterator[tuple[str, Callable[[], Awaitable[object]]]]:
    """Yield what is asked; each time at another place."""
    chance = random.Random(1)
    end = BEGIN + (incidents + 9 * LAG) * APART

    def place() -> tuple[datetime, str]:
        number = chance.randrange(incidents)
        return BEGIN + number * APART, ulid(number)

    filters = {
        "all": Filter(),
        "investigating": Filter(statuses=(Status.INVESTIGATING,)),
        "open (few)": Filter(statuses=(Status.OPEN,)),
        "closed, critical": Filter(statuses=(Status.CLOSED, Status.CANCELED), ranks=(4,)),
        "of one check": Filter(check_id="chk_5"),
    }
    for name, wanted in filters.items():

        async def page(wanted: Filter = wanted) -> None:
            await incidents_by_cursor(db, TENANT, wanted, descending=chance.random() < 0.5, limit=100, after=place())

        yield f"100 by cursor, at any depth: {name}", page
        yield f"count: {name}", partial(count_incidents, db, TENANT, wanted)
    for hours in (1, incidents * 7 / 7200):

        async def changed(after: datetime = end - timedelta(hours=hours)) -> None:
            await incidents_by_offset(
                db, TENANT, Filter(updated_after=after), sort="created_at", descending=True, limit=100, offset=0
            )

        yield f"first 100 of those changed in the last {hours:,.0f} hours", changed
    yield "20 of a timeline", lambda: timeline(db, TENANT, place()[1], limit=20, offset=0)
    yield "notes and moves of 50", lambda: work_on(db, TENANT, [place()[1] for _ in range(50)], 20)
    for days in (7, 90):
        yield f"figures of {days} days", partial(incident_figures, db, TENANT, end - timedelta(days), end)


@asynccontextmanager
async def tables() -> AsyncIterator[Connection]:
    """Yield a connection that finds the empty tables of the read models."""
    async with scratch_database() as dsn:
        connection: Connection = await asyncpg.connect(dsn)
        try:
            for model in MODELS:
                await connection.execute(model.schema)
            yield connection
        finally:
            await connection.close()


async def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--incidents", type=int, default=10_000, help="incidents in the tables, ten facts each")
    parser.add_argument("--questions", type=int, default=200, help="how often each question is asked")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    following = Table("read model", "facts", "us/fact", "of it CPU here", title="Following")
    asking = Table("question", "p50 ms", "p99 ms", title=f"Asking, with {options.incidents:,} incidents")
    async with tables() as connection:
        await follow(connection, list(history(options.incidents)), following)
        for name, question in questions(connection, options.incidents):
            median, worst = await ask(question, options.questions)
            asking.add_row(name, f"{median:.2f}", f"{worst:.2f}")
    Console().print(following, asking)


if __name__ == "__main__":
    uvloop.run(main())
