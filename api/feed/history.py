"""An incident's whole history, as its stream in the log has it (contracts/incidents.md 0.6).

A history may be longer than memory is large: it is read and sent part by part.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from api.answers import json_bytes
from api.feed.bodies import HistoryEntry
from api.histories import actor_of, causing_event
from api.incidents.ids import INCIDENT_IDS
from api.incidents.ports import Tracking
from domain.event import Event, Recorded
from domain.identity import incident_stream
from domain.incidents.events import IncidentCanceled, IncidentOpened, IncidentResolved
from domain.timestamps import iso_milliseconds
from infra.replaying.causes import Cause
from infra.replaying.replays import Step

#: Facts of one part.
PART = 100

#: How far before a fact of an incident the one is looked for that raised it: both stand in one append.
NEAR = 100

INCIDENTS = incident_stream("")
TASKS = "task-"


async def history_of(tracking: Tracking, tenant: str, ulid: str) -> AsyncIterator[bytes]:
    """Return the history as JSON, in parts; raise ``NotFound`` unless the incident is this tenant's."""
    stream = incident_stream(ulid)
    if await tracking.replays.tenant_of(stream) != tenant:
        raise INCIDENT_IDS.unknown(ulid)
    steps = tracking.replays.steps(stream)
    return _parts(tracking, await _next(steps), steps)


async def _parts(tracking: Tracking, part: Sequence[Step], steps: AsyncIterator[Step]) -> AsyncIterator[bytes]:
    """Yield an object with the facts and their number; what is cut off by an outage does not end as JSON."""
    count, before = 0, b'{"history":['
    while part:
        yield before + json_bytes(await _entries(tracking, part))[1:-2]
        count, before = count + len(part), b","
        part = await _next(steps)
    yield b'],"count":%d}\n' % count


async def _next(steps: AsyncIterator[Step]) -> Sequence[Step]:
    """Return the steps of the next part."""
    part: list[Step] = []
    async for step in steps:
        part.append(step)
        if len(part) == PART:
            break
    return part


async def _entries(tracking: Tracking, steps: Sequence[Step]) -> list[HistoryEntry]:
    names = [await _cause(tracking, step.fact) for step in steps]
    causes = await tracking.causes.named(names, steps[0].fact.tenant)
    return [_entry(step, name, causes.get(name)) for step, name in zip(steps, names, strict=True)]


async def _cause(tracking: Tracking, fact: Recorded) -> str:
    """Return what caused a fact: the fact that is recorded with it, else the one that raised it, else the request.

    A fact is named by its stream and version. What raises an incident, or ends it, comes right before in one append: it
    is the failure of a task of the engine, rather than that there was such a task.
    """
    if fact.causation_id is not None and not fact.causation_id.startswith(TASKS):
        return fact.causation_id
    if _follows(fact.event):
        first = max(0, fact.position - 1 - NEAR)
        for earlier in reversed(await tracking.streams.read_all(first, fact.position - 1 - first)):
            if earlier.correlation_id == fact.correlation_id and not earlier.stream.startswith(INCIDENTS):
                return f"{earlier.stream}/{earlier.version}"
    before = await tracking.causes.before(fact)
    return fact.correlation_id if before is None else f"{before.stream}/{before.version}"


def _follows(event: Event) -> bool:
    """Tell whether it came to this by another fact, not because somebody asked for it."""
    return isinstance(event, IncidentOpened | IncidentCanceled) or (
        isinstance(event, IncidentResolved) and event.how == "automatic"
    )


def _entry(step: Step, caused_by: str, cause: Cause | None) -> HistoryEntry:
    fact = step.fact
    return HistoryEntry(
        position=fact.position,
        version=fact.version,
        type=fact.event.topic.rpartition(".v")[0],
        happened_at=iso_milliseconds(fact.happened_at),
        recorded_at=iso_milliseconds(fact.recorded_at),
        actor=actor_of(fact.actor),
        causation_id=caused_by,
        correlation_id=fact.correlation_id,
        data=_said(fact.event),
        cause=causing_event(cause),
        state=msgspec.Raw(step.state),
    )


def _said(event: Event) -> dict[str, Any]:
    """Return what a fact says, members that have their default too, so that nobody need know the defaults."""
    return {name: value for name, value in msgspec.structs.asdict(event).items() if value not in (None, "", ())}
