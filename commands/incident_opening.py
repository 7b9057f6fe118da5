"""Opening incidents by hand (contracts/incidents.md 0.5, source 5); what else opens them has commands of its own."""

from datetime import datetime

import msgspec

from commands.context import Context, Decision
from commands.desk import AtHand, Desk
from commands.incident_fields import (
    LONGEST_DESCRIPTION,
    LONGEST_MESSAGE,
    LONGEST_TITLE,
    monitors,
    regions,
    started,
    text,
)
from commands.intents import Intent
from commands.refusing import refuse_if_any
from commands.turns import decided, unit_of
from domain.coordination.unit_of_work import UnitOfWork
from domain.identity import incident_stream
from domain.incidents.events import FailureType, IncidentOpened, IncidentStartBackdated
from domain.incidents.texts import legible

OPEN = "failed to open incident"


class OpenIncident(Intent, frozen=True):
    """Report that something is wrong. ``severity`` is a rank; the limits of each dialect are checked before.

    ``started_at`` is given where it began earlier (engine time, UTC, cut to milliseconds).
    """

    title: str
    description: str
    severity: int
    type: FailureType | None = None
    affected_regions: tuple[str, ...] = ()
    affected_monitors: tuple[str, ...] = ()
    failure_count: int = 1
    status_page_update: str = ""
    started_at: datetime | None = None


async def gather_open(command: OpenIncident, _target: None, context: Context, desk: Desk) -> AtHand:
    """Refuse texts that cannot be kept, and starts that are yet to come."""
    refuse_if_any(
        OPEN,
        *text("#/title", command.title, 1, LONGEST_TITLE),
        *text("#/description", command.description, 1, LONGEST_DESCRIPTION),
        *text("#/status_page_update", command.status_page_update, 0, LONGEST_MESSAGE),
        *regions("#/affected_regions", command.affected_regions),
        *monitors("#/affected_monitor_ids", command.affected_monitors),
        *started("#/started_at", command.started_at, context.now),
    )
    return desk.at_hand


def decide_open(command: OpenIncident, _target: None, at_hand: AtHand, context: Context) -> Decision:
    """Open it; the answer is its ULID."""
    unit = unit_of(context, *at_hand)
    opened = IncidentOpened(
        source="manual",
        severity=command.severity,
        title=command.title.strip(),
        error_message=command.description.strip(),
        type=command.type,
        affected_regions=command.affected_regions,
        affected_monitors=command.affected_monitors,
        failure_count=command.failure_count,
        status_page_update=command.status_page_update,
        email=context.email,
    )
    return decided(unit, open_incident(unit, opened, command.started_at))


def open_incident(unit: UnitOfWork, opened: IncidentOpened, started_at: datetime | None = None) -> str:
    """Record an incident, which may have begun before now, and return its ULID.

    Not everybody who opens one can be asked for other words: its texts are made legible.
    """
    ulid = unit.ids.ulid()
    title, message = legible(opened.title), legible(opened.error_message)
    if (title, message) != (opened.title, opened.error_message):
        opened = msgspec.structs.replace(opened, title=title, error_message=message)
    unit.record(incident_stream(ulid), opened, new=True)
    if started_at is not None and started_at < unit.now:
        unit.record(incident_stream(ulid), IncidentStartBackdated(started_at))
    return ulid
