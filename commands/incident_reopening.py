"""Reopening an incident of a check, or of an alert of another system: of one thing one incident is unresolved.

Which incident is the last one is told in the stream of the check or alert, and what comes next counts for that one. So
where an older one is reopened, it becomes the last one again, in the same append. A check knows its last one to be over
as soon as it has looked, and does not look again: it is told in any case.
"""

from domain.coordination.unit_of_work import UnitOfWork
from domain.event import Event
from domain.identity import incident_stream
from domain.incidents.incident import Incident
from domain.intakes.events import AlertRaised
from domain.monitoring.check import Watch
from domain.monitoring.events import CheckIncidentLinked

#: Merged incidents that are followed to the one that is worked on; merging makes no circles, but chains.
LONGEST_CHAIN = 100


def worked_on(unit: UnitOfWork, ulid: str) -> str | None:
    """Return the unresolved incident that an incident is, or was merged into; None where that is over."""
    for _ in range(LONGEST_CHAIN):
        incident: Incident = unit.state(incident_stream(ulid))
        if incident.is_unresolved:
            return ulid
        if not incident.merged_into:
            return None
        ulid = incident.merged_into
    return None


def take_back_its_place(unit: UnitOfWork, ulid: str, incident: Incident) -> str | None:
    """Have what comes next count for an incident that is about to be reopened.

    Return the incident that is in the way instead, where it would count for one that is unresolved.
    """
    subject = unit.state(incident.subject) if incident.subject else None
    if subject is None:
        return None
    if incident.subject.startswith("check-"):
        watch = subject.watch(incident.kind)
        # What was merged away is not followed: the check's next failures open an incident of its own.
        other = _if_unresolved(unit, watch)
        has_it = watch.unresolved and watch.incident == ulid
        place: Event = CheckIncidentLinked(incident.kind, ulid)
    else:
        other = worked_on(unit, subject.incident)
        has_it, place = subject.incident == ulid, AlertRaised(ulid)
    if has_it:
        return None
    if other is None:
        unit.record(incident.subject, place)
    return other


def _if_unresolved(unit: UnitOfWork, watch: Watch) -> str | None:
    """Return the last incident of a check, unless it is over; where the check knows that it is, it is."""
    is_unresolved = watch.unresolved and unit.state(incident_stream(watch.incident)).is_unresolved
    return watch.incident if is_unresolved else None
