"""Moving incidents along their life cycle, in the words of the API that asks (contracts/incidents.md 0.1, 0.2).

An incident of a process that is resolved, or closed before anyone resolved it, has its job or task tried again in the
same append: nobody leaves an instance stuck behind an incident that is over.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from commands.context import Conflict, Context, Decision
from commands.desk import AtHand, Desk
from commands.holding import hold_own
from commands.incident_fields import LONGEST_ASSIGNEE, LONGEST_NOTE, one_of, text
from commands.incident_reopening import take_back_its_place
from commands.incidents import Stop, hold_stop_of, try_again
from commands.intents import Intent
from commands.refusing import refuse_if_any
from commands.turns import decided, unit_of
from domain.access.tenant import Tenant
from domain.coordination.unit_of_work import UnitOfWork
from domain.event import Event
from domain.identity import incident_stream, tenant_stream
from domain.incidents.dialects import DIALECTS, DialectName, RefusedMove
from domain.incidents.events import (
    IncidentAcknowledged,
    IncidentAssigned,
    IncidentClosed,
    IncidentReopened,
    IncidentResolved,
    IncidentStatusChanged,
)
from domain.incidents.incident import Incident
from domain.incidents.status import Status

MOVE = "failed to move incident"


class MoveIncident(Intent, frozen=True):
    """Put an incident into a status, a word of ``dialect``, and perhaps into the hands of an ``assignee``."""

    dialect: DialectName
    status: str
    note: str = ""
    assignee: str = ""


class ReturnToOpen(Intent, frozen=True):
    """Take back an acknowledgement that nobody followed up on in time (the policy of acknowledgement time-outs).

    The answer is the incident's ULID; None where nothing was to be taken back.
    """


class HeldIncident(NamedTuple):
    """An incident to decide on; ``stop`` is what to try again when it is resolved, where that is so."""

    incident: Incident
    at_hand: AtHand
    stop: Stop | None = None


async def hold_incident(desk: Desk, ulid: str, tenant: str, title: str) -> HeldIncident:
    """Hold an incident for a decision that tries nothing again."""
    return HeldIncident(await hold_own(desk, incident_stream(ulid), tenant, title), desk.at_hand)


async def hold_with_stop(desk: Desk, ulid: str, tenant: str, title: str) -> HeldIncident:
    """Hold an incident and, where a process waits for it, that process."""
    held = await hold_incident(desk, ulid, tenant, title)
    process = held.incident.process
    if process is None or not held.incident.is_unresolved:
        return held
    stop = await hold_stop_of(desk, process)
    if stop is None and await desk.moved_on():
        raise Conflict  # this node knew the process from before it stopped
    return held._replace(stop=stop)


async def gather_move(command: MoveIncident, ulid: str, context: Context, desk: Desk) -> HeldIncident:
    """Refuse words that the dialect does not have, and texts that cannot be kept."""
    words = DIALECTS[command.dialect].words
    causes = [*one_of("#/status", command.status, words), *text("#/note", command.note, 0, LONGEST_NOTE)]
    causes += text("#/assignee_id", command.assignee, 0, LONGEST_ASSIGNEE)
    refuse_if_any(MOVE, *causes)
    return await hold_with_stop(desk, ulid, context.tenant, MOVE)


def decide_move(command: MoveIncident, ulid: str, held: HeldIncident, context: Context) -> Decision:
    """Refuse what the dialect's table does not allow from here, with what it does."""
    incident, dialect = held.incident, DIALECTS[command.dialect]
    allowed = dialect.allowed(incident)
    if command.status not in allowed:
        raise RefusedMove(dialect.status_of(incident), command.status, allowed)
    unit = unit_of(context, *held.at_hand)
    if not incident.is_unresolved and command.status == Status.OPEN:
        other = take_back_its_place(unit, ulid, incident)
        if other is not None:
            others = tuple(word for word in allowed if word != command.status)
            raise RefusedMove(
                dialect.status_of(incident), command.status, others, f"inc_{other} about the same is unresolved"
            )
    move(unit, ulid, held, Status(command.status), Wording(command.note, context.email))
    if command.assignee and command.assignee != incident.assignee:
        assigned = IncidentAssigned(incident.assignee, command.assignee, context.email)
        unit.record(incident_stream(ulid), assigned)
    return decided(unit, ulid)


async def gather_return(_command: ReturnToOpen, ulid: str, context: Context, desk: Desk) -> HeldIncident:
    """Hold the incident; its tenant says how long it may stay acknowledged."""
    held = await hold_incident(desk, ulid, context.tenant, MOVE)
    await desk.look(tenant_stream(context.tenant))
    return held


def decide_return(_command: ReturnToOpen, ulid: str, held: HeldIncident, context: Context) -> Decision:
    """Put it back, unless somebody has gone on with it, or it has more time, or all the time in the world, by now."""
    unit = unit_of(context, *held.at_hand)
    if not _has_run_out(held.incident, unit.state(tenant_stream(context.tenant)), context.now):
        return Decision(())
    move(unit, ulid, held, Status.OPEN, Wording("nobody followed up on the acknowledgement in time", ""))
    return decided(unit, ulid)


def _has_run_out(incident: Incident, tenant: Tenant | None, now: datetime) -> bool:
    """Tell whether an incident is acknowledged, and has been for as long as its tenant lets it be."""
    minutes = tenant.acknowledgement_timeout if tenant is not None else 0
    since = incident.acknowledged_at
    if incident.status is not Status.ACKNOWLEDGED or since is None or not minutes:
        return False
    return since + timedelta(minutes=minutes) <= now


class Wording(NamedTuple):
    """What a person says with a move, and their address."""

    note: str
    email: str


def move(unit: UnitOfWork, ulid: str, held: HeldIncident, to: Status, wording: Wording) -> None:
    """Record a move that is allowed, and what comes with it."""
    if held.stop is not None and to in {Status.RESOLVED, Status.CLOSED}:
        try_again(unit, held.stop, unit.now)
    how: Literal["retry", "manual"] = "retry" if held.stop is not None else "manual"
    for event in _facts(held.incident.status, to, how, wording):
        unit.record(incident_stream(ulid), event)


def _facts(before: Status, to: Status, how: Literal["retry", "manual"], wording: Wording) -> Iterator[Event]:
    match to:
        case Status.ACKNOWLEDGED:
            yield IncidentAcknowledged(before, *wording)
        case Status.RESOLVED:
            yield IncidentResolved(how, before, *wording)
        case Status.CLOSED if how == "retry":
            yield IncidentResolved(how, before)
            yield IncidentClosed(Status.RESOLVED, *wording)
        case Status.CLOSED:
            yield IncidentClosed(before, *wording)
        case Status.OPEN if before in {Status.RESOLVED, Status.CLOSED}:
            yield IncidentReopened(before, *wording)
        case _:
            yield IncidentStatusChanged(before, to, *wording)
