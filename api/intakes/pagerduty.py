"""Events as senders for PagerDuty send them: Events API v2 (contracts/incidents.md 0.6).

https://developer.pagerduty.com/docs/events-api-v2. Members that are not used are passed over.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Literal

import msgspec

from api.incidents.bodies import decode
from api.intakes.alert_fields import (
    DEFAULT_SEVERITY,
    LONGEST_NAME,
    Checking,
    described,
    external_id,
    shortened,
)
from api.intakes.inbound import Inbound, Reply
from commands.handling import Outcome
from commands.inbound_alerts import AcknowledgeAlert, InboundAlert, RaiseAlert, ResolveAlert
from commands.incident_fields import LONGEST_DESCRIPTION

PROVIDER: Literal["pagerduty"] = "pagerduty"

RANKS = {"critical": 4, "error": 3, "warning": 2, "info": 0}

SAID = {
    "accepted": "Event processed: it opened an incident",
    "duplicate": "Event processed: its incident is unresolved",
    "acknowledged": "Event processed: its incident is acknowledged",
    "resolved": "Event processed: its incident is resolved",
    "ignored": "Event ignored: no incident of this key is left to change",
}


class Payload(msgspec.Struct, frozen=True):
    """What a triggering event tells."""

    summary: str | None = None
    source: str | None = None
    severity: Literal["critical", "error", "warning", "info"] | None = None
    component: str | None = None
    group: str | None = None
    class_: str | None = msgspec.field(default=None, name="class")
    custom_details: Any = None


class PagerdutyEvent(msgspec.Struct, frozen=True):
    """An event; ``dedup_key`` says what it is about."""

    event_action: Literal["trigger", "acknowledge", "resolve"]
    dedup_key: str | None = None
    payload: Payload | None = None
    client: str | None = None
    client_url: str | None = None
    links: list[Any] | None = None
    images: list[Any] | None = None


class PagerdutyReply(msgspec.Struct, frozen=True):
    """That an event was processed, and the key to use in those that follow."""

    status: Literal["success"]
    message: str
    dedup_key: str


class _Sender(msgspec.Struct, frozen=True):
    routing_key: Any = None


def routing_key_in(raw: bytes) -> str:
    """Return the key that a sender has sent along, empty for none; raise ``InvalidBody`` for what is no JSON object."""
    routing_key = decode(raw, _Sender).routing_key
    return routing_key if isinstance(routing_key, str) else ""


def read(raw: bytes, now: datetime) -> Inbound:
    """Return what an event says; raise ``InvalidInput``."""
    event = decode(raw, PagerdutyEvent)
    checking = Checking(raw, now)
    alert = _read(event, checking)
    checking.finish()
    return Inbound((alert,), partial(_reply, alert.external_id))


def _read(event: PagerdutyEvent, checking: Checking) -> InboundAlert:
    if event.event_action == "trigger":
        return _triggered(event, event.payload or Payload(), checking)
    dedup_key = checking.text("#/dedup_key", event.dedup_key, LONGEST_NAME)
    if event.event_action == "acknowledge":
        return AcknowledgeAlert(PROVIDER, dedup_key)
    return ResolveAlert(PROVIDER, dedup_key)


def _triggered(event: PagerdutyEvent, payload: Payload, checking: Checking) -> RaiseAlert:
    dedup_key = checking.name("#/dedup_key", event.dedup_key)
    summary = checking.text("#/payload/summary", payload.summary, LONGEST_DESCRIPTION)
    service = checking.name("#/payload/source", payload.source)
    rest = {
        "component": payload.component,
        "group": payload.group,
        "class": payload.class_,
        "custom_details": payload.custom_details,
        "client": event.client,
        "client_url": event.client_url,
        "links": event.links,
        "images": event.images,
    }
    return RaiseAlert(
        provider=PROVIDER,
        external_id=external_id(dedup_key, summary, service),
        title=shortened(summary),
        description=described("", summary),
        severity=RANKS[payload.severity] if payload.severity else DEFAULT_SEVERITY,
        service=service,
        details=checking.details("#/payload", rest),
    )


def _reply(dedup_key: str, outcomes: Sequence[Outcome]) -> Reply:
    return Reply(202, PagerdutyReply("success", SAID[outcomes[0].answer.outcome], dedup_key))
