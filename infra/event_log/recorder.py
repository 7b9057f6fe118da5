"""The eventsourcing library's recorders, asynchronous, on our log: its method names, its types, its errors.

What they insert goes through the same append as our commands, so positions stay without a gap and in commit order. The
library's events may be any bytes under any topic, in streams that begin at 0 or 1. Our own readers stop at a topic that
nobody registered, so a database holds either our facts or a library application's events.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from eventsourcing.persistence import (
    DatabaseError,
    DataError,
    IntegrityError,
    Notification,
    OperationalError,
    StoredEvent,
    Tracking,
)

from infra.event_log.log import Reads
from infra.outages import passes

INSERT = """
select a.base, a.conflicts, case when a.conflicts is null and $9::text is not null then log.track($9, $10) end
  from log.append($1, $2, $3, $4, $5, $6, $7, $8, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}') as a
"""

SELECT = """
select originator_id, originator_version, topic, state
  from log.events
 where originator_id = $1 and originator_version > coalesce($2, -1)
   and originator_version <= coalesce($3, 9223372036854775807)
 order by originator_version {direction} limit $4
"""
ASCENDING, DESCENDING = SELECT.format(direction="asc"), SELECT.format(direction="desc")

NOTIFICATIONS = """
select originator_id, originator_version, topic, state, notification_id
  from log.events
 where notification_id >= $1 and notification_id <= coalesce($2, 9223372036854775807)
   and ($3::text[] = '{}' or topic = any ($3))
 order by notification_id limit $4
"""

MAX_NOTIFICATION = "select nullif(position, 0) from log.head"
MAX_TRACKING = "select notification_id from log.tracking where application_name = $1"


class AsyncAggregateRecorder:
    """Events of aggregates. ``now`` is the wall clock, ``new_id`` makes command ids."""

    def __init__(
        self, database: Reads, now: Callable[[], datetime], new_id: Callable[[], str], tenant: str = "default"
    ) -> None:
        self._database = database
        self._now = now
        self._new_id = new_id
        self._tenant = tenant

    async def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Write all events or, raising ``IntegrityError``, none."""
        await self._insert(stored_events, kwargs.get("tracking"))
        return None

    async def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return the events of one aggregate."""
        async with _library_errors():
            rows = await self._database.fetch(DESCENDING if desc else ASCENDING, str(originator_id), gt, lte, limit)
        return [StoredEvent(*row) for row in rows]

    async def _insert(self, events: Sequence[StoredEvent], tracking: Tracking | None) -> list[int]:
        now = self._now()
        command = (self._new_id(), 0, "", None, None, self._tenant, "system", "eventsourcing", now, None, len(events))
        async with _library_errors():
            base, conflicts, _ = await self._database.fetchrow(
                INSERT,
                now,
                [command] if events else [],
                _heads(events),
                [1] * len(events),
                [str(event.originator_id) for event in events],
                [event.originator_version for event in events],
                [event.topic for event in events],
                [event.state for event in events],
                tracking and tracking.application_name,
                tracking and tracking.notification_id,
            )
        if conflicts is not None:
            raise IntegrityError("an aggregate is not at the version before the first of these events")
        return list(range(base + 1, base + len(events) + 1))


class AsyncApplicationRecorder(AsyncAggregateRecorder):
    """Events of an application: of its aggregates, and all of them in one order."""

    async def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Write all events or, raising ``IntegrityError``, none; return their positions."""
        return await self._insert(stored_events, kwargs.get("tracking"))

    async def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return events in the order of their positions, from ``start`` to ``stop``, both included."""
        first = (start or 0) + (start is not None and not inclusive_of_start)
        async with _library_errors():
            rows = await self._database.fetch(NOTIFICATIONS, first, stop, list(topics), limit)
        return [Notification(*row) for row in rows]

    async def max_notification_id(self) -> int | None:
        """Return the position of the last event, or None where there is none."""
        async with _library_errors():
            position: int | None = await self._database.fetchval(MAX_NOTIFICATION)
        return position


class AsyncTrackingRecorder:
    """How far applications have come in the events of others."""

    def __init__(self, database: Reads) -> None:
        self._database = database

    async def insert_tracking(self, tracking: Tracking) -> None:
        """Move an application on; raise ``IntegrityError`` when it has come that far already."""
        async with _library_errors():
            await self._database.fetchval(
                "select log.track($1, $2)", tracking.application_name, tracking.notification_id
            )

    async def max_tracking_id(self, application_name: str) -> int | None:
        """Return how far an application has come, or None."""
        async with _library_errors():
            position: int | None = await self._database.fetchval(MAX_TRACKING, application_name)
        return position

    async def has_tracking_id(self, application_name: str, notification_id: int | None) -> bool:
        """Tell whether an application has come that far."""
        if notification_id is None:
            return True
        position = await self.max_tracking_id(application_name)
        return position is not None and position >= notification_id


class AsyncProcessRecorder(AsyncTrackingRecorder, AsyncApplicationRecorder):
    """Both: ``insert_events(events, tracking=...)`` moves the application on with its events, or neither."""

    def __init__(
        self, database: Reads, now: Callable[[], datetime], new_id: Callable[[], str], tenant: str = "default"
    ) -> None:
        AsyncApplicationRecorder.__init__(self, database, now, new_id, tenant)


def _heads(events: Sequence[StoredEvent]) -> list[tuple[int, str, int, int]]:
    """Return what the append compares and sets, raising ``IntegrityError`` for a stream that has a gap or a fork.

    A stream that begins at 0 expects the head 0 too, which is what a missing stream has: whether its first event is
    there already is then for the events' primary key to say.
    """
    spans: dict[str, tuple[int, int]] = {}
    for event in events:
        stream, version = str(event.originator_id), event.originator_version
        first, last = spans.get(stream, (version, version - 1))
        if version != last + 1:
            raise IntegrityError(f"version {version} of {stream} does not follow {last}")
        spans[stream] = (first, version)
    return [(1, stream, max(first - 1, 0), last) for stream, (first, last) in spans.items()]


@asynccontextmanager
async def _library_errors() -> AsyncIterator[None]:
    """Raise the library's errors in place of the driver's."""
    try:
        yield
    except asyncpg.IntegrityConstraintViolationError as error:
        raise IntegrityError(str(error)) from error
    except (asyncpg.DataError, ValueError) as error:  # of the server, of the driver
        raise DataError(str(error)) from error
    except Exception as error:
        if passes(error):
            raise OperationalError(str(error)) from error
        if isinstance(error, asyncpg.PostgresError):
            raise DatabaseError(str(error)) from error
        raise
