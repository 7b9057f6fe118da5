"""What the APIs that people work with ask about incidents: one by its ULID, pages by cursor or offset, and counts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from domain.incidents.events import SourceKind
from domain.incidents.status import Status
from projections.conditions import Condition
from projections.database import Database, named_queries
from projections.incident_list.rows import subject_of

SQL = named_queries(Path(__file__).with_name("queries.sql"))

Sort = Literal["created_at", "updated_at", "started_at", "severity", "status"]

#: The place of a status in uptime's life cycle: open, acknowledged, resolved, closed (contracts/incidents.md 0.2).
LIFE_CYCLE = (
    "case status when 'open' then 0 when 'resolved' then 2 when 'closed' then 3 when 'canceled' then 3 else 1 end"
)

SORTED_BY: Mapping[Sort, str] = {
    "created_at": "created_at",
    "updated_at": "updated_at",
    "started_at": "started_at",
    "severity": "severity",
    "status": LIFE_CYCLE,
}

#: As many incidents are looked at one by one when only those are asked for that changed after some time.
FEW = 2_000


class ListedIncident(msgspec.Struct, frozen=True):
    """An incident as it stands; none where there is no value.

    ``acknowledged_at`` is when it was first moved to a status between open and resolved in the current cycle of work,
    which begins when it is opened and anew when it is reopened; the other stamps are of that cycle, too.
    ``resolved_by`` is who resolved it in it. ``updated_at`` is the time of the last fact about it, of whatever kind.
    ``process_instance`` is ``partition/id``; ``previous`` and ``merged_into`` are ULIDs.
    """

    incident: str
    tenant: str
    status: Status
    severity: int
    title: str
    error_message: str
    source: SourceKind
    type: str | None
    opened_by: str
    created_at: datetime
    updated_at: datetime
    started_at: datetime
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    canceled_at: datetime | None
    resolved_by: str | None
    assignee: str | None
    failure_count: int
    affected_regions: tuple[str, ...]
    affected_monitors: tuple[str, ...]
    status_page_update: str
    check_id: str | None
    check_name: str | None
    check_url: str | None
    check_kind: str | None
    rule_id: str | None
    rule_name: str | None
    metric: str | None
    operator: str | None
    threshold: float | None
    actual: float | None
    window_minutes: int | None
    sample_count: int | None
    scope: Mapping[str, str]
    provider: str | None
    external_id: str | None
    service: str | None
    environment: str | None
    process_key: str | None
    version: str | None
    activity_id: str | None
    process_instance: str | None
    previous: str | None
    merged_into: str | None


class Filter(msgspec.Struct, frozen=True):
    """Which incidents: every condition given has to hold; an empty one is none."""

    statuses: tuple[Status, ...] = ()
    ranks: tuple[int, ...] = ()
    check_id: str | None = None
    rule_id: str | None = None
    updated_after: datetime | None = None

    @property
    def is_by_group(self) -> bool:
        return bool(self.statuses or self.ranks or self.check_id is not None or self.rule_id is not None)


async def find_incident(db: Database, tenant: str, ulid: str) -> ListedIncident | None:
    """Return an incident of the tenant."""
    row = await db.fetchrow(SQL["incident"], tenant, ulid)
    return None if row is None else _incident(row)


async def incidents_by_cursor(
    db: Database,
    tenant: str,
    filter: Filter,  # noqa: A002  (what it is)
    *,
    descending: bool,
    limit: int,
    after: tuple[datetime, str] | None,
) -> list[ListedIncident]:
    """Return incidents in order of creation and then of ULID, those after a place in that order."""
    filter = await _needed(db, tenant, filter)  # noqa: A001
    beyond = []
    if after is not None:
        beyond = [Condition("(created_at, incident) < ({}::timestamptz,", after[0]), Condition("{}::text)", after[1])]
    return await _by_creation(db, tenant, filter, descending, (limit, 0), beyond)


async def incidents_by_offset(  # noqa: PLR0913  (each says what it is by its name)
    db: Database,
    tenant: str,
    filter: Filter,  # noqa: A002  (what it is)
    *,
    sort: Sort,
    descending: bool,
    limit: int,
    offset: int,
) -> list[ListedIncident]:
    """Return incidents by one of the sort keys, ties by ULID; ``status`` by its place in uptime's life cycle."""
    filter = await _needed(db, tenant, filter)  # noqa: A001
    window = (limit, offset)
    if filter.updated_after is not None and await _few_changed(db, tenant, filter.updated_after):
        statement = SQL["recent"].replace("/* key */", SORTED_BY[sort])
        rest = msgspec.structs.replace(filter, updated_after=None)
        arguments = (tenant, *window, filter.updated_after, 2 * FEW)
        return await _asked(db, statement, arguments, _alone(rest), descending=descending)
    if sort == "created_at":
        return await _by_creation(db, tenant, filter, descending, window, [])
    statement = SQL["sorted"].replace("/* key */", SORTED_BY[sort])
    return await _asked(db, statement, (tenant, *window), _alone(filter), descending=descending)


