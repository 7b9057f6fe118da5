"""The log as lines of JSON, for export and import: one for each event, complete and as it is stored, then a last one.

The last line tells that nothing is missing, and from which numbers on the engine's ids are free: numbers that were
taken and came to nothing are in no event. It ends with a SHA-256 over everything before it, so that a file is known to
be what was exported. Whoever changes it on purpose can make the hash anew; what tells of that is ``annals audit``.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol, Self

import msgspec

from domain.event import ActorKind
from domain.identity import IdKind
from infra.event_feed.entries import Entry


class EventLine(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", forbid_unknown_fields=True):
    """An event; ``data`` is the fact as the log keeps it, what is secret in it too."""

    position: int
    stream: str
    version: int
    type: str
    tenant: str
    actor_kind: ActorKind
    actor_id: str
    happened_at: datetime
    recorded_at: datetime
    correlation_id: str
    data: msgspec.Raw
    causation_id: str | None = None
    traceparent: str | None = None


class IdBlock(msgspec.Struct, frozen=True, omit_defaults=True):
    """The next number of a kind that is free: of a day, or of those that count for ever."""

    kind: IdKind
    next: int
    day: date | None = None


class LastLine(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel", forbid_unknown_fields=True):
    """The position of the last event, the ids that are free, and the hash of all lines, with this one up to here."""

    end: int
    id_blocks: Sequence[IdBlock]
    sha256: str = ""


class Digest(Protocol):
    """A hash over what it has been given so far, as ``hashlib`` has them."""

    def update(self, data: bytes, /) -> None: ...

    def copy(self) -> Self: ...

    def hexdigest(self) -> str: ...


_encode = msgspec.json.Encoder().encode
read_event = msgspec.json.Decoder(EventLine).decode
read_last = msgspec.json.Decoder(LastLine).decode


def is_last(line: bytes) -> bool:
    return line.startswith(b'{"end":')


def line_of(entry: Entry) -> bytes:
    """Return the line of an event."""
    return _encode(
        EventLine(
            position=entry.position,
            stream=entry.stream,
            version=entry.version,
            type=entry.topic,
            tenant=entry.tenant,
            actor_kind=entry.actor_kind,  # type: ignore[arg-type]  # as the log has it
            actor_id=entry.actor_id,
            happened_at=entry.happened_at,
            recorded_at=entry.recorded_at,
            correlation_id=entry.correlation_id,
            data=msgspec.Raw(entry.state),
            causation_id=entry.causation_id,
            traceparent=entry.traceparent,
        )
    )


def last_line(end: int, blocks: Sequence[IdBlock], digest: Digest) -> bytes:
    """Return the last line; ``digest`` has been given all lines before it, with their ends."""
    whole = digest.copy()
    whole.update(_encode(LastLine(end, blocks)))
    return _encode(LastLine(end, blocks, whole.hexdigest()))
