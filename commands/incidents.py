"""Resolving incidents."""

from collections.abc import Mapping
from typing import NamedTuple

from commands.context import Context, Decision
from commands.desk import Desk, Held
from commands.failing import due, try_engine_task_again, try_job_again, try_task_again
from commands.intents import EntityId, Intent
from commands.states import Versioned
from commands.turns import decided, unit_of
from domain.bpmn.instance import Instance, StoppedWork
from domain.identity import incident_stream
from domain.incidents.events import IncidentResolved
from domain.rejection import InvalidState, NotFound


class ResolveIncident(Intent, frozen=True):
    """Try the failed job or task again (operation ``resolveIncident``)."""

    worker_id: str = ""
    retry_timer: str = ""


RESOLVE = "failed to resolve incident"


class HeldIncident(NamedTuple):
    """What resolving a process incident is decided on; ``held`` is None where a task of its own stream stopped."""

    stream: str
    stopped: StoppedWork
    held: Held | None
    states: Mapping[str, Versioned]


async def gather_resolve(_command: ResolveIncident, target: EntityId, context: Context, desk: Desk) -> HeldIncident:
    """Hold the stream that the work stopped in, then the incident."""
    found = await desk.lookups.incident(context.tenant, target)
    if found is not None:
        stream, ulid = found
        state = (await desk.hold(stream)).state
        stopped = state.incidents.get(target.id) if state is not None else None
        if stopped is not None:
            await desk.hold(incident_stream(ulid))
            held = await desk.held(state) if isinstance(state, Instance) else None
            return HeldIncident(stream, stopped, held, desk.states)
    if await desk.lookups.had_incident(context.tenant, target):
        raise InvalidState(RESOLVE, f"incident {target} is resolved")
    raise NotFound(RESOLVE, f"incident {target} could not be found")


def decide_resolve(command: ResolveIncident, target: EntityId, gathered: HeldIncident, context: Context) -> Decision:
    """Resolve the incident and try its job or task again from the first, in one append."""
    due_at = due(context.now, command.retry_timer)
    stream, stopped = gathered.stream, gathered.stopped
    unit = unit_of(context, gathered.states)
    if gathered.held is not None:
        turn = unit.turn(gathered.held.instance.identity)
        if stopped.job is not None:
            try_job_again(turn, stopped.job, due_at, retry_count=0, resolves=target.id)
        if stopped.task is not None:
            try_task_again(turn, stopped.task, due_at, resolves=target.id)
    elif stopped.task is not None:
        try_engine_task_again(unit, stream, target.partition, stopped.task, due_at, target.id)
    unit.record(incident_stream(stopped.incident), IncidentResolved("retry"))
    return decided(unit)
