"""Opening incidents by hand (contracts/incidents.md 0.5, source 5); what else opens them has commands of its own."""

from collections.abc import Iterator
from datetime import datetime

from commands.context import Context, Decision
from commands.desk import AtHand, Desk
from commands.incident_changes import LONGEST_MESSAGE, regions
from commands.incident_fields import text
from commands.intents import Intent
from commands.turns import decided, unit_of
from domain.coordination.unit_of_work import UnitOfWork
from domain.identity import incident_stream
from domain.incidents.events import FailureType, IncidentOpened, IncidentStartBackdated
from domain.rejection import Cause, InvalidInput

OPEN = "failed to open incident"

LONGEST_TITLE = 255
LONGEST_DESCRIPTION = 4000
LONGEST_MONITOR = 128
MOST_MONITORS = 100


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
    causes = [
        *text("#/title", command.title, 1, LONGEST_TITLE),
        *text("#/description", command.description, 1, LONGEST_DESCRIPTION),
        *text("#/status_page_update", command.status_page_update, 0, LONGEST_MESSAGE),
        *regions("#/affected_regions", command.affected_regions),
        *monitors("#/affected_monitor_ids", command.affected_monitors),
        *started("#/started_at", command.started_at, context.now),
    ]
    if causes:
        raise InvalidInput(OPEN, "fields are invalid", causes)
    return desk.at_hand


def monitors(pointer: str, names: tuple[str, ...]) -> Iterator[Cause]:
    """Require a list of monitors, whatever their system calls them, that can be read."""
    if len(names) > MOST_MONITORS:
        yield Cause(pointer, "max", f"must have at most {MOST_MONITORS} monitors")
        return
    for index, name in enumerate(names):
        yield from text(f"{pointer}/{index}", name, 1, LONGEST_MONITOR)


def started(pointer: str, started_at: datetime | None, now: datetime) -> list[Cause]:
    """Require a start, where one is given, that is not yet to come."""
    if started_at is not None and started_at > now:
        return [Cause(pointer, "past", "must not be in the future")]
    return []


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
    """Record an incident, which may have begun before now, and return its ULID."""
    ulid = unit.ids.ulid()
    unit.record(incident_stream(ulid), opened, new=True)
    if started_at is not None and started_at < unit.now:
        unit.record(incident_stream(ulid), IncidentStartBackdated(started_at))
    return ulid
