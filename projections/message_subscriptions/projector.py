"""Keeps a row for each event that waits for a message."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import msgspec

from domain.event import Recorded
from domain.messaging.events import MessageCorrelated, MessageSubscribed, MessageUnsubscribed
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
    correlation_key: str
    created_at: datetime
    created_by: str
    name: str


def _subscribed(batch: Batch, fact: Recorded, event: MessageSubscribed) -> None:
    batch.rows[event.id] = Row(
        tenant=fact.tenant,
        id=event.id,
        partition=date.fromisoformat(event.partition),
        element_id=event.element_id,
        element_instance_id=event.element_instance_id,
        process_id=event.process_id,
        process_instance_id=event.process_instance_id,
        bpmn_element_id=event.element,
        correlation_key=event.correlation_key,
        created_at=fact.happened_at,
        created_by=fact.actor.id,
        name=event.name,
    )


def _unsubscribed(batch: Batch, fact: Recorded, event: MessageUnsubscribed) -> None:
    forget(batch, fact.tenant, event.id)


def _correlated(batch: Batch, fact: Recorded, event: MessageCorrelated) -> None:
    if event.subscription_id:
        forget(batch, fact.tenant, event.subscription_id)


HANDLERS: Handlers[Batch] = {
    MessageSubscribed: _subscribed,
    MessageUnsubscribed: _unsubscribed,
    MessageCorrelated: _correlated,
}


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    await folded(facts, Batch(), HANDLERS).write(db, SQL["insert"], SQL["delete"])


READ_MODEL = ReadModel(
    name="message_subscriptions",
    version=1,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("message_subscriptions",),
    project=project,
    facts=tuple(HANDLERS),
)
