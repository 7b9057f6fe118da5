"""Resolving incidents."""

from typing import NamedTuple

from commands.context import Context, Decision
from commands.desk import Desk, Held
from commands.failing import due, try_job_again, try_task_again
from commands.intents import EntityId, Intent
from commands.turns import decided, turn_on
from domain.bpmn.instance import StoppedWork
from domain.event import Append
from domain.identity import incident_stream
from domain.incidents.events import IncidentResolved
from domain.rejection import InvalidState, NotFound


class ResolveIncident(Intent, frozen=True):
    """Try the failed job or task again (operation ``resolveIncident``)."""

    worker_id: str = ""
    retry_timer: str = ""


RESOLVE = "failed to resolve incident"


class HeldIncident(NamedTuple):
    """What resolving a process incident is decided on."""

    held: Held
    stopped: StoppedWork


async def gather_resolve(_command: ResolveIncident, target: EntityId, context: Context, desk: Desk) -> HeldIncident:
    """Hold the instance, then the incident."""
    found = await desk.lookups.incident(context.tenant, target)
    if found is not None:
        identity, _ulid = found
        instance = await desk.instance(identity, context.tenant)
        stopped = instance.incidents.get(target.id) if instance is not None else None
        if instance is not None and stopped is not None:
            return HeldIncident(await desk.held(instance), stopped)
    if await desk.lookups.had_incident(context.tenant, target):
        raise InvalidState(RESOLVE, f"incident {target} is resolved")
    raise NotFound(RESOLVE, f"incident {target} could not be found")


def decide_resolve(command: ResolveIncident, target: EntityId, gathered: HeldIncident, context: Context) -> Decision:
    """Resolve the incident and try its job or task again from the first, in one append."""
    held, stopped = gathered
    turn = turn_on(held, context)
    due_at = due(context.now, command.retry_timer)
    if stopped.job is not None:
        try_job_again(turn, stopped.job, due_at, retry_count=0, resolves=target.id)
    if stopped.task is not None:
        try_task_again(turn, stopped.task, due_at, retry_count=0, resolves=target.id)
    resolved = IncidentResolved("retry")
    stream = incident_stream(stopped.incident)
    return decided(turn, held, beside=(Append(stream, held.incidents[stopped.incident], (resolved,)),))
