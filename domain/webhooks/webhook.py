"""A webhook: where events of a tenant are delivered, and which ones."""

from datetime import datetime
from typing import assert_never

import msgspec

from domain.event_types import wanted_types
from domain.webhooks.events import (
    Reason,
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookDisabled,
    WebhookEnabled,
    WebhookEvent,
    WebhookRedeliveryRequested,
    WebhookReplayRequested,
    WebhookSecretRotated,
    WebhookTested,
)

#: Secrets that sign at a time: each costs a signature of every delivery.
MOST_SECRETS = 4


class Secret(msgspec.Struct, frozen=True):
    """What signatures are made with, sealed; ``until`` it is not any more, None for the newest."""

    sealed: str
    until: datetime | None = None


class Webhook(msgspec.Struct, frozen=True):
    """``secrets`` are the newest first; ``disabled`` says why nothing is sent, None while something is."""

    tenant: str
    url: str
    secrets: tuple[Secret, ...]
    description: str
    types: tuple[str, ...]
    process_key: str
    ordered: bool
    created_at: datetime
    disabled: Reason | None = None
    deleted: bool = False

    def wants(self, topic: str) -> bool:
        """Tell whether events of a topic are delivered, as far as that alone says."""
        return wanted_types(self.types).admits(topic)


def evolve(webhook: Webhook | None, event: WebhookEvent, at: datetime, _by: str, tenant: str) -> Webhook | None:
    """Apply a fact. What was never created stays that."""
    if isinstance(event, WebhookCreated):
        secrets = (Secret(event.sealed_secret),)
        told = (event.description, event.types, event.process_key, event.ordered, at)
        return Webhook(tenant, event.url, secrets, *told)
    return None if webhook is None else _changed(webhook, event, at)


def _changed(webhook: Webhook, event: WebhookEvent, at: datetime) -> Webhook:
    replace = msgspec.structs.replace
    match event:
        case WebhookChanged():
            given = {name: value for name, value in msgspec.structs.asdict(event).items() if value is not msgspec.UNSET}
            return replace(webhook, **given)
        case WebhookSecretRotated():
            newest, *older = webhook.secrets
            kept = [secret for secret in older if secret.until is not None and secret.until > at]
            secrets = (Secret(event.sealed_secret), Secret(newest.sealed, event.until), *kept)
            return replace(webhook, secrets=secrets[:MOST_SECRETS])
        case WebhookDisabled():
            return replace(webhook, disabled=event.reason)
        case WebhookEnabled():
            return replace(webhook, disabled=None)
        case WebhookDeleted():
            return replace(webhook, deleted=True)
        case WebhookTested() | WebhookRedeliveryRequested() | WebhookReplayRequested():
            return webhook
        case WebhookCreated():
            raise AssertionError(event)  # an older state there is none
        case _:
            assert_never(event)
