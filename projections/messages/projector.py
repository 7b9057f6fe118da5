"""Keeps a row for each message, and whether it met its receiver."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from domain.event import Recorded
from domain.messaging.events import MessageClosed, MessageCorrelated, MessageSent
from projections.database import Database, named_queries
from projections.folding import Batch, Handlers, folded
from projections.read_model import ReadModel

HERE = Path(__file__).parent
SQL = named_queries(HERE / "queries.sql")


class Row(msgspec.Struct):
    """A row that the batch makes, in the order of the table."""

    tenant: str
    id: int
    name: str
    correlation_key: str
    unique_key: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    correlated: bool = False


class Change(msgspec.Struct):
    """What becomes of a message that was there before the batch: it is correlated, and over once a time says so."""

    tenant: str
    id: int
    expires_at: datetime | None


def _sent(batch: Batch, fact: Recorded, event: MessageSent) -> None:
    batch.rows[event.id] = Row(
        tenant=fact.tenant,
        id=event.id,
        name=event.name,
        correlation_key=event.correlation_key,
        unique_key=event.unique_key,
        created_at=fact.happened_at,
        created_by=fact.actor.id,
        expires_at=event.expires_at,
    )


def _correlated(batch: Batch, fact: Recorded, event: MessageCorrelated) -> None:
    _meet(batch, fact, event.id, expires_at=None)


def _closed(batch: Batch, fact: Recorded, event: MessageClosed) -> None:
    _meet(batch, fact, event.id, expires_at=fact.happened_at)


def _meet(batch: Batch, fact: Recorded, message_id: int, expires_at: datetime | None) -> None:
    """Note that a message met its receiver and, given a time, that it is over from then on."""
    row: Row | None = batch.rows.get(message_id)
    if row is None:
        batch.changes[message_id] = Change(fact.tenant, message_id, expires_at)
    else:
        row.correlated, row.expires_at = True, expires_at


HANDLERS: Handlers[Batch] = {MessageSent: _sent, MessageCorrelated: _correlated, MessageClosed: _closed}


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    await folded(facts, Batch(), HANDLERS).write(db, SQL["insert"], SQL["update"])


READ_MODEL = ReadModel(
    name="messages",
    version=1,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("messages",),
    project=project,
    facts=tuple(HANDLERS),
)
