"""Events as the world sees them: CloudEvents 1.0 in their JSON format.

``type`` is the topic, ``subject`` the stream, ``id`` the position, ``time`` when it happened. Extension attributes
carry the rest of the envelope; ``sequence`` is the position with leading zeros, because the extension of that name
wants a text that sorts like the number. ``source`` names the log itself: a URN that is made from its very first event,
so that it stays what it is wherever the log is moved.
"""

from datetime import datetime
from uuid import UUID, uuid5

import msgspec

from domain.timestamps import rfc3339
from infra.event_feed.entries import Entry
from infra.event_feed.withheld import WITHHELD

#: Digits of the greatest position that there can be.
DIGITS = 19

#: What the names of logs are made under.
LOGS = UUID("6f6b2d0e-8f0c-4d43-9c4e-2b1f6a1d7c55")

FIRST = "select correlation_id, recorded_at from log.events where notification_id = 1"


class CloudEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fact in its envelope. Attributes that there are none for are left out."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: str
    datacontenttype: str
    sequence: str
    streamversion: int
    recordedtime: str
    tenant: str
    actorkind: str
    actorid: str
    correlationid: str
    data: msgspec.Raw
    causationid: str | None = None
    traceparent: str | None = None
    dataschema: str | None = None


def source_of(correlation_id: str, recorded_at: datetime) -> str:
    """Return the name of the log that begins with an event of this command, recorded at this moment."""
    first = f"{correlation_id} {rfc3339(recorded_at)}"
    return f"urn:uuid:{uuid5(LOGS, first)}"


def cloud_event(entry: Entry, source: str, base: str | None = None) -> CloudEvent:
    """Return the event of an entry; ``base`` is the URL at which types are served, where there is one."""
    return CloudEvent(
        specversion="1.0",
        id=str(entry.position),
        source=source,
        type=entry.topic,
        subject=entry.stream,
        time=rfc3339(entry.happened_at),
        datacontenttype="application/json",
        sequence=f"{entry.position:0{DIGITS}}",
        streamversion=entry.version,
        recordedtime=rfc3339(entry.recorded_at),
        tenant=entry.tenant,
        actorkind=entry.actor_kind,
        actorid=entry.actor_id,
        correlationid=entry.correlation_id,
        data=data_of(entry),
        causationid=entry.causation_id,
        traceparent=entry.traceparent,
        dataschema=None if base is None else f"{base}/events/types/{entry.topic}",
    )


def data_of(entry: Entry) -> msgspec.Raw:
    """Return the fact as it is stored, without what is withheld."""
    withheld = WITHHELD.get(entry.topic)
    if withheld is None:
        return msgspec.Raw(entry.state)
    said = msgspec.json.decode(entry.state)
    return msgspec.Raw(msgspec.json.encode({name: value for name, value in said.items() if name not in withheld}))
