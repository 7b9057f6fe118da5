"""What the evaluation of alert rules asks about the work of processes (docs/alerting.md)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from domain.alerting.measuring import Window
from projections.database import Database, named_queries
from projections.time_spans import between, cover
from projections.work_outcomes.projector import SPANS

SQL = named_queries(Path(__file__).with_name("queries.sql"))

#: The column of each key of a rule's scope.
COLUMNS: Mapping[str, str] = {"processKey": "process_key", "version": "version", "activityId": "activity_id"}

Scope = Mapping[str, str]


async def job_outcomes(db: Database, tenant: str, window: Window, scope: Scope) -> tuple[int, int]:
    """Return how many jobs failed, and how many ended, in a window: each attempt is one."""
    asked = between(*window)
    conditions, values = _narrowed(scope, 7)
    question = SQL["outcomes"].replace("/* scope */", conditions)
    rows = await db.fetch(question, tenant, *cover(asked, SPANS), *asked, *values)
    times = {row["failed"]: row["times"] for row in rows}
    return times.get(True, 0), sum(times.values())


async def durations(db: Database, tenant: str, window: Window, scope: Scope) -> dict[float, int]:
    """Return how long it took the instances that completed in a window, in milliseconds, each with how often.

    With an activity they are its own instances, else those of processes.
    """
    conditions, values = _narrowed(scope, 4)
    if "activityId" not in scope:
        conditions += " and element.activity_id = element.process_key"
    question = SQL["durations"].replace("/* scope */", conditions)
    rows = await db.fetch(question, tenant, *between(*window), *values)
    return {float(row["duration"]): row["times"] for row in rows}


async def backlog(db: Database, tenant: str, now: datetime, scope: Scope) -> tuple[int, datetime | None]:
    """Return how many due jobs nobody has taken, and since when the first of them is due."""
    conditions, values = _narrowed(scope, 3)
    narrowed = SQL["narrowed"].replace("/* scope */", conditions) if conditions else ""
    row = await db.fetchrow(SQL["backlog"].replace("/* narrowed */", narrowed), tenant, now, *values)
    return row["jobs"], row["since"]


def _narrowed(scope: Scope, first: int) -> tuple[str, Sequence[Any]]:
    """Return the conditions of a scope, whose arguments are numbered from ``first``."""
    conditions = [f" and element.{COLUMNS[key]} = ${number}" for number, key in enumerate(scope, start=first)]
    return "".join(conditions), [*scope.values()]
