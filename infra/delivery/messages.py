"""What is sent: an event as a body that never changes, under an id that never changes, signed anew each time.

Ids, timestamps and signatures are those of Standard Webhooks (https://www.standardwebhooks.com).
"""

import base64
import hmac
from collections.abc import Iterable
from datetime import datetime

import msgspec

from infra.event_feed.cloud_events import CloudEvent, Source, cloud_event
from infra.event_feed.entries import Entry

CONTENT_TYPE = "application/cloudevents+json"


class DeliveredEvent(CloudEvent, frozen=True):
    """The event as the feed has it, with its number among the deliveries of the webhook."""

    webhooksequence: int = 0


def delivery_id(webhook: str, position: int, era: str = "") -> str:
    """Return the id of the delivery of one event to one webhook.

    Positions are given again where a log has lost facts; ``era``, the id of an era but the first, tells them apart.
    """
    return f"msg_{webhook}-{position}-{era}" if era else f"msg_{webhook}-{position}"


def body_of(entry: Entry, source: Source, sequence: int) -> bytes:
    """Return what is sent of an event of the log: a CloudEvent in its JSON format."""
    told = msgspec.structs.asdict(cloud_event(entry, source))
    return msgspec.json.encode(DeliveredEvent(**told, webhooksequence=sequence))


def signatures(keys: Iterable[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signatures of a message under some keys, as one header has them."""
    signed = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    digests = (base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys)
    return " ".join(f"v1,{digest}" for digest in digests)


def headers_of(message_id: str, at: datetime, body: bytes, keys: Iterable[bytes]) -> dict[str, str]:
    """Return the headers of an attempt that is made at a time."""
    timestamp = int(at.timestamp())
    return {
        "content-type": CONTENT_TYPE,
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures(keys, message_id, timestamp, body),
    }
