"""Keeps a row for each process instance, and its state."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import msgspec

from domain.bpmn.events import (
    InstanceState,
    ProcessInstanceCanceled,
    ProcessInstanceCompleted,
    ProcessInstanceDequeued,
    ProcessInstanceResumed,
    ProcessInstanceStarted,
    ProcessInstanceSuspended,
    ProcessInstanceTerminated,
)
from domain.event import Recorded
from domain.identity import instance_of
from projections.conditions import tags_column
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
    parent_id: int
    root_id: int
    process_id: int
    bpmn_process_id: str
    version: str
    correlation_key: str
    created_at: datetime
    created_by: str
    tags: Mapping[str, str] | None
    state: str
    started_at: datetime | None
    ended_at: datetime | None = None


class Change(msgspec.Struct):
    """What becomes of a row that was there before the batch; none leaves a member as it was."""

    tenant: str
    partition: date
    id: int
    state: str
    started_at: datetime | None = None
    ended_at: datetime | None = None


def _started(batch: Batch, fact: Recorded, event: ProcessInstanceStarted) -> None:
    instance = instance_of(fact.stream)
    batch.rows[instance] = Row(
        tenant=fact.tenant,
        partition=instance.partition,
        id=instance.id,
        parent_id=event.parent_id,
        root_id=event.root_id or instance.id,
        process_id=event.process_id,
        bpmn_process_id=event.bpmn_process_id,
        version=event.version,
        correlation_key=event.correlation_key,
        created_at=fact.happened_at,
        created_by=fact.actor.id,
        tags=tags_column(event.tags),
        state=event.state,
        started_at=None if event.state is InstanceState.QUEUED else fact.happened_at,
    )


def _enter(batch: Batch, fact: Recorded, state: InstanceState) -> Row | Change:
    """Put an instance into a state and return what stands for it in the batch."""
    instance = instance_of(fact.stream)
    row: Row | Change | None = batch.find(instance)
    if row is None:
        row = batch.changes[instance] = Change(fact.tenant, instance.partition, instance.id, state)
    row.state = state
    return row


def _dequeued(batch: Batch, fact: Recorded, _event: ProcessInstanceDequeued) -> None:
    _enter(batch, fact, InstanceState.STARTED).started_at = fact.happened_at


def _suspended(batch: Batch, fact: Recorded, _event: ProcessInstanceSuspended) -> None:
    _enter(batch, fact, InstanceState.SUSPENDED)


def _resumed(batch: Batch, fact: Recorded, _event: ProcessInstanceResumed) -> None:
    _enter(batch, fact, InstanceState.STARTED)


def _completed(batch: Batch, fact: Recorded, _event: ProcessInstanceCompleted) -> None:
    _enter(batch, fact, InstanceState.COMPLETED).ended_at = fact.happened_at


def _terminated(batch: Batch, fact: Recorded, _event: ProcessInstanceTerminated) -> None:
    _enter(batch, fact, InstanceState.TERMINATED).ended_at = fact.happened_at


def _canceled(batch: Batch, fact: Recorded, _event: ProcessInstanceCanceled) -> None:
    _enter(batch, fact, InstanceState.CANCELED).ended_at = fact.happened_at


HANDLERS: Handlers[Batch] = {
    ProcessInstanceStarted: _started,
    ProcessInstanceDequeued: _dequeued,
    ProcessInstanceSuspended: _suspended,
    ProcessInstanceResumed: _resumed,
    ProcessInstanceCompleted: _completed,
    ProcessInstanceTerminated: _terminated,
    ProcessInstanceCanceled: _canceled,
}


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    await folded(facts, Batch(), HANDLERS).write(db, SQL["insert"], SQL["update"])


READ_MODEL = ReadModel(
    name="process_instances",
    version=2,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("process_instances",),
    project=project,
    facts=tuple(HANDLERS),
)
