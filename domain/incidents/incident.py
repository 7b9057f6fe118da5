"""The state of a canonical incident (contracts/incidents.md 0.1). So far only processes raise incidents.

::

    open ── resolved     the job or task is tried again
      └──── canceled     what it was about ended otherwise
"""

from enum import StrEnum
from typing import assert_never

import msgspec

from domain.incidents.events import IncidentCanceled, IncidentEvent, IncidentOpened, IncidentResolved, ProcessCause

#: Process incidents open at this rank (contracts/incidents.md 0.2).
PROCESS_SEVERITY = 2


class Status(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"
    CANCELED = "canceled"


class Incident(msgspec.Struct, frozen=True):
    """An incident as its dialects see it."""

    status: Status
    severity: int
    title: str
    process: ProcessCause | None


def open_incident(event: IncidentOpened) -> Incident:
    """Return the state after the first fact of a stream."""
    return Incident(Status.OPEN, event.severity, event.title, event.process)


def evolve(incident: Incident, event: IncidentEvent) -> Incident:
    """Apply a fact. Total: it never refuses a stored fact."""
    match event:
        case IncidentOpened():
            return open_incident(event)
        case IncidentResolved():
            return msgspec.structs.replace(incident, status=Status.RESOLVED)
        case IncidentCanceled():
            return msgspec.structs.replace(incident, status=Status.CANCELED)
        case _:
            assert_never(event)
