"""Keeps a row for each element instance, and its state."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import msgspec

from domain.bpmn.events import (
    ElementCompleted,
    ElementEntered,
    ElementPassed,
    ElementResumed,
    ElementStarted,
    ElementSuspended,
    ElementTerminated,
    InstanceState,
)
from domain.event import Recorded
from domain.identity import instance_of
from domain.processes.events import ProcessDeployed
from projections.database import Database, named_queries
from projections.folding import Batch, Handlers, folded, listed
from projections.read_model import ReadModel

HERE = Path(__file__).parent
SQL = named_queries(HERE / "queries.sql")


class Key(msgspec.Struct):
    """A row of the table of those that have not ended."""

    tenant: str
    partition: date
    id: int


class TypeRow(msgspec.Struct):
    """A row of the table of types."""

    element_id: int
    bpmn_element_type: str


class Row(msgspec.Struct):
    """A row that the batch makes, in the order of the table."""

    tenant: str
    partition: date
    id: int
    parent_id: int
    element_id: int
    process_id: int
    process_instance_id: int
    bpmn_element_id: str
    created_at: datetime
    created_by: str
    multi_instance: bool
    state: str
    started_at: datetime | None
    ended_at: datetime | None


class Change(msgspec.Struct):
    """What becomes of a row that was there before the batch; a time that is none stays as it was."""

    tenant: str
    partition: date
    id: int
    state: str
    started_at: datetime | None = None
    ended_at: datetime | None = None


class ElementBatch(Batch):
    def __init__(self) -> None:
        super().__init__()
        self.types: list[TypeRow] = []

    @property
    def opened(self) -> list[Key]:
        return [Key(row.tenant, *key) for key, row in self.rows.items() if row.ended_at is None]

    @property
    def closed(self) -> list[Key]:
        return [Key(change.tenant, *key) for key, change in self.changes.items() if change.ended_at is not None]


def _deployed(batch: ElementBatch, _fact: Recorded, event: ProcessDeployed) -> None:
    batch.types += [TypeRow(element.id, element.type) for element in event.elements]


def _entered(batch: ElementBatch, fact: Recorded, event: ElementEntered) -> None:
    started_at = fact.happened_at if event.state is InstanceState.STARTED else None
    _create(batch, fact, event, (event.state, started_at, None))


def _passed(batch: ElementBatch, fact: Recorded, event: ElementPassed) -> None:
    _create(batch, fact, event, (InstanceState.COMPLETED, fact.happened_at, fact.happened_at))


def _create(
    batch: ElementBatch,
    fact: Recorded,
    event: ElementEntered | ElementPassed,
    state: tuple[InstanceState, datetime | None, datetime | None],
) -> None:
    """Add a row in a state, which began and ended at the times beside it."""
    instance = instance_of(fact.stream)
    batch.rows[instance.partition, event.id] = Row(
        fact.tenant,
        instance.partition,
        event.id,
        event.parent_id,
        event.element_id,
        event.process_id,
        instance.id,
        event.element,
        fact.happened_at,
        fact.actor.id,
        isinstance(event, ElementEntered) and event.multi_instance,
        *state,
    )


def _enter(batch: ElementBatch, fact: Recorded, element_instance_id: int, state: InstanceState) -> Row | Change:
    """Put an element instance into a state and return what stands for it in the batch."""
    key = (instance_of(fact.stream).partition, element_instance_id)
    row: Row | Change | None = batch.find(key)
    if row is None:
        row = batch.changes[key] = Change(fact.tenant, *key, state)
    row.state = state
    return row


def _started(batch: ElementBatch, fact: Recorded, event: ElementStarted) -> None:
    _enter(batch, fact, event.id, InstanceState.STARTED).started_at = fact.happened_at


def _suspended(batch: ElementBatch, fact: Recorded, event: ElementSuspended) -> None:
    _enter(batch, fact, event.id, InstanceState.SUSPENDED)


def _resumed(batch: ElementBatch, fact: Recorded, event: ElementResumed) -> None:
    _enter(batch, fact, event.id, event.state)


def _completed(batch: ElementBatch, fact: Recorded, event: ElementCompleted) -> None:
    """Apply the end of an element instance; one that was only armed until it fired began in the same moment."""
    row = _enter(batch, fact, event.id, InstanceState.COMPLETED)
    row.ended_at = fact.happened_at
    if isinstance(row, Row) and row.started_at is None:
        row.started_at = row.ended_at


def _terminated(batch: ElementBatch, fact: Recorded, event: ElementTerminated) -> None:
    _enter(batch, fact, event.id, InstanceState.TERMINATED).ended_at = fact.happened_at


HANDLERS: Handlers[ElementBatch] = {
    ProcessDeployed: _deployed,
    ElementEntered: _entered,
    ElementPassed: _passed,
    ElementStarted: _started,
    ElementSuspended: _suspended,
    ElementResumed: _resumed,
    ElementCompleted: _completed,
    ElementTerminated: _terminated,
}


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    batch = folded(facts, ElementBatch(), HANDLERS)
    if batch.types:
        await db.execute(SQL["insert_types"], listed(batch.types))
    await batch.write(db, SQL["insert"], SQL["update"])
    if batch.opened:
        await db.execute(SQL["open"], listed(batch.opened))
    if batch.closed:
        await db.execute(SQL["close"], listed(batch.closed))


READ_MODEL = ReadModel(
    name="element_instances",
    version=2,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("element_instances", "element_instances_open", "element_instances_types"),
    project=project,
    facts=tuple(HANDLERS),
)
