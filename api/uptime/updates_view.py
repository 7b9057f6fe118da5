"""The timeline of an incident as uptime tells it (contracts/incidents.md 3.6). Times are ISO 8601 here.

A change of status is told where uptime's word for it changes. What moves on behind one word, or a severity behind one
word, is told as ``updated`` with a message and no values, so that notes are not lost and pages hold what they count.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from api.incidents.ids import INCIDENT_IDS
from domain.event import Recorded
from domain.incidents.dialects import UPTIME
from domain.incidents.events import IncidentNoteAdded
from domain.incidents.status import Status
from domain.timestamps import iso_milliseconds
from projections.incident_timeline.queries import TimelineEntry

#: What it is called that an incident got to a status.
ACTIONS: Mapping[str, str] = {
    "open": "reopened",
    "acknowledged": "acknowledged",
    "resolved": "resolved",
    "closed": "closed",
}

#: Kinds of actors that are told as the system itself (contracts/incidents.md 0.6).
SYSTEM = frozenset({"rule", "monitor", "system"})


class UpdateView(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened; ``field`` says what ``old_value`` and ``new_value`` are values of."""

    id: str
    incident_id: str
    action: str
    user_id: str
    user_email: str | None
    user_name: str
    message: str | None
    field: str | None
    old_value: str | None
    new_value: str | None
    created_at: str


class SeveralUpdates(msgspec.Struct, frozen=True):
    updates: list[UpdateView]


class Told(NamedTuple):
    """What an entry comes to in uptime's words; ``field`` is what ``old`` and ``new`` are values of.

    ``message`` is said where nobody wrote one.
    """

    action: str
    field: str | None = None
    old: str | None = None
    new: str | None = None
    message: str | None = None


class Author(NamedTuple):
    """Who did it, when, and as which entry of the incident's history."""

    incident: str
    version: int
    kind: str
    name: str
    email: str
    at: datetime


def update(entry: TimelineEntry) -> UpdateView:
    """Put an entry of the timeline in uptime's words."""
    author = Author(entry.incident, entry.version, entry.actor_kind, entry.actor_id, entry.email, entry.happened_at)
    return _view(author, TOLD[entry.kind](entry), entry.text)


def comment(incident: str, recorded: Recorded) -> UpdateView:
    """Put a note in the same words, as the log has it."""
    note, actor = recorded.event, recorded.actor
    if not isinstance(note, IncidentNoteAdded):
        raise TypeError(f"{note.topic} is no note")
    author = Author(incident, recorded.version, actor.kind, actor.id, note.email, recorded.happened_at)
    return _view(author, Told("comment_added"), note.text)


def _view(author: Author, told: Told, text: str) -> UpdateView:
    user = "system" if author.kind in SYSTEM else author.name
    return UpdateView(
        id=f"upd_{author.incident}_{author.version}",
        incident_id=INCIDENT_IDS.of(author.incident),
        action=told.action,
        user_id=user,
        user_email=author.email or None,
        user_name=user.removeprefix("key:"),
        message=text or told.message,
        field=told.field,
        old_value=told.old,
        new_value=told.new,
        created_at=iso_milliseconds(author.at),
    )


def _moved(entry: TimelineEntry) -> Told:
    """Tell a change of status where uptime has another word for it then."""
    old, new = (UPTIME.statuses[Status(word)] for word in (entry.before or "", entry.after or ""))
    if old != new:
        return Told(ACTIONS[new], "status", old, new)
    return Told("updated", message=f"went on from {entry.before} to {entry.after}")


def _ranked(entry: TimelineEntry) -> Told:
    """Tell a change of severity where uptime has another word for it then."""
    old, new = (UPTIME.severities[int(rank or 0)] for rank in (entry.before, entry.after))
    if old != new:
        return Told("severity_changed", "severity", old, new)
    return Told("updated", message=f"severity went from rank {entry.before} to {entry.after}")


def _changed(entry: TimelineEntry) -> Told:
    return Told("updated", entry.field, entry.before, entry.after)


def _merged(entry: TimelineEntry) -> Told:
    return Told("updated", entry.field, None, INCIDENT_IDS.of(entry.after or ""))


#: By the registered name of the fact.
TOLD: Mapping[str, Callable[[TimelineEntry], Told]] = {
    "incident.opened": lambda _entry: Told("created", "status", None, "open"),
    "incident.start_backdated": _changed,
    "incident.recurred": lambda entry: Told("updated", message=f"failed again: {entry.type or 'the same'}"),
    "incident.acknowledged": _moved,
    "incident.status_changed": _moved,
    "incident.severity_changed": _ranked,
    "incident.field_changed": _changed,
    "incident.assigned": lambda entry: Told("updated", "assignee_id", entry.before, entry.after),
    "incident.note_added": lambda _entry: Told("comment_added"),
    "incident.resolved": _moved,
    "incident.closed": _moved,
    "incident.reopened": _moved,
    "incident.canceled": _moved,
    "incident.merged": _merged,
    "incident.duplicate_merged": _merged,
}
