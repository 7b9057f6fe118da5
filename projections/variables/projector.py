"""Keeps a row for each variable that has a value, and the value."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import msgspec

from domain.bpmn.events import VariableDeleted, VariableSet
from domain.event import Recorded
from domain.identity import instance_of
from projections.database import Database, named_queries
from projections.folding import Handlers, folded, listed
from projections.read_model import ReadModel

HERE = Path(__file__).parent
SQL = named_queries(HERE / "queries.sql")

#: A variable: its partition and number.
Key = tuple[date, int]


class Row(msgspec.Struct):
    """A variable with the value that it has at the end of the batch, in the order of the table."""

    tenant: str
    partition: date
    id: int
    element_id: int
    element_instance_id: int
    process_id: int
    process_instance_id: int
    name: str
    created_at: datetime
    created_by: str
    encoding: str
    encrypted: bool
    value: str
    sealed_for: str
    updated_at: datetime
    updated_by: str


class Gone(msgspec.Struct):
    """A variable that was deleted in the batch."""

    tenant: str
    partition: date
    id: int


class Batch:
    """``gone`` is written before ``rows``: a variable that is in both was deleted and set anew."""

    def __init__(self) -> None:
        self.rows: dict[Key, Row] = {}
        self.gone: dict[Key, Gone] = {}


def _set(batch: Batch, fact: Recorded, event: VariableSet) -> None:
    instance = instance_of(fact.stream)
    key = (instance.partition, event.id)
    before = batch.rows.get(key)
    batch.rows[key] = Row(
        tenant=fact.tenant,
        partition=instance.partition,
        id=event.id,
        element_id=event.element_id,
        element_instance_id=event.element_instance_id,
        process_id=event.process_id,
        process_instance_id=instance.id,
        name=event.name,
        created_at=before.created_at if before else fact.happened_at,
        created_by=before.created_by if before else fact.actor.id,
        encoding=event.encoding,
        encrypted=event.encrypted,
        value=event.value,
        sealed_for=event.sealed_for,
        updated_at=fact.happened_at,
        updated_by=fact.actor.id,
    )


def _deleted(batch: Batch, fact: Recorded, event: VariableDeleted) -> None:
    key = (instance_of(fact.stream).partition, event.id)
    batch.rows.pop(key, None)
    batch.gone[key] = Gone(fact.tenant, *key)


HANDLERS: Handlers[Batch] = {VariableSet: _set, VariableDeleted: _deleted}


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    batch = folded(facts, Batch(), HANDLERS)
    if batch.gone:
        await db.execute(SQL["delete"], listed(batch.gone.values()))
    if batch.rows:
        await db.execute(SQL["set"], listed(batch.rows.values()))


READ_MODEL = ReadModel(
    name="variables",
    version=2,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("variables",),
    project=project,
    facts=tuple(HANDLERS),
)
