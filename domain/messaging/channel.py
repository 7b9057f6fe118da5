"""Where messages of one name and correlation key meet those who wait for them (contracts/engine.md 2.9)."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from domain.messaging.events import (
    ChannelEvent,
    MessageClosed,
    MessageCorrelated,
    MessageSent,
    MessageSubscribed,
    MessageUnsubscribed,
)

replace = msgspec.structs.replace


class Message(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A message that still may be received, or that has been and whose receiver has not acted on it yet."""

    sent: MessageSent
    created_at: datetime
    created_by: str
    correlated: bool = False

    def is_open(self, now: datetime) -> bool:
        """Tell whether its unique key is taken: an expired message that nobody received does not count."""
        return self.correlated or self.sent.expires_at > now


class Channel(msgspec.Struct, omit_defaults=True):
    """Messages and subscriptions by their ids, oldest first."""

    messages: dict[int, Message] = {}
    subscriptions: dict[int, MessageSubscribed] = {}

    def copy(self) -> "Channel":
        return Channel(dict(self.messages), dict(self.subscriptions))

    def buffered(self, now: datetime) -> Message | None:
        """Return the oldest message that waits for a receiver."""
        return next((m for m in self.messages.values() if not m.correlated and m.sent.expires_at > now), None)

    def same(self, unique_key: str, now: datetime) -> Message | None:
        """Return the message that a unique key stands for."""
        if not unique_key:
            return None
        return next((m for m in self.messages.values() if m.sent.unique_key == unique_key and m.is_open(now)), None)

    def subscription_of(self, partition: str, process_instance_id: int, element_instance_id: int) -> int:
        """Return the id of an element instance's subscription, 0 if it has none."""
        place = (partition, process_instance_id, element_instance_id)
        for subscription_id, waiting in self.subscriptions.items():
            if (waiting.partition, waiting.process_instance_id, waiting.element_instance_id) == place:
                return subscription_id
        return 0


def evolve(channel: Channel | None, event: ChannelEvent, at: datetime, by: str, _tenant: str) -> Channel:
    """Apply a fact to the channel itself. Total: it never refuses a stored fact."""
    channel = channel or Channel({}, {})
    _EVOLVE[type(event)](channel, event, at, by)
    return channel


def _sent(channel: Channel, event: MessageSent, at: datetime, by: str) -> None:
    """Add a message; those that expired before it are of no use to anyone."""
    channel.messages = {number: message for number, message in channel.messages.items() if message.is_open(at)}
    channel.messages[event.id] = Message(event, at, by)


def _correlated(channel: Channel, event: MessageCorrelated, _at: datetime, _by: str) -> None:
    channel.messages[event.id] = replace(channel.messages[event.id], correlated=True)
    channel.subscriptions.pop(event.subscription_id, None)


def _closed(channel: Channel, event: MessageClosed, _at: datetime, _by: str) -> None:
    channel.messages.pop(event.id, None)


def _subscribed(channel: Channel, event: MessageSubscribed, _at: datetime, _by: str) -> None:
    channel.subscriptions[event.id] = event


def _unsubscribed(channel: Channel, event: MessageUnsubscribed, _at: datetime, _by: str) -> None:
    channel.subscriptions.pop(event.id, None)


_EVOLVE: Mapping[type[ChannelEvent], Callable[[Channel, Any, datetime, str], None]] = {
    MessageSent: _sent,
    MessageCorrelated: _correlated,
    MessageClosed: _closed,
    MessageSubscribed: _subscribed,
    MessageUnsubscribed: _unsubscribed,
}
