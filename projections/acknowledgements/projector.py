"""Keeps a row for each incident that is acknowledged now, and one for each tenant that has a time-out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from domain.access.events import AcknowledgementTimeoutSet
from domain.event import Recorded
from domain.identity import incident_of
from domain.incidents.events import (
    IncidentAcknowledged,
    IncidentCanceled,
    IncidentClosed,
    IncidentResolved,
    IncidentStatusChanged,
)
from domain.incidents.status import Status
from projections.database import Database, named_queries
from projections.folding import Handlers, folded, listed
from projections.read_model import ReadModel

HERE = Path(__file__).parent
SQL = named_queries(HERE / "queries.sql")


class Row(msgspec.Struct):
    """An incident that is acknowledged, in the order of the table."""

    incident: str
    tenant: str
    since: datetime


class Changes(NamedTuple):
    """What a batch comes to: incidents by ULID, None for one that is acknowledged no longer; minutes by tenant."""

    incidents: dict[str, Row | None]
    timeouts: dict[str, int]


Leaving = IncidentStatusChanged | IncidentResolved | IncidentClosed | IncidentCanceled


def _acknowledged(changes: Changes, fact: Recorded, _event: IncidentAcknowledged) -> None:
    incident = incident_of(fact.stream)
    changes.incidents[incident] = Row(incident, fact.tenant, fact.happened_at)


def _left(changes: Changes, fact: Recorded, event: Leaving) -> None:
    if event.before is Status.ACKNOWLEDGED:
        changes.incidents[incident_of(fact.stream)] = None


def _timeout_set(changes: Changes, fact: Recorded, event: AcknowledgementTimeoutSet) -> None:
    changes.timeouts[fact.tenant] = event.minutes


HANDLERS: Handlers[Changes] = {
    IncidentAcknowledged: _acknowledged,
    IncidentStatusChanged: _left,
    IncidentResolved: _left,
    IncidentClosed: _left,
    IncidentCanceled: _left,
    AcknowledgementTimeoutSet: _timeout_set,
}


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    incidents, timeouts = folded(facts, Changes({}, {}), HANDLERS)
    if incidents:
        await db.execute(SQL["forget"], list(incidents))
        rows = [row for row in incidents.values() if row is not None]
        if rows:
            await db.execute(SQL["insert"], listed(rows))
    if timeouts:
        await db.execute(SQL["unset_timeouts"], list(timeouts))
        await db.execute(SQL["set_timeouts"], *_columns(timeouts))


def _columns(timeouts: Mapping[str, int]) -> tuple[list[str], list[int]]:
    there = [tenant for tenant, minutes in timeouts.items() if minutes]
    return there, [timeouts[tenant] for tenant in there]


READ_MODEL = ReadModel(
    name="acknowledgements",
    version=1,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("acknowledged_incidents", "acknowledgement_timeouts"),
    project=project,
    facts=tuple(HANDLERS),
)
