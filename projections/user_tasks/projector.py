"""Keeps a row for each user task, with its newest revision."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import msgspec

from domain.bpmn.events import UserTaskCompleted, UserTaskCreated, UserTaskTerminated, UserTaskUpdated
from domain.event import Recorded
from domain.identity import instance_of
from projections.conditions import tags_column
from projections.database import Database, named_queries
from projections.folding import Batch, Handlers, folded
from projections.read_model import ReadModel
from projections.views import UserTaskState

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
    revision: int | None
    state: str
    tags: Mapping[str, str] | None
    updated_at: datetime
    updated_by: str


class Change(msgspec.Struct):
    """What becomes of a row that was there before the batch; without a revision it keeps that and its tags."""

    tenant: str
    partition: date
    id: int
    state: str
    updated_at: datetime
    updated_by: str
    revision: int | None = None
    tags: Mapping[str, str] | None = None


def _created(batch: Batch, fact: Recorded, event: UserTaskCreated) -> None:
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
        revision=1,
        state=UserTaskState.STARTED,
        tags=None,
        updated_at=fact.happened_at,
        updated_by=fact.actor.id,
    )


def _enter(batch: Batch, fact: Recorded, user_task_id: int, state: UserTaskState) -> Row | Change:
    """Put a user task into a state and return what stands for it in the batch."""
    key = (instance_of(fact.stream).partition, user_task_id)
    row: Row | Change | None = batch.find(key)
    if row is None:
        row = batch.changes[key] = Change(fact.tenant, *key, state, fact.happened_at, fact.actor.id)
    row.state, row.updated_at, row.updated_by = state, fact.happened_at, fact.actor.id
    return row


def _updated(batch: Batch, fact: Recorded, event: UserTaskUpdated) -> None:
    row = _enter(batch, fact, event.id, UserTaskState.STARTED)
    row.revision, row.tags = event.revision, tags_column(event.tags)


def _completed(batch: Batch, fact: Recorded, event: UserTaskCompleted) -> None:
    row = _enter(batch, fact, event.id, UserTaskState.COMPLETED)
    row.revision, row.tags = event.revision, tags_column(event.tags)


def _terminated(batch: Batch, fact: Recorded, event: UserTaskTerminated) -> None:
    _enter(batch, fact, event.id, UserTaskState.TERMINATED)


HANDLERS: Handlers[Batch] = {
    UserTaskCreated: _created,
    UserTaskUpdated: _updated,
    UserTaskCompleted: _completed,
    UserTaskTerminated: _terminated,
}


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    await folded(facts, Batch(), HANDLERS).write(db, SQL["insert"], SQL["update"])


READ_MODEL = ReadModel(
    name="user_tasks",
    version=1,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("user_tasks",),
    project=project,
    facts=tuple(HANDLERS),
)
