"""``annals webhooks create|change|rotate``: where events are delivered to, which ones, and what signs them."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any, TextIO

import click

from api.cli.database import opened
from api.cli.webhooks.finding import WEBHOOK, found, send, state_of
from api.webhooks.ids import WEBHOOK_IDS
from api.webhooks.registration import Minted
from commands.webhook_fields import DEFAULT_OVERLAP, LONGEST_OVERLAP
from commands.webhooks import CREATE, ChangeWebhook, CreateWebhook, RotateWebhookSecret
from domain.access.roles import DEFAULT_TENANT
from domain.identity import tenant_stream
from domain.rejection import NotFound

#: Characters of a file that may be a secret: a longer one is none, whatever stands there.
LONGEST = 1_000

TYPES = click.option(
    "--type", "types", multiple=True, help="Only this type, or incident.* and the like; may be repeated."
)
SECRET = click.option(
    "--secret-file",
    type=click.File(errors="replace"),
    help="Sign with the secret in this file (- for the standard input) rather than with one that is made.",
)


@click.command("create")
@click.argument("url")
@click.option("--tenant", default=DEFAULT_TENANT, show_default=True)
@TYPES
@click.option("--process-key", default="", help="Only this process, by its BPMN id.")
@click.option("--ordered", is_flag=True, help="Send none before the one ahead of it has arrived.")
@click.option("--description", default="")
@SECRET
def create_webhook(tenant: str, secret_file: TextIO | None, **given: Any) -> None:
    """Have events delivered to URL, and print the secret: the only time that it is shown."""
    command = CreateWebhook(**given, secret=_secret(secret_file))

    async def create() -> Minted:
        async with opened() as node:
            if await state_of(node, tenant_stream(tenant)) is None:
                raise NotFound(CREATE, f"tenant {tenant} could not be found")
            return await node.registration.create(command, tenant, partial(send, node, tenant))

    minted = asyncio.run(create())
    click.echo(f"webhook {WEBHOOK_IDS.of(minted.ulid)} of tenant {tenant}; its secret, shown this once:", err=True)
    click.echo(minted.secret)


@click.command("change")
@WEBHOOK
@click.option("--url", help="Deliver to this URL, what waits too.")
@TYPES
@click.option("--all-types", is_flag=True, help="Deliver events of all types again.")
@click.option("--process-key", help="Only this process, by its BPMN id; '': any.")
@click.option("--ordered/--unordered", default=None, help="Send none before the one ahead of it has arrived, or do.")
@click.option("--description")
def change_webhook(webhook: str, types: tuple[str, ...], *, all_types: bool, **given: Any) -> None:
    """Have others delivered, or elsewhere; what is not given stays."""
    command = _change(types, given, all_types=all_types)

    async def change() -> None:
        async with opened() as node:
            ulid, known = await found(node, webhook)
            await node.registration.change(command, ulid, partial(send, node, known.tenant))

    asyncio.run(change())
    click.echo(f"webhook {webhook} is changed")


@click.command("rotate")
@WEBHOOK
@click.option(
    "--overlap",
    "overlap_seconds",
    metavar="SECONDS",
    type=click.IntRange(0, LONGEST_OVERLAP),
    default=DEFAULT_OVERLAP,
    show_default=True,
    help="For so long the secret before signs as well.",
)
@SECRET
def rotate_secret(webhook: str, overlap_seconds: int, secret_file: TextIO | None) -> None:
    """Sign with a new secret, and print it: the only time that it is shown."""
    command = RotateWebhookSecret(overlap_seconds, _secret(secret_file))

    async def rotate() -> Minted:
        async with opened() as node:
            ulid, known = await found(node, webhook)
            return await node.registration.rotate(command, ulid, known.tenant, partial(send, node, known.tenant))

    minted = asyncio.run(rotate())
    click.echo(f"the one before signs for {overlap_seconds} s; the new secret, shown this once:", err=True)
    click.echo(minted.secret)


def _secret(file: TextIO | None) -> str:
    """Return the secret in a file, nothing without a file."""
    if file is None:
        return ""
    secret = file.read(LONGEST).strip()
    if not secret:
        raise click.UsageError("the file of --secret-file is empty")
    return secret


def _change(types: tuple[str, ...], given: Mapping[str, Any], *, all_types: bool) -> ChangeWebhook:
    """Return the change that the options ask for."""
    if types and all_types:
        raise click.UsageError("--type and --all-types exclude each other")
    members = {name: value for name, value in given.items() if value is not None}
    if types or all_types:
        members["types"] = types
    return ChangeWebhook(**members)
