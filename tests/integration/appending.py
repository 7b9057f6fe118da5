"""Appending small made-up commands to a real log, for the tests of the log."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any, cast

import asyncpg

from commands.context import Context, Decision
from domain.bpmn.events import ElementPassed, JobCreated, JobType
from domain.event import Actor, Append, Event
from infra.clock import Clock
from infra.event_log.log import EventLog
from infra.postgres import Link, connect, connect_pool

NOW = datetime(2026, 11, 23, 9, 15, 10, 710_000, tzinfo=UTC)
DAY = date(2026, 11, 23)
WORKER = Actor("worker", "worker-1")
NUMBERS = itertools.count(1)


def instance(number: int) -> str:
    return f"instance-{DAY.isoformat()}-{number}"


def passed(number: int = 1, element: str = "task") -> ElementPassed:
    return ElementPassed(id=number, process_id=1, element_id=2, element=element, parent_id=1)


def job(number: int, **changes: Any) -> JobCreated:
    fields: dict[str, Any] = {
        "id": number,
        "type": JobType.EXECUTE,
        "process_id": 1,
        "element_id": 2,
        "element": "task",
        "element_instance_id": 3,
        "due_at": NOW,
    }
    return JobCreated(**(fields | changes))


def context(command_id: str = "", **changes: Any) -> Context:
    fields: dict[str, Any] = {
        "tenant": "default",
        "actor": WORKER,
        "now": NOW,
        "ids": cast("Any", None),
        "cipher": cast("Any", None),
        "command_id": command_id or f"command-{next(NUMBERS)}",
    }
    return Context(**(fields | changes))


def decision(stream: str, expected: int, *events: Event, answer: Any = None) -> Decision:
    return Decision((Append(stream, expected, events or (passed(),)),), answer)


def writers_way(dsn: str) -> Callable[[], Awaitable[Any]]:
    """Return what opens the writer's connection."""
    return lambda: connect(dsn, Link(name="writer", command_timeout=None))


@asynccontextmanager
async def open_log(
    dsn: str, connecting: Callable[[], Awaitable[Any]] | None = None, patience: float = 5.0
) -> AsyncIterator[EventLog]:
    """Open the log of a database; ``connecting`` takes the place of the writer's way to connect."""
    pool = await connect_pool(dsn, Link(name="test"))
    try:
        async with EventLog(pool, connecting or writers_way(dsn), Clock().wall, patience) as log:
            yield log
    finally:
        await pool.close()


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()
