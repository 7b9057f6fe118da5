"""What the APIs that people work with ask about incidents: one by its ULID, pages by cursor or offset, and counts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from domain.incidents.events import SourceKind
from domain.incidents.status import UNRESOLVED, Status
from projections.database import Database, named_queries
from projections.incident_list.rows import subject_of

SQL = named_queries(Path(__file__).with_name("queries.sql"))

Sort = Literal["created_at", "updated_at", "started_at", "severity", "status"]

#: The place of a status in uptime's life cycle: open, acknowledged, resolved, closed (contracts/incidents.md 0.2).
LIFE_CYCLE = (
    "case status when 'open' then 0 when 'resolved' then 2 when 'closed' then 3 when 'canceled' then 3 else 1 end"
)

KEYS: Mapping[Sort, str] = {
    "created_at": "created_at",
    "updated_at": "updated_at",
    "started_at": "started_at",
    "severity": "severity",
    "status": LIFE_CYCLE,
}

#: The keys that all incidents of one status and severity have in common.
OF_GROUPS: frozenset[Sort] = frozenset({"severity", "status"})

#: A place in the order of creation. Asked for like this, the planner does not know where it is: it would expect next to
#: nothing behind the last one of which its statistics know, and read all of that.
A_PLACE = "(select {}::timestamptz, {}::text)"

#: So many incidents are looked at one by one without looking for a better way.
FEW = 2_000

#: As many as may have changed between counting them and looking at them.
RECENT = 2 * FEW


class ListedIncident(msgspec.Struct, frozen=True):
    """An incident as it stands; none where there is no value.

    ``acknowledged_at`` is when it was first moved to a status between open and resolved in the current cycle of work,
    which begins when it is opened and anew when it is reopened; the other stamps are of that cycle, too.
    ``resolved_by`` is who resolved it in it. ``updated_at`` is the time of the last fact about it, of whatever kind.
    ``process_instance`` and ``engine_incident`` are ``partition/id``; ``previous`` and ``merged_into`` are ULIDs.
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
    engine_incident: str | None
    previous: str | None
    merged_into: str | None


class Filter(msgspec.Struct, frozen=True):
    """Which incidents: every condition that is given has to hold; an empty one is none."""

    statuses: tuple[Status, ...] = ()
    ranks: tuple[int, ...] = ()
    check_id: str | None = None
    rule_id: str | None = None
    updated_after: datetime | None = None

    @property
    def has_groups(self) -> bool:
        """Tell whether it asks for some of those groups only that are counted."""
        return bool(self.statuses or self.ranks or self.check_id is not None or self.rule_id is not None)

    @property
    def is_of_all(self) -> bool:
        """Tell whether it asks for whole groups: all incidents of some statuses and severities."""
        return self.check_id is None and self.rule_id is None and self.updated_after is None


class _Page(NamedTuple):
    """Which part of the answer, and in which order: by a column and then by ULID, both in the same direction."""

    key: Sort
    descending: bool
    limit: int
    offset: int = 0


class _Criterion(NamedTuple):
    """A condition on a row, with ``{}`` where each of its arguments goes."""

    text: str
    arguments: tuple[Any, ...]


async def find_incident(db: Database, tenant: str, ulid: str) -> ListedIncident | None:
    """Return an incident of the tenant, none when it has no such incident."""
    row = await db.fetchrow(SQL["incident"], tenant, ulid)
    return None if row is None else _incident(row)


async def incidents_by_cursor(
    db: Database, tenant: str, wanted: Filter, *, descending: bool, limit: int, after: tuple[datetime, str] | None
) -> list[ListedIncident]:
    """Return incidents in order of creation and then of ULID, from the first one ``after`` a place in that order.

    The time that takes does not grow with what is before that place, nor with how many incidents there are.
    """
    than = "<" if descending else ">"
    beyond = [] if after is None else [_Criterion(f"(created_at, incident) {than} {A_PLACE}", after)]
    return await _incidents(db, tenant, wanted, _Page("created_at", descending, limit), beyond)


async def incidents_by_offset(  # noqa: PLR0913  (each says by its name what it is)
    db: Database, tenant: str, wanted: Filter, *, sort: Sort, descending: bool, limit: int, offset: int
) -> list[ListedIncident]:
    """Return incidents by one of the sort keys and then by ULID; ``status`` by its place in uptime's life cycle.

    They are read in order, up to the end of the page. By ``severity`` and ``status``, all those of a check or a rule,
    or that changed after a time, are looked at where these are many.
    """
    return await _incidents(db, tenant, wanted, _Page(sort, descending, limit, offset))


