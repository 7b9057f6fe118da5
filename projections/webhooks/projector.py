"""Keeps a row for each webhook that is not deleted."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from domain.event import Recorded
from domain.identity import webhook_of
from domain.webhooks.events import (
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookDisabled,
    WebhookEnabled,
    WebhookSecretRotated,
)
from projections.database import Database, named_queries
from projections.folding import Handlers, folded, listed
from projections.read_model import ReadModel

HERE = Path(__file__).parent
SQL = named_queries(HERE / "queries.sql")


class Row(msgspec.Struct):
    """A webhook, in the order of the table."""

    webhook: str
    tenant: str
    url: str
    description: str
    types: Sequence[str]
    process_key: str
    ordered: bool
    disabled: str
    disabled_at: datetime | None
    created_at: datetime
    created_by: str
    updated_at: datetime
    updated_by: str
    rotated_at: datetime | None = None


#: Webhooks by their ULID.
Webhooks = dict[str, Row]


def _created(webhooks: Webhooks, fact: Recorded, event: WebhookCreated) -> None:
    at, by, webhook = fact.happened_at, fact.actor.id, webhook_of(fact.stream)
    webhooks[webhook] = Row(
        webhook=webhook,
        tenant=fact.tenant,
        url=event.url,
        description=event.description,
        types=event.types,
        process_key=event.process_key,
        ordered=event.ordered,
        disabled="",
        disabled_at=None,
        created_at=at,
        created_by=by,
        updated_at=at,
        updated_by=by,
    )


def _changed(webhooks: Webhooks, fact: Recorded, event: WebhookChanged) -> None:
    webhook = _edited(webhooks, fact)
    for name, value in msgspec.structs.asdict(event).items():
        if value is not msgspec.UNSET:
            setattr(webhook, name, value)


def _rotated(webhooks: Webhooks, fact: Recorded, _event: WebhookSecretRotated) -> None:
    _edited(webhooks, fact).rotated_at = fact.happened_at


def _disabled(webhooks: Webhooks, fact: Recorded, event: WebhookDisabled) -> None:
    webhook = _edited(webhooks, fact)
    webhook.disabled, webhook.disabled_at = event.reason, fact.happened_at


def _enabled(webhooks: Webhooks, fact: Recorded, _event: WebhookEnabled) -> None:
    webhook = _edited(webhooks, fact)
    webhook.disabled, webhook.disabled_at = "", None


def _edited(webhooks: Webhooks, fact: Recorded) -> Row:
    """Return a webhook that somebody changes, with who does and when."""
    webhook = webhooks[webhook_of(fact.stream)]
    webhook.updated_at, webhook.updated_by = fact.happened_at, fact.actor.id
    return webhook


def _deleted(webhooks: Webhooks, fact: Recorded, _event: WebhookDeleted) -> None:
    del webhooks[webhook_of(fact.stream)]


HANDLERS: Handlers[Webhooks] = {
    WebhookCreated: _created,
    WebhookChanged: _changed,
    WebhookSecretRotated: _rotated,
    WebhookDisabled: _disabled,
    WebhookEnabled: _enabled,
    WebhookDeleted: _deleted,
}


async def project(facts: Sequence[Recorded], db: Database) -> None:
    """Apply a batch."""
    touched = sorted({webhook_of(fact.stream) for fact in facts})
    known = [msgspec.convert(dict(row), Row) for row in await db.fetch(SQL["known"], touched)]
    webhooks = folded(facts, {webhook.webhook: webhook for webhook in known}, HANDLERS)
    await db.execute(SQL["delete"], touched)
    if webhooks:
        await db.execute(SQL["insert"], listed(webhooks.values()))


READ_MODEL = ReadModel(
    name="webhooks",
    version=1,
    schema=(HERE / "table.sql").read_text(encoding="utf-8"),
    tables=("webhooks",),
    project=project,
    facts=tuple(HANDLERS),
)
