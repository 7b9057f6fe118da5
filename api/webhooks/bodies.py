"""The answers about webhooks and deliveries."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from api.incidents.bodies import Form
from api.incidents.requests import Incoming
from api.webhooks.ids import WEBHOOK_IDS
from domain.timestamps import iso_milliseconds
from domain.webhooks.events import Reason
from infra.delivery.messages import delivery_id
from infra.delivery.records import AttemptRecord, DeliveryRecord, Result, State
from projections.webhooks.queries import ListedWebhook


class EmptyForm(Form, frozen=True):
    """The body of operations that have nothing to be told, where a client sends one at all."""


class Webhook(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Where events are delivered; no `types`: all of them, an empty `processKey`: of any process.

    `disabledReason` is null while it is enabled, `secretRotatedAt` while the secret is the first one.
    """

    id: str
    url: str
    description: str
    types: Sequence[str]
    process_key: str
    ordered: bool
    enabled: bool
    disabled_reason: Reason | None
    disabled_at: str | None
    created_at: str
    created_by: str
    updated_at: str
    updated_by: str
    secret_rotated_at: str | None


class Webhooks(msgspec.Struct, frozen=True):
    """Webhooks, the oldest first; `next` is the cursor of the page behind, null at the end."""

    webhooks: Sequence[Webhook]
    next: str | None


class WebhookSecret(msgspec.Struct, frozen=True):
    """A webhook's new secret, shown this once: `whsec_` and the base64 form of its bytes."""

    id: str
    secret: str


class CreatedWebhook(Webhook, frozen=True, rename="camel", kw_only=True):
    """A new webhook with its secret, shown this once."""

    secret: str


class Delivery(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One event on its way to one webhook: `id` is the header `webhook-id`, `sequence` the event's `webhooksequence`.

    `attempts` have been made; `nextAttemptAt` is null where none is to come.
    """

    id: str
    position: int
    sequence: int
    type: str
    state: State
    created_at: str
    attempts: int
    next_attempt_at: str | None
    last_attempt_at: str | None
    last_outcome: Result | None
    last_status: int | None
    delivered_at: str | None


class Deliveries(msgspec.Struct, frozen=True, rename="camel"):
    """Deliveries, the newest first; `next` is the `before` of the page behind, null at the end.

    `scheduledUpto` is the position up to which the log has been looked through for what is to be delivered.
    """

    deliveries: Sequence[Delivery]
    next: int | None
    scheduled_upto: int


class Attempt(msgspec.Struct, frozen=True, rename="camel"):
    """One attempt to deliver; `status` is the HTTP status of the answer, null where there was none."""

    number: int
    started_at: str
    milliseconds: int
    outcome: Result
    status: int | None
    url: str


class DeliveryWithAttempts(msgspec.Struct, frozen=True):
    """A delivery, and its attempts in order, the last hundred of them."""

    delivery: Delivery
    attempts: Sequence[Attempt]


class Asked(msgspec.Struct, frozen=True):
    """What is going to be delivered, by the id of the delivery."""

    delivery: str


class AskedToReplay(msgspec.Struct, frozen=True):
    """Which events are going to be delivered: those behind one position, up to another one."""

    after: int
    upto: int


async def require_no_body(incoming: Incoming) -> None:
    """Refuse a body that says anything."""
    if await incoming.raw():
        await incoming.body(EmptyForm)


def webhook_body(row: ListedWebhook) -> Webhook:
    """Tell a webhook."""
    return Webhook(
        id=WEBHOOK_IDS.of(row.webhook),
        url=row.url,
        description=row.description,
        types=row.types,
        process_key=row.process_key,
        ordered=row.ordered,
        enabled=row.disabled is None,
        disabled_reason=row.disabled,
        disabled_at=_stamp(row.disabled_at),
        created_at=iso_milliseconds(row.created_at),
        created_by=row.created_by,
        updated_at=iso_milliseconds(row.updated_at),
        updated_by=row.updated_by,
        secret_rotated_at=_stamp(row.rotated_at),
    )


def created_body(row: ListedWebhook, secret: str) -> CreatedWebhook:
    """Tell a new webhook."""
    return CreatedWebhook(**msgspec.structs.asdict(webhook_body(row)), secret=secret)


def delivery_body(record: DeliveryRecord) -> Delivery:
    """Tell a delivery."""
    return Delivery(
        id=delivery_id(record.webhook, record.position, record.era),
        position=record.position,
        sequence=record.sequence,
        type=record.type,
        state=record.state,
        created_at=iso_milliseconds(record.created_at),
        attempts=record.attempts,
        next_attempt_at=_stamp(record.next_attempt_at),
        last_attempt_at=_stamp(record.last_attempt_at),
        last_outcome=record.last_outcome,
        last_status=record.last_status,
        delivered_at=_stamp(record.delivered_at),
    )


def attempt_body(record: AttemptRecord) -> Attempt:
    """Tell an attempt."""
    told = msgspec.structs.asdict(record)
    return Attempt(**{**told, "started_at": iso_milliseconds(record.started_at)})


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else iso_milliseconds(moment)
