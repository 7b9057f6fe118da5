"""Webhooks of any tenant, for the commands of the command line. The log is asked: nobody may be following it now."""

from typing import Any

import click

from api.admin.administration import SYSTEM
from api.cli.database import opened
from api.composition import Node
from api.webhooks.ids import WEBHOOK_IDS
from commands.handling import Asker, Outcome
from commands.intents import Intent
from commands.states import Versioned, fold
from domain.identity import webhook_stream
from domain.webhooks.webhook import Webhook

WEBHOOK = click.argument("webhook", metavar="WEBHOOK")


async def found(node: Node, webhook: str) -> tuple[str, Webhook]:
    """Return a webhook with its ULID, whosever it is; raise ``NotFound``."""
    ulid = WEBHOOK_IDS.in_path(webhook)
    known: Webhook | None = await state_of(node, webhook_stream(ulid))
    if known is None or known.deleted:
        raise WEBHOOK_IDS.unknown(ulid)
    return ulid, known


async def state_of(node: Node, stream: str) -> Any:
    """Return the state of a stream, None where there is none."""
    return fold(stream, Versioned(0, None), await node.log.read(stream)).state


async def send(node: Node, tenant: str, command: Intent, target: Any) -> Outcome:
    """Have a command handled in the name of the one at the machine."""
    return await node.commands.send(command, Asker(tenant, SYSTEM), target)


async def sent(webhook: str, command: Intent) -> tuple[str, Outcome]:
    """Have a command about a webhook handled; return the webhook's ULID, and what came of it."""
    async with opened() as node:
        ulid, known = await found(node, webhook)
        return ulid, await send(node, known.tenant, command, ulid)
