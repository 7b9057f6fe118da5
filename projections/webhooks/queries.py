"""What owners of webhooks ask about them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from domain.event import Recorded
from domain.webhooks.events import Reason
from projections.database import Database, named_queries
from projections.folding import folded
from projections.webhooks.projector import HANDLERS, Webhooks

SQL = named_queries(Path(__file__).with_name("queries.sql"))


class ListedWebhook(msgspec.Struct, frozen=True):
    """A webhook by its ULID; ``disabled`` says why nothing is sent, None while something is.

    ``created_by`` and ``updated_by`` are actor words.
    """

    webhook: str
    tenant: str
    url: str
    description: str
    types: Sequence[str]
    process_key: str
    ordered: bool
    disabled: Reason | None
    disabled_at: datetime | None
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    rotated_at: datetime | None


async def list_webhooks(db: Database, tenant: str, after: str, limit: int) -> list[ListedWebhook]:
    """Return webhooks of a tenant behind a ULID, which may be empty, the oldest first."""
    return [_webhook(row) for row in await db.fetch(SQL["webhooks"], tenant, after, limit)]


async def find_webhook(db: Database, tenant: str, ulid: str) -> ListedWebhook | None:
    """Return a webhook; None for one that is unknown, deleted or another tenant's."""
    row = await db.fetchrow(SQL["webhook"], tenant, ulid)
    return None if row is None else _webhook(row)


def webhook_told_by(facts: Sequence[Recorded], ulid: str) -> ListedWebhook | None:
    """Return the webhook that the facts of its stream tell of, as the read model will; None for a deleted one."""
    known: Webhooks = folded(facts, {}, HANDLERS)
    row = known.get(ulid)
    return None if row is None else _webhook(msgspec.structs.asdict(row))


def _webhook(row: Mapping[str, Any]) -> ListedWebhook:
    return ListedWebhook(**{**dict(row), "disabled": row["disabled"] or None})
