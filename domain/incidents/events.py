"""Facts of the canonical incident. Its stream is ``incident-<ULID>`` (contracts/incidents.md 0.1).

A change of status says what the status was ``before``, so that a read model can tell a move without knowing the rest of
the history. ``email`` is that of the person who caused the fact, where they have one: personal data has named fields.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from domain.event import Event
from domain.incidents.status import Status

SourceKind = Literal["process", "alert_rule", "monitor", "external_alert", "manual"]
IncidentType = Literal["failedJob", "failedTask"]

#: What a probe finds wrong (contracts/incidents.md 3.2).
FailureType = Literal[
    "timeout", "status_code", "keyword_missing", "ssl_error", "dns_error", "connection_error", "slow_response"
]

#: The fields of an incident that may change after it was opened, beside those that have a fact of their own.
Field = Literal["error_message", "affected_regions"]


class ProcessCause(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a process broke. ``incident_id`` with the partition (an ISO date) is the engine's name for the incident.

    ``element`` is the BPMN id of the activity and ``activity`` its name or, without one, its id; both are empty for a
    task of the engine that stands at no element. Ids that do not apply are 0. ``own_stream`` says that the task has a
    stream of its own, whether there is an instance or not.
    """

    partition: str
    incident_id: int
    incident_type: IncidentType
    process_id: int
    bpmn_process_id: str
    version: str
    process_instance_id: int
    element: str = ""
    activity: str = ""
    element_id: int = 0
    element_instance_id: int = 0
    job_id: int = 0
    task_id: int = 0
    own_stream: bool = False


class RuleCause(msgspec.Struct, frozen=True, omit_defaults=True):
    """The alert rule that was broken, as it was then, and by which value (contracts/incidents.md 4.3)."""

    rule_id: str
    rule_name: str
    metric: str
    operator: str
    threshold: float
    actual: float
    window_minutes: int
    sample_count: int
    scope: Mapping[str, str] = {}


class MonitorCause(msgspec.Struct, frozen=True, omit_defaults=True):
    """The check that failed, as it was then: as a whole (``down``) or by being slow."""

    check_id: str
    check_name: str
    check_url: str
    kind: Literal["down", "slow"] = "down"


class AlertCause(msgspec.Struct, frozen=True, omit_defaults=True):
    """The alert of another system; ``details`` is what it sent beyond the rest, as the JSON text of an object."""

    provider: str
    external_id: str
    service: str = ""
    environment: str = ""
    details: str = ""


class IncidentOpened(Event, frozen=True):
    """Something went wrong that people have to look at. ``severity`` ranks from 4 (critical) to 0 (info).

    ``error_message`` is the failure's text, of a manual incident its description. At most one of the causes is given.
    """

    topic: ClassVar[str] = "incident.opened.v1"
    source: SourceKind
    severity: int
    title: str
    error_message: str
    process: ProcessCause | None = None
    previous_incident: str = ""
    rule: RuleCause | None = None
    monitor: MonitorCause | None = None
    alert: AlertCause | None = None
    type: FailureType | None = None
    affected_regions: tuple[str, ...] = ()
    affected_monitors: tuple[str, ...] = ()
    failure_count: int = 1
    status_page_update: str = ""
    email: str = ""


class IncidentStartBackdated(Event, frozen=True):
    """It had begun before it was opened; ``started_at`` is UTC, cut to milliseconds."""

    topic: ClassVar[str] = "incident.start_backdated.v1"
    started_at: datetime


class IncidentRecurred(Event, frozen=True):
    """The same went wrong again while the incident was unresolved."""

    topic: ClassVar[str] = "incident.recurred.v1"
    error_message: str = ""
    type: FailureType | None = None
    regions: tuple[str, ...] = ()


class IncidentAcknowledged(Event, frozen=True):
    """Somebody has seen it."""

    topic: ClassVar[str] = "incident.acknowledged.v1"
    before: Status
    note: str = ""
    email: str = ""


class IncidentStatusChanged(Event, frozen=True):
    """Work on it went on, from one status of an unresolved incident to another."""

    topic: ClassVar[str] = "incident.status_changed.v1"
    before: Status
    after: Status
    note: str = ""
    email: str = ""


class IncidentSeverityChanged(Event, frozen=True):
    """It is worse than was thought, or less bad; both are ranks from 4 to 0."""

    topic: ClassVar[str] = "incident.severity_changed.v1"
    before: int
    after: int
    email: str = ""


class IncidentFieldChanged(Event, frozen=True):
    """What is known of it was put otherwise: a text, or the regions it affects."""

    topic: ClassVar[str] = "incident.field_changed.v1"
    field: Field
    before: str | tuple[str, ...]
    after: str | tuple[str, ...]
    email: str = ""


class IncidentAssigned(Event, frozen=True):
    """Somebody is to work on it; ``assignee`` is whatever their system calls them, empty for nobody."""

    topic: ClassVar[str] = "incident.assigned.v1"
    before: str
    assignee: str
    email: str = ""


class IncidentNoteAdded(Event, frozen=True):
    """Somebody wrote something down about it."""

    topic: ClassVar[str] = "incident.note_added.v1"
    text: str
    email: str = ""


class IncidentResolved(Event, frozen=True):
    """The cause is gone, or is tried again: by hand, by itself, or by the retry of its job."""

    topic: ClassVar[str] = "incident.resolved.v1"
    how: Literal["manual", "automatic", "retry"]
    before: Status = Status.OPEN
    note: str = ""
    email: str = ""


class IncidentClosed(Event, frozen=True):
    """Nobody need look at it any more; unless it was resolved before, it never was a problem, or is one no longer."""

    topic: ClassVar[str] = "incident.closed.v1"
    before: Status
    note: str = ""
    email: str = ""


class IncidentReopened(Event, frozen=True):
    """It was not over after all: a new cycle of work begins."""

    topic: ClassVar[str] = "incident.reopened.v1"
    before: Status
    note: str = ""
    email: str = ""


class IncidentCanceled(Event, frozen=True):
    """What the incident was about ended otherwise: its token is gone."""

    topic: ClassVar[str] = "incident.canceled.v1"
    before: Status = Status.OPEN


class IncidentMerged(Event, frozen=True):
    """It is the same as another one, whose ULID is ``into``, and is worked on there."""

    topic: ClassVar[str] = "incident.merged.v1"
    into: str
    email: str = ""


class DuplicateMerged(Event, frozen=True):
    """Another incident, whose ULID is ``incident``, turned out to be the same as this one."""

    topic: ClassVar[str] = "incident.duplicate_merged.v1"
    incident: str
    email: str = ""


IncidentEvent = (
    IncidentOpened
    | IncidentStartBackdated
    | IncidentRecurred
    | IncidentAcknowledged
    | IncidentStatusChanged
    | IncidentSeverityChanged
    | IncidentFieldChanged
    | IncidentAssigned
    | IncidentNoteAdded
    | IncidentResolved
    | IncidentClosed
    | IncidentReopened
    | IncidentCanceled
    | IncidentMerged
    | DuplicateMerged
)
