"""Keeps a row for each job, and its state."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import msgspec

from domain.bpmn.events import (
    JobCanceled,
    JobCompleted,
    JobCreated,
    JobFailed,
    JobLocked,
    JobLockExpired,
    JobUnlocked,
    WorkState,
)
from domain.event import Recorded
from domain.identity import instance_of
from projections import work
from projections.database import Database, named_queries
from projections.folding import Batch, Handlers, folded
from projections.read_model import ReadModel

HERE = Path(__file__).parent
SQL = named_queries(HERE / "queries.sql")


class Row(msgspec.Struct):
    """A row that the batch makes, in the order of the table."""

    tenant: str
    partition: date
    id: int
    element_id: int
    element_instance_id: int
    process_id: int
    process_instance_id: int
    bpmn_element_id: str
    correlation_key: str
    created_at: datetime
    created_by: str
    due_at: datetime
    retry_count: int
    type: str
    state: str
    locked_at: datetime | None = None
    locked_by: str | None = ""
    completed_at: datetime | None = None
    error: str = ""


def _created(batch: Batch, fact: Recorded, event: JobCreated) -> None:
    instance = instance_of(fact.stream)
    batch.rows[instance.partition, event.id] = Row(
        tenant=fact.tenant,
        partition=instance.partition,
        id=event.id,
        element_id=event.element_id,
        element_instance_id=event.element_instance_id,
        process_id=event.process_id,
        process_instance_id=instance.id,
        bpmn_element_id=event.element,
        correlation_key=event.correlation_key,
        created_at=fact.happened_at,
        created_by=fact.actor.id,
        due_at=event.due_at,
        retry_count=event.retry_count,
        type=event.type,
        state=WorkState.CREATED,
    )


HANDLERS: Handlers[Batch] = {
    JobCreated: _created,
    JobLocked: work.locked,
    JobUnlocked: work.unlocked,
    JobLockExpired: work.unlocked,
    JobCompleted: work.completed,
    JobFailed: work.failed,
    JobCanceled: work.canceled,
}


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    await folded(facts, Batch(), HANDLERS).write(db, SQL["insert"], SQL["update"])


READ_MODEL = ReadModel(
    name="jobs",
    version=2,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("jobs",),
    project=project,
    facts=tuple(HANDLERS),
)
