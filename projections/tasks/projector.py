"""Keeps a row for each task of the engine, and its state."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import msgspec

from domain.bpmn.events import (
    TaskCanceled,
    TaskCompleted,
    TaskCreated,
    TaskFailed,
    TaskLocked,
    TaskUnlocked,
    WorkState,
)
from domain.event import Recorded
from domain.identity import instance_of
from projections import work
from projections.database import Database, named_queries
from projections.definitions import TaskSubject, serialized_task
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
    created_at: datetime
    created_by: str
    due_at: datetime
    retry_count: int
    type: str
    serialized_task: str
    state: str
    locked_at: datetime | None = None
    locked_by: str | None = ""
    completed_at: datetime | None = None
    error: str = ""


def _created(batch: Batch, fact: Recorded, event: TaskCreated) -> None:
    partition = work.partition_of(fact.stream)
    subject = TaskSubject(event.timer, event.message_id, event.signal_id, event.bpmn_process_id)
    batch.rows[partition, event.id] = Row(
        tenant=fact.tenant,
        partition=partition,
        id=event.id,
        element_id=event.element_id,
        element_instance_id=event.element_instance_id,
        process_id=event.process_id,
        process_instance_id=_process_instance_id(fact.stream, event),
        bpmn_element_id=event.element,
        created_at=fact.happened_at,
        created_by=fact.actor.id,
        due_at=event.due_at,
        retry_count=event.retry_count,
        type=event.type,
        serialized_task=serialized_task(event.type, subject),
        state=WorkState.CREATED,
    )


def _process_instance_id(stream: str, event: TaskCreated) -> int:
    """Return the instance whose stream it is; a task in a stream of its own names one, or has none."""
    return event.process_instance_id if stream.startswith("task-") else instance_of(stream).id


HANDLERS: Handlers[Batch] = {
    TaskCreated: _created,
    TaskLocked: work.locked,
    TaskUnlocked: work.unlocked,
    TaskCompleted: work.completed,
    TaskFailed: work.failed,
    TaskCanceled: work.canceled,
}


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    await folded(facts, Batch(), HANDLERS).write(db, SQL["insert"], SQL["update"])


READ_MODEL = ReadModel(
    name="tasks",
    version=2,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("tasks",),
    project=project,
    facts=tuple(HANDLERS),
)
