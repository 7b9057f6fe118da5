"""What analysts ask about single incidents."""

from pathlib import Path
from typing import NamedTuple

from projections.database import Database, named_queries
from projections.time_spans import SECOND, SPANS, Cover, Range, cover
from projections.views import View

SQL = named_queries(Path(__file__).with_name("queries.sql"))


class Ranks(NamedTuple):
    """The ranks greater than ``after`` and up to ``upto``; the newest incident has rank 1."""

    after: int
    upto: int


class IncidentRow(View, frozen=True, kw_only=True):
    """An incident. Times are milliseconds since 1970; ``end_time`` is null while it is unresolved.

    The activity that failed is the one at which the token stands: one job runs one activity.
    """

    activity_id: str
    activity: str
    failed_activity_id: str
    failed_activity: str
    create_time: int
    end_time: int | None
    proc_inst_id: str


async def incidents_table(
    db: Database, tenant: str, process_key: str, version: str, asked: Range, ranks: Ranks
) -> list[IncidentRow] | None:
    """Return the incidents of these ranks in the range, newest first; none when no such version is deployed."""
    process_id = await db.fetchval(SQL["process"], tenant, process_key, version)
    if process_id is None:
        return None
    place = await _place_of(db, process_id, asked, ranks.after)
    if place is None:
        return []
    rows = await db.fetch(SQL["ranked"], process_id, asked.begin, place.end, place.skip, ranks.upto - ranks.after)
    return [
        IncidentRow(
            activity_id=row["activity_id"],
            activity=row["activity"],
            failed_activity_id=row["activity_id"],
            failed_activity=row["activity"],
            create_time=row["created_at"],
            end_time=row["ended_at"],
            proc_inst_id=row["process_instance"],
        )
        for row in rows
    ]


class _Place(NamedTuple):
    """Where the incidents of a rank and after it are: before a time, but for the newest of those."""

    end: int
    skip: int


async def _place_of(db: Database, process_id: int, asked: Range, after: int) -> _Place | None:
    """Find the second in which the first incident after some others was created; none when there are no more."""
    if not after:
        return _Place(asked.end, 0)
    look = cover(asked)
    while True:
        for row in await db.fetch(SQL["counts"], process_id, *look, *asked):
            if after < row["incidents"]:
                break
            after -= row["incidents"]
        else:
            return None
        end = row["begins"] + row["span"]
        if row["span"] == SECOND:
            return _Place(min(end, asked.end), after)
        look = Cover((SPANS[SPANS.index(row["span"]) + 1],), (row["begins"],), (end,))