async def count_incidents(db: Database, tenant: str, wanted: Filter) -> int:
    """Return how many incidents there are: from counts that are kept, unless it depends on times."""
    wanted, recent = await _narrowed(db, tenant, wanted)
    if recent:
        statement, arguments = _with(SQL["count_changed"], (tenant, wanted.updated_after, RECENT), _criteria(wanted))
    elif wanted.updated_after is not None or None not in (wanted.check_id, wanted.rule_id):
        statement, arguments = _with(SQL["count"], (tenant,), _criteria(wanted))
    else:
        statement, arguments = SQL["counts"], (tenant, *_groups(wanted))
    count: int = await db.fetchval(statement, *arguments)
    return count


async def unresolved_by_severity(db: Database) -> Mapping[int, int]:
    """Return how many incidents of each severity rank nobody has resolved yet.

    They are those of all tenants together, for who runs the deployment: no tenant may see it.
    """
    rows = await db.fetch(SQL["by_severity"], sorted(UNRESOLVED))
    return {row["severity"]: row["incidents"] for row in rows}


async def _incidents(
    db: Database, tenant: str, wanted: Filter, page: _Page, beyond: Sequence[_Criterion] = ()
) -> list[ListedIncident]:
    wanted, recent = await _narrowed(db, tenant, wanted)
    statement, source = await _source(db, tenant, wanted, page, recent=recent)
    criteria = _criteria(wanted)
    if statement is SQL["sorted"]:
        criteria = [_Criterion(f"({text}) is true", given) for text, given in criteria]
    statement, arguments = _with(statement, (tenant, page.limit, page.offset, *source), [*criteria, *beyond])
    in_group = "incident desc" if page.key in OF_GROUPS else "created_at desc, incident desc"
    statement = statement.replace("/* key */", KEYS[page.key]).replace("/* in group */", in_group)
    if not page.descending:
        statement = statement.replace(" desc", "")
    return [_incident(row) for row in await db.fetch(statement, *arguments)]


async def _source(
    db: Database, tenant: str, wanted: Filter, page: _Page, *, recent: bool
) -> tuple[str, tuple[Any, ...]]:
    """Choose the question that leads to few rows, whatever the planner knows of the table; with its own arguments.

    Where rows are read in their order, as many of them meet the criteria, these are to serve no index.
    """
    if recent:
        return SQL["changed"], (wanted.updated_after, RECENT)
    groups, whole = _groups(wanted), page.limit + page.offset
    if page.key in OF_GROUPS and wanted.is_of_all:
        return SQL["grouped"], (*groups, whole)
    if not wanted.has_groups:
        return SQL["sorted"], ()
    if page.key == "created_at":
        return SQL["grouped"], (*groups, whole)
    if await db.fetchval(SQL["counts"], tenant, *groups) <= FEW:
        return SQL["grouped"], (*groups, None)
    return SQL["sorted"], ()


async def _narrowed(db: Database, tenant: str, wanted: Filter) -> tuple[Filter, bool]:
    """Tell whether only few incidents changed after the time that is asked for.

    If all did, leave that out of the filter: who begins to follow the changes asks for all there ever were.
    """
    if wanted.updated_after is None:
        return wanted, False
    row = await db.fetchrow(SQL["changes"], tenant, wanted.updated_after, FEW + 1)
    if not row["unchanged"]:
        return msgspec.structs.replace(wanted, updated_after=None), False
    return wanted, row["changed"] <= FEW


def _groups(wanted: Filter) -> tuple[str, Sequence[Status], Sequence[int]]:
    """Return by which subject, statuses and ranks incidents are counted; of a check and a rule, the check."""
    return subject_of(wanted.check_id, wanted.rule_id), wanted.statuses, wanted.ranks


def _criteria(wanted: Filter) -> list[_Criterion]:
    conditions = {
        "status = any({}::text[])": wanted.statuses or None,
        "severity = any({}::smallint[])": wanted.ranks or None,
        "check_id = {}": wanted.check_id,
        "rule_id = {}": wanted.rule_id,
        "updated_at > {}": wanted.updated_after,
    }
    return [_Criterion(text, (argument,)) for text, argument in conditions.items() if argument is not None]


def _with(statement: str, arguments: tuple[Any, ...], criteria: Sequence[_Criterion]) -> tuple[str, tuple[Any, ...]]:
    """Put criteria in the place that a statement has for them, each set of them making a statement of its own."""
    texts = []
    for text, given in criteria:
        texts.append("and " + text.format(*(f"${len(arguments) + place}" for place in range(1, len(given) + 1))))
        arguments += given
    return statement.replace("/* criteria */", " ".join(texts)), arguments


def _incident(row: Any) -> ListedIncident:
    """Read a row, whose columns are in the order of the struct, in the types of its members."""
    raw = ListedIncident(*row)
    return msgspec.structs.replace(
        raw,
        status=Status(raw.status),
        affected_regions=tuple(raw.affected_regions),
        affected_monitors=tuple(raw.affected_monitors),
        scope=msgspec.json.decode(row["scope"]) if row["scope"] else {},
    )
