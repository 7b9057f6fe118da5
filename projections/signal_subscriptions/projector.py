"""Keeps a row for each event that waits for a signal."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import msgspec

from domain.bpmn.events import SignalSubscribed, SignalUnsubscribed
from domain.event import Recorded
from domain.identity import instance_of
from domain.messaging.events import SignalSent
from projections.database import Database, named_queries
from projections.folding import Batch, Handlers, folded, forget
from projections.read_model import ReadModel

HERE = Path(__file__).parent
SQL = named_queries(HERE / "queries.sql")


class Row(msgspec.Struct):
    """A row that the batch makes, in the order of the table."""

    tenant: str
    id: int
    partition: date
    element_id: int
    element_instance_id: int
    process_id: int
    process_instance_id: int
    bpmn_element_id: str
    created_at: datetime
    created_by: str
    name: str


def _subscribed(batch: Batch, fact: Recorded, event: SignalSubscribed) -> None:
    instance = instance_of(fact.stream)
    batch.rows[event.id] = Row(
        tenant=fact.tenant,
        id=event.id,
        partition=instance.partition,
        element_id=event.element_id,
        element_instance_id=event.element_instance_id,
        process_id=event.process_id,
        process_instance_id=instance.id,
        bpmn_element_id=event.element,
        created_at=fact.happened_at,
        created_by=fact.actor.id,
        name=event.name,
    )


def _unsubscribed(batch: Batch, fact: Recorded, event: SignalUnsubscribed) -> None:
    forget(batch, fact.tenant, event.id)


def _sent(batch: Batch, fact: Recorded, event: SignalSent) -> None:
    for subscription_id in event.subscriptions:
        forget(batch, fact.tenant, subscription_id)


HANDLERS: Handlers[Batch] = {SignalSubscribed: _subscribed, SignalUnsubscribed: _unsubscribed, SignalSent: _sent}


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    await folded(facts, Batch(), HANDLERS).write(db, SQL["insert"], SQL["delete"])


READ_MODEL = ReadModel(
    name="signal_subscriptions",
    version=1,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("signal_subscriptions",),
    project=project,
    facts=tuple(HANDLERS),
)
