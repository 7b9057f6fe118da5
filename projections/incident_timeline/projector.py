"""Keeps a row for each fact of each incident."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from domain.event import Event, Recorded
from domain.identity import incident_of
from domain.incidents.events import (
    DuplicateMerged,
    IncidentAcknowledged,
    IncidentAssigned,
    IncidentCanceled,
    IncidentClosed,
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
)
from domain.incidents.status import Status
from domain.timestamps import rfc3339
from projections.database import Database, named_queries
from projections.folding import listed
from projections.read_model import ReadModel

HERE = Path(__file__).parent
SQL = named_queries(HERE / "queries.sql")


class Row(msgspec.Struct):
    """A fact, in the order of the table."""

    incident: str
    version: int
    tenant: str
    position: int
    kind: str
    happened_at: datetime
    actor_kind: str
    actor_id: str
    email: str
    before: str | None
    after: str | None
    text: str
    field: str | None
    type: str | None
    is_work: bool


class Saying(NamedTuple):
    """What a fact says: what was there before and is there now, in which field, and words."""

    before: str | None = None
    after: str | None = None
    text: str = ""
    field: str | None = None
    type: str | None = None


def _field_changed(event: IncidentFieldChanged) -> Saying:
    return Saying(_plain(event.before), _plain(event.after), field=event.field)


def _plain(value: str | tuple[str, ...]) -> str:
    """Return a text as it is and a list as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


SAYINGS: Mapping[type[Event], Callable[[Any], Saying]] = {
    IncidentOpened: lambda event: Saying(None, Status.OPEN, event.error_message, type=event.type),
    IncidentStartBackdated: lambda event: Saying(None, rfc3339(event.started_at), field="started_at"),
    IncidentRecurred: lambda event: Saying(text=event.error_message, type=event.type),
    IncidentAcknowledged: lambda event: Saying(event.before, Status.ACKNOWLEDGED, event.note),
    IncidentStatusChanged: lambda event: Saying(event.before, event.after, event.note),
    IncidentSeverityChanged: lambda event: Saying(str(event.before), str(event.after), field="severity"),
    IncidentFieldChanged: _field_changed,
    IncidentAssigned: lambda event: Saying(event.before or None, event.assignee or None, field="assignee"),
    IncidentNoteAdded: lambda event: Saying(text=event.text),
    IncidentResolved: lambda event: Saying(event.before, Status.RESOLVED, event.note),
    IncidentClosed: lambda event: Saying(event.before, Status.CLOSED, event.note),
    IncidentReopened: lambda event: Saying(event.before, Status.OPEN, event.note),
    IncidentCanceled: lambda event: Saying(event.before, Status.CANCELED),
    IncidentMerged: lambda event: Saying(None, event.into, field="merged_into"),
    DuplicateMerged: lambda event: Saying(None, event.incident, field="duplicate"),
}

#: Notes and changes of status, as people follow the work on an incident; that it was opened is neither.
WORK = frozenset(
    {
        IncidentAcknowledged,
        IncidentStatusChanged,
        IncidentNoteAdded,
        IncidentResolved,
        IncidentClosed,
        IncidentReopened,
        IncidentCanceled,
    }
)

KINDS = {fact: fact.topic.rpartition(".")[0] for fact in SAYINGS}


def _row(fact: Recorded) -> Row:
    event = fact.event
    fact_type = type(event)
    return Row(
        incident_of(fact.stream),
        fact.version,
        fact.tenant,
        fact.position,
        KINDS[fact_type],
        fact.happened_at,
        fact.actor.kind,
        fact.actor.id,
        getattr(event, "email", ""),
        *SAYINGS[fact_type](event),
        is_work=fact_type in WORK,
    )


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    rows = [_row(fact) for fact in facts if type(fact.event) in SAYINGS]
    if rows:
        await db.execute(SQL["insert"], listed(rows))


READ_MODEL = ReadModel(
    name="incident_timeline",
    version=2,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("incident_timeline",),
    project=project,
    facts=tuple(SAYINGS),
)
