"""Webhooks that are made, changed and asked to send, through commands: what fills their list."""

from typing import Any

from api.composition import Node
from bench.filling import ASKER
from commands.intents import Intent
from commands.webhooks import (
    ChangeWebhook,
    CreateWebhook,
    DeleteWebhook,
    DisableWebhook,
    MintedWebhook,
    ReplayEvents,
    RotateWebhookSecret,
    SecretToRotate,
    TestWebhook,
)

URL = "https://receiver.example/"


async def tell_webhooks(node: Node) -> None:
    """Have webhooks changed, disabled, tested and deleted."""
    webhooks = [f"{number:026d}" for number in range(4)]
    for webhook in webhooks:
        await _send(node, CreateWebhook(URL, types=("incident.*",)), MintedWebhook(webhook, "sealed"))
    await _send(node, ChangeWebhook(types=(), process_key="order"), webhooks[0])
    await _send(node, RotateWebhookSecret(), SecretToRotate(webhooks[0], "sealed"))
    await _send(node, TestWebhook(), webhooks[1])
    await _send(node, ReplayEvents(0, 5), webhooks[1])
    await _send(node, DisableWebhook(), webhooks[2])
    await _send(node, DeleteWebhook(), webhooks[3])


async def _send(node: Node, command: Intent, target: Any) -> None:
    await node.commands.send(command, ASKER, target)
