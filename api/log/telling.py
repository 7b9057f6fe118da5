"""Pages of the feed as HTTP answers: one object, or a line for each event."""

from collections.abc import Callable, Sequence

import msgspec
from litestar import Response

from api.answers import json_bytes
from api.media_types import JSON, preferred
from infra.event_feed.cloud_events import CloudEvent, Source, cloud_event
from infra.event_feed.entries import Entry
from infra.event_feed.pages import Page

NDJSON = "application/x-ndjson"
CLOUD_EVENT = "application/cloudevents+json"

NEXT = "Annals-Next"
POSITION = "Annals-Position"

#: Tells an event.
Teller = Callable[[Entry], CloudEvent]


class EventPage(msgspec.Struct, frozen=True):
    """Some events, in the order of their positions; ``next`` is the position to go on after, as a text."""

    events: Sequence[CloudEvent]
    next: str


def teller(source: Source, base: str) -> Teller:
    """Return what tells events of a log; ``base`` is the URL under which this API is asked."""
    return lambda entry: cloud_event(entry, source, base)


def answer(page: Page, tell: Teller, accept: str) -> Response[bytes]:
    """Return a page in the form that is asked for; the headers tell where to go on, and where the log ended."""
    headers = {NEXT: str(page.next), POSITION: str(max(page.head, page.next)), "Cache-Control": "no-store"}
    events = [tell(entry) for entry in page.entries]
    if preferred(accept, (JSON, NDJSON)) == NDJSON:
        return Response(b"".join(map(json_bytes, events)), media_type=NDJSON, headers=headers)
    return Response(json_bytes(EventPage(events, str(page.next))), media_type=JSON, headers=headers)


def one(entry: Entry, tell: Teller) -> Response[bytes]:
    """Return an event by itself."""
    return Response(json_bytes(tell(entry)), media_type=CLOUD_EVENT, headers={"Cache-Control": "no-store"})
