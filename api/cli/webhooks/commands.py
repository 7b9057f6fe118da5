"""The commands of ``annals webhooks``; those that say what is delivered where are in ``settings``."""

import asyncio
from collections.abc import Sequence
from typing import get_args

import click
import msgspec

from api.cli.database import opened, require_tenant
from api.cli.tables import show
from api.cli.webhooks.finding import WEBHOOK, found, send, sent, state_of
from api.cli.webhooks.settings import change_webhook, create_webhook, rotate_secret
from api.composition import Node
from api.webhooks.bodies import Attempt, Delivery, attempt_body, delivery_body
from api.webhooks.documentation import DEFAULT_LIMIT
from api.webhooks.ids import WEBHOOK_IDS, delivery_in_path, no_delivery, no_event, not_yet, webhook_of_delivery
from commands.webhooks import (
    DeleteWebhook,
    DisableWebhook,
    EnableWebhook,
    RedeliverEvent,
    ReplayEvents,
    TestWebhook,
)
from domain.access.roles import DEFAULT_TENANT
from domain.identity import INT64_MAX, register_stream, webhook_stream
from domain.timestamps import iso_milliseconds
from domain.webhooks.webhook import Webhook
from infra.delivery.messages import delivery_id
from infra.delivery.records import AttemptRecord, DeliveryRecord, State, deliveries, era_at, find_delivery, in_log

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, one line for each.")
POSITION = click.IntRange(0, INT64_MAX)
STATES: tuple[State, ...] = get_args(State)


class WebhookRow(msgspec.Struct, frozen=True):
    """A webhook, as the command line shows it."""

    id: str
    tenant: str
    url: str
    types: Sequence[str]
    process_key: str
    ordered: bool
    disabled: str
    description: str
    created_at: str


@click.group()
def webhooks() -> None:
    """List, create and change webhooks, and look after deliveries.

    WEBHOOK is the id of one, whk_<ULID>.
    """


for _command in (create_webhook, change_webhook, rotate_secret):
    webhooks.add_command(_command)


@webhooks.command("list")
@click.option("--tenant", default=DEFAULT_TENANT, show_default=True)
@AS_JSON
def list_webhooks(tenant: str, *, as_json: bool) -> None:
    """List the webhooks of a tenant."""

    async def rows() -> Sequence[WebhookRow]:
        async with opened() as node:
            await require_tenant(node, tenant)
            register = await state_of(node, register_stream("webhooks", tenant))
            ulids = register.members if register is not None else ()
            return [_row(ulid, await state_of(node, webhook_stream(ulid))) for ulid in ulids]

    show(asyncio.run(rows()), as_json=as_json, dim="disabled")


@webhooks.command("show")
@WEBHOOK
@AS_JSON
def show_webhook(webhook: str, *, as_json: bool) -> None:
    """Show a webhook."""

    async def row() -> WebhookRow:
        async with opened() as node:
            return _row(*await found(node, webhook))

    show([asyncio.run(row())], as_json=as_json, dim="disabled")


@webhooks.command("delete")
@WEBHOOK
def delete_webhook(webhook: str) -> None:
    """Deliver nothing any more, not even what waits."""
    asyncio.run(sent(webhook, DeleteWebhook()))
    click.echo(f"webhook {webhook} is deleted")


@webhooks.command("enable")
@WEBHOOK
def enable_webhook(webhook: str) -> None:
    """Deliver again, after it was disabled: what waits, and what happens from now on."""
    asyncio.run(sent(webhook, EnableWebhook()))
    click.echo(f"webhook {webhook} is enabled")


@webhooks.command("disable")
@WEBHOOK
def disable_webhook(webhook: str) -> None:
    """Deliver nothing until it is enabled: what waits is kept, and what happens meanwhile is for a replay."""
    asyncio.run(sent(webhook, DisableWebhook()))
    click.echo(f"webhook {webhook} is disabled")


@webhooks.command("test")
@WEBHOOK
def test_webhook(webhook: str) -> None:
    """Deliver an event about this very command, whatever the filters, and print the id of the delivery."""

    async def ask() -> str:
        async with opened() as node:
            ulid, known = await found(node, webhook)
            outcome = await send(node, known.tenant, TestWebhook(), ulid)
            return delivery_id(ulid, outcome.position, await era_at(node.pools.queries, outcome.position))

    click.echo(asyncio.run(ask()))


@webhooks.command("replay")
@WEBHOOK
@click.option("--after", metavar="POSITION", type=POSITION, default=0, help="Only events after this one.")
@click.option("--upto", metavar="POSITION", type=POSITION, required=True, help="The last event, which there has to be.")
def replay(webhook: str, after: int, upto: int) -> None:
    """Deliver a stretch of the past, once more or for the first time: the events that the filters let through."""

    async def ask() -> None:
        async with opened() as node:
            ulid, known = await found(node, webhook)
            if upto > await node.log.head():
                raise not_yet(upto)
            await send(node, known.tenant, ReplayEvents(after, upto), ulid)

    asyncio.run(ask())
    click.echo(f"events after position {after} up to {upto} are asked for")


@webhooks.command("deliveries")
@WEBHOOK
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--before", metavar="SEQUENCE", type=click.IntRange(1, INT64_MAX), help="Only those before this one.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=DEFAULT_LIMIT, show_default=True)
@AS_JSON
def list_deliveries(webhook: str, state: State | None, before: int | None, limit: int, *, as_json: bool) -> None:
    """List the newest deliveries of a webhook; or, given the id of one (msg_...), its attempts."""

    async def rows() -> Sequence[Delivery | Attempt]:
        async with opened() as node:
            ulid = webhook_of_delivery(webhook)
            if ulid is not None:
                return [attempt_body(attempt) for attempt in (await _delivery(node, webhook, ulid))[1]]
            ulid, _ = await found(node, webhook)
            states = () if state is None else (state,)
            listed = await deliveries(node.pools.queries, ulid, states=states, before=before, limit=limit)
            return [delivery_body(record) for record in listed]

    show(asyncio.run(rows()), as_json=as_json, dim="disabled")


@webhooks.command("redeliver")
@click.argument("delivery", metavar="DELIVERY")
def redeliver(delivery: str) -> None:
    """Deliver an event once more: the same bytes under the same id, DELIVERY."""

    async def ask() -> None:
        async with opened() as node:
            ulid = webhook_of_delivery(delivery) or ""
            record, _ = await _delivery(node, delivery, ulid)
            if not await in_log(node.pools.queries, record):
                raise no_event(delivery)
            _, known = await found(node, WEBHOOK_IDS.of(ulid))
            await send(node, known.tenant, RedeliverEvent(record.position), ulid)

    asyncio.run(ask())
    click.echo(f"delivery {delivery} is asked for again")


async def _delivery(node: Node, delivery: str, webhook: str) -> tuple[DeliveryRecord, Sequence[AttemptRecord]]:
    found = await find_delivery(node.pools.queries, webhook, *delivery_in_path(delivery, webhook))
    if found is None:
        raise no_delivery(delivery)
    return found


def _row(ulid: str, known: Webhook) -> WebhookRow:
    return WebhookRow(
        id=WEBHOOK_IDS.of(ulid),
        tenant=known.tenant,
        url=known.url,
        types=known.types,
        process_key=known.process_key,
        ordered=known.ordered,
        disabled=known.disabled or "",
        description=known.description,
        created_at=iso_milliseconds(known.created_at),
    )
