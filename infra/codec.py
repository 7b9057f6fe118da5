"""Facts to and from the bytes that the log keeps: JSON without the members that have their default.

A topic of the past is turned into its successor when it is read (``domain.topics.UPCASTERS``); the log itself is never
rewritten.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from domain.event import Event
from domain.topics import TOPICS, UPCASTERS, Upcaster

_DECODERS = {topic: msgspec.json.Decoder(fact) for topic, fact in TOPICS.items()}

#: Return the JSON of a fact, without its topic.
encode = msgspec.json.Encoder().encode


class UnreadableFact(Exception):
    """The log holds something that this release cannot read; ``topic`` names it."""

    def __init__(self, topic: str, reason: str) -> None:
        super().__init__(f"cannot read a fact of topic {topic!r}: {reason}")
        self.topic = topic
        self.reason = reason


class UnknownTopic(UnreadableFact):
    """No such topic is registered: it is damaged, or a newer release has written the fact."""

    def __init__(self, topic: str) -> None:
        super().__init__(topic, "no such topic is registered (a newer release may have written it)")


def knows(topic: str) -> bool:
    """Tell whether this release knows a topic, of today or of the past."""
    return topic in _DECODERS or topic in UPCASTERS


def unknown_topic(error: BaseException | None) -> UnknownTopic | None:
    """Return the fact of an unknown topic that an error comes of, if it comes of one."""
    while error is not None and not isinstance(error, UnknownTopic):
        error = error.__cause__
    return error


def decode(topic: str, state: bytes) -> Event:
    """Return the fact; raise ``UnreadableFact`` when the topic is unknown or the state does not fit it."""
    decoder = _DECODERS.get(topic)
    try:
        return decoder.decode(state) if decoder is not None else upcast(topic, state, UPCASTERS)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableFact(topic, str(error)) from error


def upcast(topic: str, state: bytes, upcasters: Mapping[str, tuple[str, Upcaster]]) -> Event:
    """Return a fact of a topic of the past as its latest successor."""
    if topic not in upcasters:
        raise UnknownTopic(topic)
    fields: dict[str, Any] = msgspec.json.decode(state)
    successor = topic
    while successor in upcasters:
        successor, turn = upcasters[successor]
        fields = turn(fields)
    return msgspec.convert(fields, TOPICS[successor])
