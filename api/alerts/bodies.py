"""The bodies of alerts about incidents: what clients send, and what they get (contracts/incidents.md 4.2, 4.3)."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from api.incidents.bodies import Form

#: Incidents of a page.
DEFAULT_LIMIT, MOST_INCIDENTS = 50, 200

#: How many of the latest notes and changes of status come with each incident of a list, and with one alone: answers
#: stay within bounds whatever is written down about an incident. All of them are in uptime's timeline.
WORK_LISTED, WORK_SHOWN = 20, 500

#: Characters of a note.
LONGEST_NOTE = 4000


class MoveForm(Form, frozen=True):
    """Where an incident is to go."""

    status: str = ""


class NoteForm(Form, frozen=True):
    """A note; what is no text is refused like no note at all."""

    content: Any = None


class AlertNote(msgspec.Struct, frozen=True, rename="camel"):
    """What somebody wrote down; ``user_name`` is their e-mail address where they have one, else their id."""

    user_id: str
    user_email: str | None
    user_name: str
    content: str
    created_at: str


class AlertStatusChange(msgspec.Struct, frozen=True, rename="camel"):
    """A status that an incident took on; the first one is that with which it was fired."""

    status: str
    changed_by: str
    changed_at: str


class AlertMetadata(msgspec.Struct, frozen=True, rename="camel"):
    """How the rule was evaluated; null for incidents that no rule fired, whose scope is empty."""

    operator: str | None
    window_minutes: int | None
    sample_count: int | None
    scope: Mapping[str, str]


class AlertIncident(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """An incident in the words of alerts.

    Of an incident that no rule fired there is no rule, metric, threshold and value. The stamps are those of the current
    cycle: null again once it is reopened.
    """

    id: str = msgspec.field(name="_id")
    tenant_id: str
    rule_id: str | None
    rule_name: str | None
    metric: str | None
    threshold: float | None
    actual_value: float | None
    severity: str
    status: str
    assigned_to: str | None
    notes: Sequence[AlertNote]
    status_history: Sequence[AlertStatusChange]
    fired_at: str
    acknowledged_at: str | None
    resolved_at: str | None
    resolved_by: str | None
    closed_at: str | None
    metadata: AlertMetadata
    created_at: str
    updated_at: str


class AlertIncidentAnswer(msgspec.Struct, frozen=True):
    """One incident."""

    incident: AlertIncident


class AlertIncidentsAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """A page of incidents, the one fired last first; ``open_count`` counts all open ones, whatever the filters."""

    incidents: Sequence[AlertIncident]
    open_count: int
