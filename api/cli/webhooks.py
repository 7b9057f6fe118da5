"""``annals webhooks``: where events are delivered to, and what has become of each delivery."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any, get_args

import click
import msgspec

from api.admin.administration import SYSTEM
from api.cli.database import opened
from api.cli.tables import show
from api.composition import Node
from api.webhooks.bodies import Attempt, Delivery, attempt_body, delivery_body
from api.webhooks.documentation import DEFAULT_LIMIT
from api.webhooks.ids import WEBHOOK_IDS, delivery_in_path, no_delivery, no_event, webhook_of_delivery
from commands.handling import Asker, Outcome
from commands.intents import Intent
from commands.states import Versioned, fold
from commands.webhooks import CreateWebhook, DeleteWebhook, EnableWebhook, RedeliverEvent, TestWebhook
from domain.access.roles import DEFAULT_TENANT
from domain.identity import register_stream, webhook_stream
from domain.timestamps import iso_milliseconds
from domain.webhooks.webhook import Webhook
from infra.delivery.messages import delivery_id
from infra.delivery.records import AttemptRecord, DeliveryRecord, State, deliveries, era_at, find_delivery

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, one line for each.")
WEBHOOK = click.argument("webhook", metavar="WEBHOOK")
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
    """List, create, test and delete webhooks, and look after deliveries.

    WEBHOOK is the id of one, whk_<ULID>.
    """


@webhooks.command("list")
@click.option("--tenant", default=DEFAULT_TENANT, show_default=True)
@AS_JSON
def list_webhooks(tenant: str, *, as_json: bool) -> None:
    """List the webhooks of a tenant."""

    async def rows() -> Sequence[WebhookRow]:
        async with opened() as node:
            register = await _state(node, register_stream("webhooks", tenant))
            ulids = register.members if register is not None else ()
            return [_row(ulid, await _state(node, webhook_stream(ulid))) for ulid in ulids]

    show(asyncio.run(rows()), as_json=as_json, dim="disabled")


@webhooks.command("create")
@click.argument("url")
@click.option("--tenant", default=DEFAULT_TENANT, show_default=True)
@click.option("--type", "types", multiple=True, help="Only this type, or incident.* and the like; may be repeated.")
@click.option("--process-key", default="", help="Only this process, by its BPMN id.")
@click.option("--ordered", is_flag=True, help="Send none before the one ahead of it has arrived.")
@click.option("--description", default="")
def create_webhook(tenant: str, **given: Any) -> None:
    """Have events delivered to URL, and print the secret: the only time that it is shown."""

    async def create() -> tuple[str, str]:
        async with opened() as node:
            command = CreateWebhook(**given)
            minted = await node.registration.create(command, tenant, partial(_send, node, tenant))
            return minted.ulid, minted.secret

    ulid, secret = asyncio.run(create())
    click.echo(f"webhook {WEBHOOK_IDS.of(ulid)} of tenant {tenant}; its secret, shown this once:", err=True)
    click.echo(secret)


@webhooks.command("show")
@WEBHOOK
@AS_JSON
def show_webhook(webhook: str, *, as_json: bool) -> None:
    """Show a webhook."""

    async def row() -> WebhookRow:
        async with opened() as node:
            return _row(*await _found(node, webhook))

    show([asyncio.run(row())], as_json=as_json, dim="disabled")


@webhooks.command("delete")
@WEBHOOK
def delete_webhook(webhook: str) -> None:
    """Deliver nothing any more, not even what waits."""
    asyncio.run(_sent(webhook, DeleteWebhook()))
    click.echo(f"webhook {webhook} is deleted")


@webhooks.command("enable")
@WEBHOOK
def enable_webhook(webhook: str) -> None:
    """Deliver again, after it was disabled: what waits, and what happens from now on."""
    asyncio.run(_sent(webhook, EnableWebhook()))
    click.echo(f"webhook {webhook} is enabled")


@webhooks.command("test")
@WEBHOOK
def test_webhook(webhook: str) -> None:
    """Deliver an event about this very command, whatever the filters, and print the id of the delivery."""

    async def ask() -> str:
        async with opened() as node:
            ulid, known = await _found(node, webhook)
            outcome = await _send(node, known.tenant, TestWebhook(), ulid)
            return delivery_id(ulid, outcome.position, await era_at(node.pools.queries, outcome.position))

    click.echo(asyncio.run(ask()))


@webhooks.command("deliveries")
@WEBHOOK
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=DEFAULT_LIMIT, show_default=True)
@AS_JSON
def list_deliveries(webhook: str, state: State | None, limit: int, *, as_json: bool) -> None:
    """List the newest deliveries of a webhook; or, given the id of one (msg_...), its attempts."""

    async def rows() -> Sequence[Delivery | Attempt]:
        async with opened() as node:
            ulid = webhook_of_delivery(webhook)
            if ulid is not None:
                return [attempt_body(attempt) for attempt in (await _delivery(node, webhook, ulid))[1]]
            ulid, _ = await _found(node, webhook)
            states = () if state is None else (state,)
            found = await deliveries(node.pools.queries, ulid, states=states, limit=limit)
            return [delivery_body(record) for record in found]

    show(asyncio.run(rows()), as_json=as_json, dim="disabled")


@webhooks.command("redeliver")
@click.argument("delivery", metavar="DELIVERY")
def redeliver(delivery: str) -> None:
    """Deliver an event once more: the same bytes under the same id, DELIVERY."""

    async def ask() -> None:
        async with opened() as node:
            ulid = webhook_of_delivery(delivery) or ""
            record, _ = await _delivery(node, delivery, ulid)
            if await era_at(node.pools.queries, record.position) != record.era:
                raise no_event(delivery)
            _, known = await _found(node, WEBHOOK_IDS.of(ulid))
            await _send(node, known.tenant, RedeliverEvent(record.position), ulid)

    asyncio.run(ask())
    click.echo(f"delivery {delivery} is asked for again")


async def _sent(webhook: str, command: Intent) -> tuple[str, Outcome]:
    """Have a command about a webhook handled; return the webhook's ULID, and what came of it."""
    async with opened() as node:
        ulid, known = await _found(node, webhook)
        return ulid, await _send(node, known.tenant, command, ulid)


async def _send(node: Node, tenant: str, command: Intent, target: Any) -> Outcome:
    return await node.commands.send(command, Asker(tenant, SYSTEM), target)


async def _found(node: Node, webhook: str) -> tuple[str, Webhook]:
    """Return a webhook with its ULID, whosever it is. The log is asked: nobody may be following it now."""
    ulid = WEBHOOK_IDS.in_path(webhook)
    known: Webhook | None = await _state(node, webhook_stream(ulid))
    if known is None or known.deleted:
        raise WEBHOOK_IDS.unknown(ulid)
    return ulid, known


async def _state(node: Node, stream: str) -> Any:
    return fold(stream, Versioned(0, None), await node.log.read(stream)).state


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
