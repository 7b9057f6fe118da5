"""Facts of the canonical incident. Its stream is ``incident-<ULID>`` (contracts/incidents.md 0.1)."""

from typing import ClassVar, Literal

import msgspec

from domain.event import Event

SourceKind = Literal["process", "alert_rule", "monitor", "external_alert", "manual"]
IncidentType = Literal["failedJob", "failedTask"]


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


class IncidentOpened(Event, frozen=True):
    """Something went wrong that people have to look at. ``severity`` ranks from 4 (critical) to 0 (info)."""

    topic: ClassVar[str] = "incident.opened.v1"
    source: SourceKind
    severity: int
    title: str
    error_message: str
    process: ProcessCause | None = None
    previous_incident: str = ""


class IncidentResolved(Event, frozen=True):
    """The cause is gone, or is tried again: by hand, by itself, or by the retry of its job."""

    topic: ClassVar[str] = "incident.resolved.v1"
    how: Literal["manual", "automatic", "retry"]


class IncidentCanceled(Event, frozen=True):
    """What the incident was about ended otherwise: its token is gone."""

    topic: ClassVar[str] = "incident.canceled.v1"


IncidentEvent = IncidentOpened | IncidentResolved | IncidentCanceled