async def count_incidents(db: Database, tenant: str, filter: Filter) -> int:  # noqa: A002  (what it is)
    """Return how many incidents there are."""
    filter = await _needed(db, tenant, filter)  # noqa: A001
    count: int
    if filter.updated_after is not None and await _few_changed(db, tenant, filter.updated_after):
        rest = msgspec.structs.replace(filter, updated_after=None)
        statement, arguments = _criteria(SQL["counted_recent"], (tenant, filter.updated_after, 2 * FEW), _alone(rest))
        count = await db.fetchval(statement, *arguments)
    elif filter.updated_after is not None or None not in (filter.check_id, filter.rule_id):
        statement, arguments = _criteria(SQL["counted"], (tenant,), _alone(filter))
        count = await db.fetchval(statement, *arguments)
    else:
        subject = subject_of(filter.check_id, filter.rule_id)
        count = await db.fetchval(SQL["tallied"], tenant, subject, filter.statuses, filter.ranks)
    return count


async def _needed(db: Database, tenant: str, filter: Filter) -> Filter:  # noqa: A002
    """Leave a time out after which every incident changed: clients begin to poll at the beginning of time."""
    if filter.updated_after is None or await db.fetchval(SQL["unchanged"], tenant, filter.updated_after):
        return filter
    return msgspec.structs.replace(filter, updated_after=None)


async def _few_changed(db: Database, tenant: str, after: datetime) -> bool:
    changed: int = await db.fetchval(SQL["changed"], tenant, after, FEW + 1)
    return changed <= FEW


async def _by_creation(
    db: Database,
    tenant: str,
    filter: Filter,  # noqa: A002
    descending: bool,  # noqa: FBT001
    window: tuple[int, int],
    beyond: Sequence[Condition],
) -> list[ListedIncident]:
    if not filter.is_by_group:
        conditions = [*_alone(filter), *beyond]
        return await _asked(db, SQL["all"], (tenant, *window), conditions, descending=descending)
    groups = (subject_of(filter.check_id, filter.rule_id), filter.statuses, filter.ranks)
    conditions = [*_alone(msgspec.structs.replace(filter, statuses=(), ranks=())), *beyond]
    return await _asked(db, SQL["grouped"], (tenant, *window, *groups), conditions, descending=descending)


def _alone(filter: Filter) -> list[Condition]:  # noqa: A002
    """Return the conditions on a row."""
    conditions = []
    if filter.statuses:
        conditions.append(Condition("status = any({}::text[])", filter.statuses))
    if filter.ranks:
        conditions.append(Condition("severity = any({}::smallint[])", filter.ranks))
    if filter.check_id is not None:
        conditions.append(Condition("check_id = {}", filter.check_id))
    if filter.rule_id is not None:
        conditions.append(Condition("rule_id = {}", filter.rule_id))
    if filter.updated_after is not None:
        conditions.append(Condition("updated_at > {}", filter.updated_after))
    return conditions


def _criteria(statement: str, arguments: Sequence[Any], conditions: Sequence[Condition]) -> tuple[str, Sequence[Any]]:
    numbered = enumerate(conditions, start=len(arguments) + 1)
    texts = [
        ("and " if not condition.text.startswith("{}::text)") else "") + condition.text.format(f"${number}")
        for number, condition in numbered
    ]
    return statement.replace("/* criteria */", " ".join(texts)), (*arguments, *(c.argument for c in conditions))


async def _asked(
    db: Database, statement: str, arguments: Sequence[Any], conditions: Sequence[Condition], *, descending: bool
) -> list[ListedIncident]:
    statement, arguments = _criteria(statement, arguments, conditions)
    if not descending:
        statement = statement.replace(" desc", "").replace("incident) <", "incident) >")
    return [_incident(row) for row in await db.fetch(statement, *arguments)]


def _incident(row: Mapping[str, Any]) -> ListedIncident:
    columns = dict(row)
    columns["status"] = Status(columns["status"])
    columns["affected_regions"] = tuple(columns["affected_regions"])
    columns["affected_monitors"] = tuple(columns["affected_monitors"])
    columns["scope"] = msgspec.json.decode(columns["scope"]) if columns["scope"] else {}
    return ListedIncident(**columns)
