"""What caused facts: for each of them the one fact that it came from, so that "why" is one step.

A fact says itself what caused its command, where that was a fact. What was appended together follows from the first
fact of it. The engine runs a task because it was created, and ends a lock because a job was locked; an acknowledgement
that was taken back had been given. Whatever is left was asked for, by the actor.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from domain.bpmn.events import JobLocked, JobLockExpired, TaskCreated, TaskLocked
from domain.event import Recorded
from domain.incidents.events import IncidentAcknowledged, IncidentStatusChanged
from domain.incidents.status import Status
from infra.replaying.replays import SQL
from projections.database import Database

#: How many facts before it, in its stream, the one is looked for that a task or lock began with.
NEAR = 20_000

#: Digits of a number that may not be a version any more.
LONGEST = 19


class Cause(NamedTuple):
    """A fact that caused another one."""

    stream: str
    version: int
    position: int
    topic: str


class Causes:
    """Looks causes up."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def named(self, names: Iterable[str], tenant: str) -> Mapping[str, Cause]:
        """Return the facts of a tenant that these are names of, ``<stream>/<version>``; what is none is not there."""
        places = [place for name in set(names) if (place := _place(name))]
        if not places:
            return {}
        streams, versions = zip(*places, strict=True)
        rows = await self._database.fetch(SQL["named"], streams, versions, tenant)
        return {f"{row[0]}/{row[1]}": Cause(*row) for row in rows}

    async def of(self, facts: Sequence[Recorded]) -> Mapping[int, Cause]:
        """Return what caused each of some facts of one tenant, by position; nothing of one that was asked for."""
        if not facts:
            return {}
        named = await self.named((fact.causation_id or "" for fact in facts), facts[0].tenant)
        found = {fact.position: named[name] for fact in facts if (name := fact.causation_id or "") in named}
        left = [fact for fact in facts if fact.position not in found]
        begun_by = await self._begun_by(left)
        for fact in left:
            first = begun_by.get(fact.position)
            if first is None:  # positions are missing there: an audit has to be told of the others all the same
                continue
            cause = first if first.position != fact.position else await self.before(fact)
            if cause is not None:
                found[fact.position] = cause
        return found

    async def _begun_by(self, facts: Sequence[Recorded]) -> Mapping[int, Cause]:
        """Return the first fact of the append that each fact is in; of several in one, one is looked up."""
        looked_up: list[int] = []
        told: dict[int, int] = {}
        before: Recorded | None = None
        for fact in facts:
            if before is None or not _together(before, fact):
                looked_up.append(fact.position)
            told[fact.position] = looked_up[-1]
            before = fact
        rows = await self._database.fetch(SQL["begun_by"], looked_up) if looked_up else ()
        first = {row[0]: Cause(*list(row)[1:]) for row in rows}
        return {position: first[place] for position, place in told.items() if place in first}

    async def before(self, fact: Recorded) -> Cause | None:
        """Return the fact in the same stream that made the system do what it does with this fact."""
        match fact.event:
            case TaskLocked(id=number):
                topic, begin = TaskCreated.topic, b'{"id":%d,' % number
            case JobLockExpired(id=number):
                topic, begin = JobLocked.topic, b'{"id":%d,' % number
            case IncidentStatusChanged(before=Status.ACKNOWLEDGED, after=Status.OPEN) if fact.actor.kind == "system":
                topic, begin = IncidentAcknowledged.topic, b"{"
            case _:
                return None
        row = await self._database.fetchrow(SQL["last_before"], fact.stream, fact.version, NEAR, topic, begin)
        return None if row is None else Cause(*row)


def _together(one: Recorded, other: Recorded) -> bool:
    return (one.correlation_id, one.recorded_at) == (other.correlation_id, other.recorded_at)


def _place(name: str) -> tuple[str, int] | None:
    stream, _, version = name.rpartition("/")
    is_number = version.isdecimal() and version.isascii() and len(version) < LONGEST
    return (stream, int(version)) if stream and is_number else None
