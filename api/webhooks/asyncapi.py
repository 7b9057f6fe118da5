"""Deliveries to webhooks, for the AsyncAPI document: a channel whose address receivers choose."""

from collections.abc import Iterable, Mapping
from typing import Any

Json = dict[str, Any]

CHANNEL = "webhook"

#: How the messages of the channel are named beside those of the feed.
_PREFIX = "delivered."

_HEADERS: Json = {
    "type": "object",
    "required": ["webhook-id", "webhook-timestamp", "webhook-signature"],
    "properties": {
        "webhook-id": {
            "type": "string",
            "pattern": r"^msg_[0-9A-HJKMNP-TV-Z]{26}-[1-9]\d*(-[0-9a-f]{16})?$",
            "description": "one event has one id at one webhook for ever",
        },
        "webhook-timestamp": {
            "type": "string",
            "pattern": r"^\d+$",
            "description": "when this attempt was made, in seconds since 1970",
        },
        "webhook-signature": {
            "type": "string",
            "pattern": r"^v1,\S+( v1,\S+)*$",
            "description": "HMAC-SHA-256 of id, timestamp and body under each secret that signs (Standard Webhooks)",
        },
        "traceparent": {"type": "string", "description": "the trace that the event belongs to, where it has one"},
    },
}


def webhook_channel(topics: Iterable[str]) -> Json:
    """Return the channel; its messages are those that ``webhook_messages`` adds."""
    messages = {topic: {"$ref": f"#/components/messages/{_PREFIX}{topic}"} for topic in topics}
    description = "The URL of a webhook, to which each event is posted that its filters let through, at least once."
    return {"address": None, "description": description, "messages": messages}


def webhook_operation(binding_version: str) -> Json:
    """Return the operation: sending to the channel."""
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{CHANNEL}"},
        "summary": "Deliver events to a webhook",
        "bindings": {"http": {"method": "POST", "bindingVersion": binding_version}},
    }


def webhook_messages(messages: Mapping[str, Json], envelope: str, delivered: str) -> Json:
    """Return the feed's messages as they are delivered: with headers, and ``delivered`` for the schema ``envelope``."""
    return {f"{_PREFIX}{topic}": _delivered(message, envelope, delivered) for topic, message in messages.items()}


def _delivered(message: Json, envelope: str, delivered: str) -> Json:
    parts = [{"$ref": delivered} if part == {"$ref": envelope} else part for part in message["payload"]["allOf"]]
    return {**message, "headers": _HEADERS, "payload": {"allOf": parts}}
