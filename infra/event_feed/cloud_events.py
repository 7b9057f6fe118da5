"""Events as the world sees them: CloudEvents 1.0 in their JSON format.

``type`` is the topic, ``subject`` the stream, ``id`` the position, ``time`` when it happened. Extension attributes
carry the rest of the envelope; ``sequence`` is the position with leading zeros, because the extension of that name
wants a text that sorts like the number. ``source`` names the log itself: a URN that is made from its very first event,
so that it stays what it is wherever the log is moved. Where the log has begun a new era (``log.eras``), which it does
when it may have lost facts, what comes after that has another source: no two events have one source and one id.
"""

from typing import NamedTuple
from uuid import UUID, uuid5

import msgspec

from domain.timestamps import rfc3339
from infra.event_feed.entries import Entry
from infra.event_feed.withheld import WITHHELD
from projections.database import Database

#: Digits of the greatest position that there can be.
DIGITS = 19

#: What the names of logs are made under.
LOGS = UUID("6f6b2d0e-8f0c-4d43-9c4e-2b1f6a1d7c55")

FIRST = "select correlation_id, recorded_at from log.events where notification_id = 1"
ERAS = "select began_after, id from log.eras where number > 1 order by number desc"


class Source(NamedTuple):
    """What a log is called: at first, and behind where eras (with their ids) began, the latest first."""

    first: str
    eras: tuple[tuple[int, str, str], ...] = ()

    def at(self, position: int) -> str:
        """Return the source of the event at a position."""
        return next((urn for began_after, urn, _ in self.eras if position > began_after), self.first)

    def era_at(self, position: int) -> str:
        """Return the id of the era of the event at a position, empty for the first era."""
        return next((era for began_after, _, era in self.eras if position > began_after), "")


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


async def find_source(database: Database) -> Source | None:
    """Return what the log is called; None while it is empty."""
    row = await database.fetchrow(FIRST)
    if row is None:
        return None
    correlation_id, recorded_at = row
    first = f"{correlation_id} {rfc3339(recorded_at)}"
    eras = await database.fetch(ERAS)
    return Source(_urn(first), tuple((began_after, _urn(f"{first} {era}"), era) for began_after, era in eras))


def _urn(name: str) -> str:
    return f"urn:uuid:{uuid5(LOGS, name)}"


def cloud_event(entry: Entry, source: Source, base: str | None = None) -> CloudEvent:
    """Return the event of an entry; ``base`` is the URL at which types are served, where there is one."""
    return CloudEvent(
        specversion="1.0",
        id=str(entry.position),
        source=source.at(entry.position),
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
