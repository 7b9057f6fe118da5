"""Facts of messages and signals (contracts/engine.md 2.9, 2.10).

All messages of one name and correlation key, and all who wait for them, share a stream, ``channel-<digest>``: which
message meets which receiver is decided there, so that no message is lost between two and none reaches two of them. A
signal has a stream of its own, ``signal-<id>``.
"""

from datetime import datetime
from typing import ClassVar

import msgspec

from domain.event import Event


class SentVariable(msgspec.Struct, frozen=True, omit_defaults=True):
    """A process variable that comes with a message or signal; ``value`` None deletes it."""

    name: str
    encoding: str = ""
    value: str | None = None
    encrypted: bool = False


class MessageSent(Event, frozen=True):
    """Someone (the actor) sent a message. Nobody can receive it from ``expires_at`` on.

    ``lasting`` says that it came with an expiration timer: such a message is closed as soon as it has started an
    instance; any other stays open for as long as that instance lives.
    """

    topic: ClassVar[str] = "message.sent.v1"
    id: int
    name: str
    correlation_key: str
    expires_at: datetime
    unique_key: str = ""
    lasting: bool = False
    variables: tuple[SentVariable, ...] = ()


class MessageCorrelated(Event, frozen=True):
    """A message met its one receiver: a subscription, or with 0 a start event. A task triggers what follows."""

    topic: ClassVar[str] = "message.correlated.v1"
    id: int
    subscription_id: int = 0


class MessageClosed(Event, frozen=True):
    """A correlated message has done what it was sent for: its unique key is free again."""

    topic: ClassVar[str] = "message.closed.v1"
    id: int


class MessageSubscribed(Event, frozen=True):
    """An event of a process instance waits for a message of this name and correlation key."""

    topic: ClassVar[str] = "message.subscribed.v1"
    id: int
    partition: str
    process_instance_id: int
    element_instance_id: int
    process_id: int
    element_id: int
    element: str
    name: str
    correlation_key: str


class MessageUnsubscribed(Event, frozen=True):
    """An event waits no longer."""

    topic: ClassVar[str] = "message.unsubscribed.v1"
    id: int


class SignalSent(Event, frozen=True):
    """Someone, or a throwing event, sent a signal to all who waited for it just then.

    ``subscriptions`` are those it met, which are over with it; ``subscriber_count`` counts start events too.
    """

    topic: ClassVar[str] = "signal.sent.v1"
    id: int
    name: str
    subscriber_count: int
    subscriptions: tuple[int, ...] = ()
    variables: tuple[SentVariable, ...] = ()


ChannelEvent = MessageSent | MessageCorrelated | MessageClosed | MessageSubscribed | MessageUnsubscribed
SignalEvent = SignalSent
