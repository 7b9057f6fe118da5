"""What clients send about incidents, and the command that it comes to (contracts/incidents.md 3.1, 3.3, 0.6).

Limits are those of uptime, and pointers name its fields: commands check again in the words of all dialects.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, get_args

from api.incidents.bodies import Form
from api.incidents.ids import CHECK_IDS
from commands.check_incidents import OpenIncidentOfCheck
from commands.incident_changes import AddNote, ChangeIncident
from commands.incident_fields import (
    LONGEST_ASSIGNEE,
    LONGEST_MESSAGE,
    LONGEST_NOTE,
    LONGEST_TITLE,
    monitors,
    one_of,
    regions,
    text,
)
from commands.incident_moves import MoveIncident
from commands.incident_opening import OpenIncident
from domain.access.caller import Caller
from domain.identity import INT32_MAX
from domain.incidents.dialects import UPTIME
from domain.incidents.events import FailureType
from domain.rejection import Cause, InvalidInput
from domain.timestamps import EPOCH, in_utc

TYPES: tuple[str, ...] = get_args(FailureType)
SOURCES = ("manual", "system")


class CreateForm(Form, frozen=True):
    """``POST /api/incidents``."""

    severity: str
    type: str
    error_message: str
    check_id: str | None = None
    title: str | None = None
    source: str | None = None
    affected_regions: tuple[str, ...] = ()
    affected_monitor_ids: tuple[str, ...] = ()
    failure_count: int = 1
    status_page_update: str | None = None
    started_at: datetime | None = None


class ChangeForm(Form, frozen=True):
    """``PUT /api/incidents/{id}``; the status is changed elsewhere."""

    severity: str | None = None
    error_message: str | None = None
    affected_regions: tuple[str, ...] | None = None


class StatusForm(Form, frozen=True):
    """``PUT /api/incidents/{id}/status``."""

    status: str
    note: str | None = None
    assignee_id: str | None = None


class EmptyForm(Form, frozen=True):
    """``POST /api/incidents/{id}/acknowledge``, where a client sends a body at all."""


class UpdateForm(Form, frozen=True):
    """``POST /api/incidents/{id}/updates``."""

    message: str


def opening(form: CreateForm, now: datetime) -> tuple[OpenIncident | OpenIncidentOfCheck, str | None]:
    """Return the command that opens an incident and its target, a check's ULID; raise ``InvalidInput``."""
    _require(_wrong_to_open(form, now))
    told: dict[str, Any] = {
        "title": form.title or "",
        "severity": UPTIME.ranks[form.severity],
        "type": form.type,
        "affected_regions": form.affected_regions,
        "affected_monitors": form.affected_monitor_ids,
        "failure_count": form.failure_count,
        "status_page_update": form.status_page_update or "",
        "started_at": in_utc(form.started_at) if form.started_at else None,
    }
    if form.check_id is None:
        return OpenIncident(description=form.error_message, **told), None
    return OpenIncidentOfCheck(error_message=form.error_message, **told), CHECK_IDS.ulid(form.check_id)


def changing(form: ChangeForm) -> ChangeIncident:
    """Return the command that changes fields, checked before the incident is looked for."""
    causes: list[Cause] = []
    if form.severity is not None:
        causes += one_of("#/severity", form.severity, UPTIME.ranks)
    if form.error_message is not None:
        causes += text("#/error_message", form.error_message, 1, LONGEST_MESSAGE)
    if form.affected_regions is not None:
        causes += regions("#/affected_regions", form.affected_regions)
    _require(causes)
    return ChangeIncident(UPTIME.name, form.severity, form.error_message, form.affected_regions)


def moving(form: StatusForm, caller: Caller) -> MoveIncident:
    """Return the command that moves an incident, into the caller's hands unless others are named."""
    causes = [*one_of("#/status", form.status, UPTIME.words)]
    if form.assignee_id is not None:
        causes += text("#/assignee_id", form.assignee_id, 1, LONGEST_ASSIGNEE)
    causes += text("#/note", form.note or "", 0, LONGEST_NOTE)
    _require(causes)
    return MoveIncident(UPTIME.name, form.status, form.note or "", form.assignee_id or _name_of(caller))


def acknowledging(caller: Caller) -> MoveIncident:
    """Return the command that has the caller take an incident."""
    note = f"acknowledged by {caller.email or caller.actor.id}"
    return MoveIncident(UPTIME.name, "acknowledged", note[:LONGEST_NOTE], _name_of(caller))


def commenting(form: UpdateForm) -> AddNote:
    """Return the command that adds a comment."""
    _require(text("#/message", form.message, 1, LONGEST_MESSAGE))
    return AddNote(UPTIME.name, form.message)


def _wrong_to_open(form: CreateForm, now: datetime) -> Iterator[Cause]:
    yield from one_of("#/severity", form.severity, UPTIME.ranks)
    yield from one_of("#/type", form.type, TYPES)
    yield from text("#/error_message", form.error_message, 1, LONGEST_MESSAGE)
    yield from _wrong_source(form)
    yield from regions("#/affected_regions", form.affected_regions)
    yield from monitors("#/affected_monitor_ids", form.affected_monitor_ids)
    if not 1 <= form.failure_count <= INT32_MAX:
        yield Cause("#/failure_count", "range", f"must be a number from 1 to {INT32_MAX}")
    yield from text("#/status_page_update", form.status_page_update or "", 0, LONGEST_MESSAGE)
    yield from _wrong_start(form.started_at, now)


def _wrong_source(form: CreateForm) -> Iterator[Cause]:
    """Look at source, check and title: a check makes an incident a system one, which has a title without being told."""
    source = "manual" if form.check_id is None else "system"
    if form.source is not None and form.source not in SOURCES:
        yield from one_of("#/source", form.source, SOURCES)
    elif form.source not in {None, source}:
        yield Cause("#/source", "check", f"must be {source}: an incident is a system one where a check_id is given")
    if form.check_id is not None and CHECK_IDS.ulid(form.check_id) is None:
        yield Cause("#/check_id", "unknown", "there is no such check")
    if form.title is not None or form.check_id is None:
        yield from text("#/title", form.title or "", 1, LONGEST_TITLE)


def _wrong_start(started_at: datetime | None, now: datetime) -> Iterator[Cause]:
    if started_at is None:
        return
    try:
        moment = in_utc(started_at)
    except OverflowError:
        moment = EPOCH - timedelta(1)
    if not EPOCH <= moment <= now:
        yield Cause("#/started_at", "range", "must be between 1970 and now")


def _name_of(caller: Caller) -> str:
    """Name the caller as an assignee: names of keys may be longer than those."""
    return caller.actor.id[:LONGEST_ASSIGNEE]


def _require(causes: Iterator[Cause] | list[Cause]) -> None:
    found = tuple(causes)
    if found:
        raise InvalidInput("failed to handle request", "fields are invalid", found)
