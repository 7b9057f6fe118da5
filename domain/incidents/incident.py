"""The state of a canonical incident (contracts/incidents.md 0.1); ``status`` says where it may go from which one."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from domain.identity import alert_stream, check_stream
from domain.incidents.events import (
    DuplicateMerged,
    IncidentAcknowledged,
    IncidentAssigned,
    IncidentCanceled,
    IncidentClosed,
    IncidentEvent,
    IncidentFieldChanged,
    IncidentMerged,
    IncidentNoteAdded,
    IncidentOpened,
    IncidentRecurred,
    IncidentReopened,
    IncidentResolved,
    IncidentSeverityChanged,
    IncidentStartBackdated,
    IncidentStatusChanged,
    ProcessCause,
)
from domain.incidents.status import MOVES, UNRESOLVED, Status

#: Process incidents open at this rank (contracts/incidents.md 0.2).
PROCESS_SEVERITY = 2


class Incident(msgspec.Struct, frozen=True):
    """An incident, as far as what may happen to it depends on it; ``merged_into`` is the ULID of another one.

    ``subject`` is the stream of the check or alert that it is about, where there is one: there it says which incident
    is the last one. ``kind`` is in which way the check fails. ``acknowledged_at`` is when it last was.
    """

    tenant: str
    status: Status
    severity: int
    error_message: str
    affected_regions: tuple[str, ...]
    process: ProcessCause | None
    assignee: str = ""
    failure_count: int = 1
    merged_into: str = ""
    subject: str = ""
    kind: Literal["down", "slow"] = "down"
    acknowledged_at: datetime | None = None

    @property
    def is_unresolved(self) -> bool:
        return self.status in UNRESOLVED

    @property
    def moves(self) -> frozenset[Status]:
        """Where it may go from here. An incident of a process is never reopened: a new failure opens a new one."""
        moves = MOVES[self.status]
        return moves - {Status.OPEN} if self.process is not None and not self.is_unresolved else moves


def open_incident(event: IncidentOpened, tenant: str) -> Incident:
    """Return the state after the first fact of a stream."""
    return Incident(
        tenant,
        Status.OPEN,
        event.severity,
        event.error_message,
        event.affected_regions,
        event.process,
        failure_count=event.failure_count,
        subject=_subject_of(event, tenant),
        kind=event.monitor.kind if event.monitor is not None else "down",
    )


def _subject_of(event: IncidentOpened, tenant: str) -> str:
    if event.monitor is not None:
        return check_stream(event.monitor.check_id)
    if event.alert is not None:
        return alert_stream(tenant, event.alert.provider, event.alert.external_id)
    return ""


def evolve(incident: Incident | None, event: Any, at: datetime, _by: str, tenant: str) -> Incident:
    """Apply a fact, the first of a stream to no state. Total: it never refuses a stored fact."""
    if incident is None:
        return open_incident(event, tenant)
    return msgspec.structs.replace(incident, **_CHANGES[type(event)](incident, event, at))


def _recurred(incident: Incident, event: IncidentRecurred, _at: datetime) -> Mapping[str, Any]:
    more = tuple(region for region in event.regions if region not in incident.affected_regions)
    return {"failure_count": incident.failure_count + 1, "affected_regions": incident.affected_regions + more}


def _into(status: Status) -> Callable[[Incident, Any, datetime], Mapping[str, Any]]:
    return lambda _incident, _event, _at: {"status": status}


def _unchanged(_incident: Incident, _event: IncidentEvent, _at: datetime) -> Mapping[str, Any]:
    return {}


#: The members that each fact changes, with their new values, given the state, the fact, and when it happened.
_CHANGES: Mapping[type[IncidentEvent], Callable[[Incident, Any, datetime], Mapping[str, Any]]] = {
    IncidentOpened: _into(Status.OPEN),
    IncidentAcknowledged: lambda _incident, _event, at: {"status": Status.ACKNOWLEDGED, "acknowledged_at": at},
    IncidentStatusChanged: lambda _incident, event, _at: {"status": event.after},
    IncidentResolved: _into(Status.RESOLVED),
    IncidentClosed: _into(Status.CLOSED),
    IncidentReopened: lambda _incident, _event, _at: {"status": Status.OPEN, "merged_into": ""},
    IncidentCanceled: _into(Status.CANCELED),
    IncidentRecurred: _recurred,
    IncidentSeverityChanged: lambda _incident, event, _at: {"severity": event.after},
    IncidentFieldChanged: lambda _incident, event, _at: {event.field: event.after},
    IncidentAssigned: lambda _incident, event, _at: {"assignee": event.assignee},
    IncidentMerged: lambda _incident, event, _at: {"merged_into": event.into},
    IncidentStartBackdated: _unchanged,
    IncidentNoteAdded: _unchanged,
    DuplicateMerged: _unchanged,
}
