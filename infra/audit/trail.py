"""Who did what to what: the facts of a tenant, by position, told from the log itself (docs/audit.md).

A page looks at a bounded stretch of the log, however little of it is wanted, and says in ``next`` how far that went. An
event that this release cannot read is told too, by its envelope: whoever audits must not be led past it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from domain.event import Actor, Event, Recorded
from domain.event_types import WantedTypes
from domain.rejection import InvalidInput
from infra.audit.queries import SQL
from infra.codec import decode
from infra.event_feed.pages import SQL as FEED
from infra.event_feed.pages import Bounds
from infra.replaying.causes import Cause, Causes
from projections.database import Database

#: Events are recorded by the clocks of their nodes. Moments are found by halves, which is right as long as no clock is
#: wrong by more than half of this.
CLOCKS = timedelta(minutes=10)

BOUNDS = Bounds(facts=100, bytes=4_000_000)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which deeds: of a tenant, by an actor, of some types, to a stream, in a time.

    ``since`` and ``until`` are about when they were recorded; the latter is not included.
    """

    tenant: str
    actor_kind: str | None = None
    actor: str | None = None
    types: WantedTypes = WantedTypes()
    stream: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Deed(NamedTuple):
    """A fact, its topic as it is stored, and what caused it; the ``event`` of an unreadable one says nothing."""

    fact: Recorded
    topic: str
    readable: bool
    cause: Cause | None = None


class Deeds(NamedTuple):
    """What is wanted up to the position ``next``, which is where to go on; ``head`` is where the log ended."""

    deeds: Sequence[Deed]
    next: int
    head: int


class Trail:
    """Tells deeds. Everything may raise what an outage of the database raises."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._causes = Causes(database)

    async def page(self, asked: Asked, after: int, bounds: Bounds = BOUNDS) -> Deeds:
        """Return a page; raise ``InvalidInput`` for a position that the log has not got to."""
        head: int = await self._database.fetchval(SQL["head"])
        if after > head:
            raise InvalidInput("failed to audit the log", f"position {after} is beyond the end of the log")
        begin, end = await self._within(asked, after, head)
        if begin >= end:
            return Deeds((), head, head)
        if asked.stream is None:
            upto = min(begin + bounds.read, end)
            rows = await self._database.fetch(SQL["deeds"], *_arguments(asked, begin, upto, bounds))
        else:
            rows, upto = await self._of_stream(asked, asked.stream, (begin, end), bounds)
        deeds = [_deed(row) for row in rows]
        if len(rows) == bounds.facts or sum(len(row["state"]) for row in rows) >= bounds.bytes:
            upto = deeds[-1].fact.position
        return Deeds(await self._caused(deeds), head if upto >= end else upto, head)

    async def _within(self, asked: Asked, after: int, head: int) -> tuple[int, int]:
        """Return the positions after and up to which there may be anything of that time."""
        begin, end = after, head
        if asked.since is not None:
            begin = max(begin, (await self._around(asked.since, -CLOCKS))[0])
        if asked.until is not None:
            end = min(end, (await self._around(asked.until, CLOCKS))[1] - 1)
        return begin, end

    async def _around(self, moment: datetime, later: timedelta) -> tuple[int, int]:
        row = await self._database.fetchrow(SQL["recorded_around"], moment, later)
        return row["low"], row["high"]

    async def _of_stream(
        self, asked: Asked, stream: str, within: tuple[int, int], bounds: Bounds
    ) -> tuple[Sequence[Any], int]:
        begin, end = within
        first = await self._database.fetchval(FEED["begin_of_stream"], stream, begin)
        if first is None:
            return (), end
        last = first + bounds.read
        arguments = (*_arguments(asked, begin, end, bounds), stream, first, last)
        rows = await self._database.fetch(SQL["deeds_of_stream"], *arguments)
        upto = await self._database.fetchval(FEED["position_of"], stream, last, end)
        return rows, end if upto is None else upto

    async def _caused(self, deeds: Sequence[Deed]) -> Sequence[Deed]:
        causes = await self._causes.of([deed.fact for deed in deeds])
        return [deed._replace(cause=causes.get(deed.fact.position)) for deed in deeds]


def _arguments(asked: Asked, after: int, upto: int, bounds: Bounds) -> tuple[Any, ...]:
    actor = (asked.actor_kind, asked.actor)
    types = (asked.types.names, asked.types.beginnings)
    when = (asked.since, asked.until)
    return (after, upto, asked.tenant, *actor, *types, *when, bounds.facts, bounds.bytes)


def _deed(row: Any) -> Deed:
    position, stream, version, topic, state, tenant, kind, actor, happened, recorded, command, cause = row
    try:
        event, readable = decode(topic, state), True
    except Exception:  # noqa: BLE001  (whatever the reason is, the envelope tells who did it)
        event, readable = Event(), False
    who = Actor(kind, actor)
    fact = Recorded(position, stream, version, event, tenant, who, happened, recorded, command, cause)
    return Deed(fact, topic, readable)
