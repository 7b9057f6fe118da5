"""The incidents of a check: at most one of each kind is unresolved (contracts/incidents.md 0.5, source 3, and 0.6).

A check's stream holds the last incident of each kind, and whether it was unresolved at the last look. That an incident
has ended is told in its own stream alone, so whoever decides on a check looks there first. That it was reopened is told
in both at once (``incident_reopening``): one that the check knows to be over is over, and is left alone.
"""

from datetime import datetime

from commands.context import Context, Decision
from commands.desk import AtHand, Desk
from commands.holding import hold_own
from commands.incident_fields import LONGEST_MESSAGE, LONGEST_TITLE, monitors, regions, started, text
from commands.incident_opening import OPEN, open_incident
from commands.intents import Intent
from commands.refusing import refuse_if_any
from commands.turns import decided, unit_of
from domain.coordination.unit_of_work import UnitOfWork
from domain.identity import check_stream, incident_stream
from domain.incidents.events import FailureType, IncidentOpened, MonitorCause
from domain.monitoring.check import Check
from domain.monitoring.consensus import KINDS, kind_of
from domain.monitoring.events import CheckIncidentEnded, CheckIncidentLinked
from domain.rejection import Cause, InvalidState, NotFound


class UnresolvedIncident(InvalidState):
    """There is an unresolved incident of this check and kind already; ``incident`` is its ULID."""

    def __init__(self, incident: str) -> None:
        detail = f"incident inc_{incident} of this check and kind is unresolved"
        super().__init__(OPEN, detail, [Cause("#/incident_id", "unresolved", detail, f"inc_{incident}")])
        self.incident = incident


class OpenIncidentOfCheck(Intent, frozen=True):
    """Report that a check fails (``POST /api/incidents`` with a ``check_id``). The target is the check's ULID.

    ``severity`` is a rank. The answer is the incident's ULID. Raises ``InvalidInput`` with the pointer ``#/check_id``
    for a check that is not there, and ``UnresolvedIncident``.
    """

    severity: int
    type: FailureType
    error_message: str
    title: str = ""
    affected_regions: tuple[str, ...] = ()
    affected_monitors: tuple[str, ...] = ()
    failure_count: int = 1
    status_page_update: str = ""
    started_at: datetime | None = None


async def hold_check(desk: Desk, ulid: str, tenant: str, title: str) -> Check:
    """Hold a check."""
    check: Check = await hold_own(desk, check_stream(ulid), tenant, title)
    return check


async def hold_with_incidents(desk: Desk, ulid: str, tenant: str, title: str) -> Check:
    """Hold a check and those of its incidents that may be unresolved."""
    check = await hold_check(desk, ulid, tenant, title)
    for kind in KINDS:
        if check.watch(kind).unresolved:
            await desk.hold(incident_stream(check.watch(kind).incident))
    return check


def look_at_incidents(unit: UnitOfWork, ulid: str) -> Check:
    """Record which incidents of a check people have ended since it last looked, and return the check."""
    stream = check_stream(ulid)
    check: Check = unit.state(stream)
    for kind in KINDS:
        watch = check.watch(kind)
        if watch.unresolved and not unit.state(incident_stream(watch.incident)).is_unresolved:
            unit.record(stream, CheckIncidentEnded(kind, watch.incident))
    found: Check = unit.state(stream)
    return found


def open_for_check(unit: UnitOfWork, ulid: str, report: OpenIncidentOfCheck, email: str = "") -> str:
    """Record an incident of a check that has none of this kind, and return the incident's ULID."""
    stream, kind = check_stream(ulid), kind_of(report.type)
    check: Check = unit.state(stream)
    name = check.settings.name
    opened = IncidentOpened(
        source="monitor",
        severity=report.severity,
        title=report.title.strip() or f"{name} - {report.type}",
        error_message=report.error_message.strip(),
        previous_incident=check.watch(kind).incident,
        monitor=MonitorCause(ulid, name, check.settings.target_url, kind),
        type=report.type,
        affected_regions=report.affected_regions,
        affected_monitors=report.affected_monitors,
        failure_count=report.failure_count,
        status_page_update=report.status_page_update,
        email=email,
    )
    incident = open_incident(unit, opened, report.started_at)
    unit.record(stream, CheckIncidentLinked(kind, incident))
    return incident


async def gather_open(command: OpenIncidentOfCheck, ulid: str, context: Context, desk: Desk) -> AtHand:
    """Refuse texts that cannot be kept, and checks that are not there."""
    causes = [
        *text("#/title", command.title, 0, LONGEST_TITLE),
        *text("#/error_message", command.error_message, 1, LONGEST_MESSAGE),
        *text("#/status_page_update", command.status_page_update, 0, LONGEST_MESSAGE),
        *regions("#/affected_regions", command.affected_regions),
        *monitors("#/affected_monitor_ids", command.affected_monitors),
        *started("#/started_at", command.started_at, context.now),
    ]
    try:
        await hold_with_incidents(desk, ulid, context.tenant, OPEN)
    except NotFound:
        causes.insert(0, Cause("#/check_id", "unknown", "there is no such check"))
    refuse_if_any(OPEN, *causes)
    return desk.at_hand


def decide_open(command: OpenIncidentOfCheck, ulid: str, at_hand: AtHand, context: Context) -> Decision:
    """Open it, unless there is one."""
    unit = unit_of(context, *at_hand)
    watch = look_at_incidents(unit, ulid).watch(kind_of(command.type))
    if watch.unresolved:
        raise UnresolvedIncident(watch.incident)
    return decided(unit, open_for_check(unit, ulid, command, context.email))
