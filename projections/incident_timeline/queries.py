"""What people ask about what happened to an incident."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from domain.event import ActorKind
from projections.database import Database, named_queries

SQL = named_queries(Path(__file__).with_name("queries.sql"))


class TimelineEntry(msgspec.Struct, frozen=True):
    """A fact about an incident. ``kind`` is its registered name without the version: ``incident.note_added``.

    ``before`` and ``after`` are what it changed: canonical statuses, severity ranks as text, texts, regions as the JSON
    text of a list, an assignee, a start (RFC 3339), the ULID of the other incident in a merge; none where there is
    nothing. ``field`` names what it is, none for a status. ``text`` is a note, or the failure's message of an opening
    or a recurrence, whose ``type`` is given too. ``position`` is the place of the fact in the log.
    """

    incident: str
    version: int
    position: int
    kind: str
    happened_at: datetime
    actor_kind: ActorKind
    actor_id: str
    email: str
    before: str | None
    after: str | None
    text: str
    field: str | None
    type: str | None


async def timeline(db: Database, tenant: str, ulid: str, *, limit: int, offset: int) -> list[TimelineEntry]:
    """Return what happened to an incident, newest first; nothing for one that the tenant does not have.

    Versions have no gaps, so that the page is found without passing by what is newer.
    """
    newest = await count_timeline(db, tenant, ulid)
    rows = await db.fetch(SQL["timeline"], tenant, ulid, limit, newest - offset)
    return [TimelineEntry(*row) for row in rows]


async def count_timeline(db: Database, tenant: str, ulid: str) -> int:
    """Return how many facts there are about an incident."""
    count: int = await db.fetchval(SQL["length"], tenant, ulid)
    return count


async def work_on(db: Database, tenant: str, ulids: Sequence[str], latest: int) -> Mapping[str, list[TimelineEntry]]:
    """Return the latest notes and changes of status of each of some incidents, oldest first; its opening is neither."""
    entries: dict[str, list[TimelineEntry]] = {ulid: [] for ulid in ulids}
    row: Any
    for row in await db.fetch(SQL["work"], tenant, list(ulids), latest):
        entries[row["incident"]].append(TimelineEntry(*row))
    return entries
