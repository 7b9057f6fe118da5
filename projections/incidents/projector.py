"""Keeps a row for each incident that a process raised, under the number by which the engine's clients know it."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import msgspec

from domain.event import Recorded
from domain.identity import incident_of
from domain.incidents.events import IncidentCanceled, IncidentOpened, IncidentResolved
from projections.database import Database, named_queries
from projections.folding import Batch, Handlers, folded
from projections.read_model import ReadModel

HERE = Path(__file__).parent
SQL = named_queries(HERE / "queries.sql")


class Row(msgspec.Struct):
    """A row that the batch makes, in the order of the table."""

    incident: str
    tenant: str
    partition: date
    id: int
    element_id: int
    element_instance_id: int
    job_id: int
    process_id: int
    process_instance_id: int
    task_id: int
    created_at: datetime
    created_by: str
    resolved_at: datetime | None = None
    resolved_by: str = ""


class Change(msgspec.Struct):
    """How an incident ended that was there before the batch."""

    incident: str
    resolved_at: datetime
    resolved_by: str


def _opened(batch: Batch, fact: Recorded, event: IncidentOpened) -> None:
    cause = event.process
    if cause is None:
        return
    incident = incident_of(fact.stream)
    batch.rows[incident] = Row(
        incident=incident,
        tenant=fact.tenant,
        partition=date.fromisoformat(cause.partition),
        id=cause.incident_id,
        element_id=cause.element_id,
        element_instance_id=cause.element_instance_id,
        job_id=cause.job_id,
        process_id=cause.process_id,
        process_instance_id=cause.process_instance_id,
        task_id=cause.task_id,
        created_at=fact.happened_at,
        created_by=fact.actor.id,
    )


def _ended(batch: Batch, fact: Recorded, _event: IncidentResolved | IncidentCanceled) -> None:
    incident = incident_of(fact.stream)
    row: Row | None = batch.rows.get(incident)
    if row is None:
        batch.changes[incident] = Change(incident, fact.happened_at, fact.actor.id)
    else:
        row.resolved_at, row.resolved_by = fact.happened_at, fact.actor.id


HANDLERS: Handlers[Batch] = {IncidentOpened: _opened, IncidentResolved: _ended, IncidentCanceled: _ended}


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    await folded(facts, Batch(), HANDLERS).write(db, SQL["insert"], SQL["update"])


READ_MODEL = ReadModel(
    name="incidents",
    version=1,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("incidents",),
    project=project,
    facts=tuple(HANDLERS),
)
