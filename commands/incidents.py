"""Resolving incidents of processes: the job or task that stopped is tried again, through whichever API it is asked."""

from datetime import date, datetime
from typing import NamedTuple

from commands.context import Context, Decision
from commands.desk import AtHand, Desk
from commands.failing import due, try_engine_task_again, try_job_again, try_task_again
from commands.intents import EntityId, Intent
from commands.turns import decided, unit_of
from domain.bpmn.instance import Instance, StoppedWork
from domain.coordination.unit_of_work import UnitOfWork
from domain.identity import InstanceId, incident_stream, task_stream
from domain.incidents.events import IncidentResolved, ProcessCause
from domain.incidents.incident import Incident
from domain.rejection import InvalidState, NotFound


class ResolveIncident(Intent, frozen=True):
    """Try the failed job or task again (operation ``resolveIncident``)."""

    worker_id: str = ""
    retry_timer: str = ""


RESOLVE = "failed to resolve incident"


class Stop(NamedTuple):
    """Where a process has stopped: the stream, the incident's number in its partition, and the work to try again."""

    stream: str
    partition: date
    number: int
    work: StoppedWork


async def hold_stop(desk: Desk, stream: str, incident: EntityId) -> Stop | None:
    """Hold the stream that work stopped in; None when it is not stopped any more."""
    state = (await desk.hold(stream)).state
    work = state.incidents.get(incident.id) if state is not None else None
    if work is None:
        return None
    if isinstance(state, Instance):
        await desk.held(state)
    return Stop(stream, incident.partition, incident.id, work)


async def hold_stop_of(desk: Desk, cause: ProcessCause) -> Stop | None:
    """Do the same for the work that an incident tells of."""
    partition = date.fromisoformat(cause.partition)
    stopped_in = (
        task_stream(partition, cause.task_id)
        if cause.own_stream
        else InstanceId(partition, cause.process_instance_id).stream
    )
    return await hold_stop(desk, stopped_in, EntityId(partition, cause.incident_id))


def try_again(unit: UnitOfWork, stop: Stop, due_at: datetime) -> None:
    """Try what has stopped once more, from the first."""
    if stop.stream.startswith("task-"):
        if stop.work.task is not None:
            try_engine_task_again(unit, stop.stream, stop.partition, stop.work.task, due_at, stop.number)
        return
    turn = unit.turn(InstanceId(stop.partition, int(stop.stream.rpartition("-")[2])))
    if stop.work.job is not None:
        try_job_again(turn, stop.work.job, due_at, retry_count=0, resolves=stop.number)
    if stop.work.task is not None:
        try_task_again(turn, stop.work.task, due_at, resolves=stop.number)


class HeldStop(NamedTuple):
    """What resolving an incident is decided on."""

    stop: Stop
    at_hand: AtHand


async def gather_resolve(_command: ResolveIncident, target: EntityId, context: Context, desk: Desk) -> HeldStop:
    """Hold the stream that the work stopped in, then the incident."""
    found = await desk.lookups.incident(context.tenant, target)
    if found is not None:
        stream, ulid = found
        stop = await hold_stop(desk, stream, target)
        if stop is not None:
            await desk.hold(incident_stream(ulid))
            return HeldStop(stop, desk.at_hand)
    if await desk.lookups.had_incident(context.tenant, target):
        raise InvalidState(RESOLVE, f"incident {target} is resolved")
    raise NotFound(RESOLVE, f"incident {target} could not be found")


def decide_resolve(command: ResolveIncident, _target: EntityId, gathered: HeldStop, context: Context) -> Decision:
    """Resolve the incident and try its job or task again from the first, in one append."""
    stop, at_hand = gathered
    unit = unit_of(context, *at_hand)
    try_again(unit, stop, due(context.now, command.retry_timer))
    stream = incident_stream(stop.work.incident)
    incident: Incident = unit.state(stream)
    unit.record(stream, IncidentResolved("retry", incident.status))
    return decided(unit)
