"""Facts of intakes, at which other systems hand in their alerts, and of the alerts themselves (incidents.md 0.6)."""

from typing import ClassVar, Literal

from domain.event import Event

#: The forms in which alerts come in.
Provider = Literal["custom", "alertmanager", "pagerduty"]


class IntakeOpened(Event, frozen=True):
    """Another system may hand in alerts for a tenant. Its stream is ``intake-<ULID>``.

    ``sealed_secret`` is what it signs with, encrypted: who checks a signature has to know the secret itself. A key that
    is sent along instead is known by its keyed hash (hex HMAC-SHA-256) alone.
    """

    topic: ClassVar[str] = "intake.opened.v1"
    provider: Provider
    name: str
    sealed_secret: str
    routing_key_hash: str = ""


class IntakeClosed(Event, frozen=True):
    """Nothing is taken under its secret any more."""

    topic: ClassVar[str] = "intake.closed.v1"


class IntakeListed(Event, frozen=True):
    """An intake, known by its ULID, is one of those of a tenant and provider: ``intakes-<tenant>-<provider>``."""

    topic: ClassVar[str] = "intake.listed.v1"
    intake: str


class IntakeUnlisted(Event, frozen=True):
    """An intake is none of them any more."""

    topic: ClassVar[str] = "intake.unlisted.v1"
    intake: str


class AlertRaised(Event, frozen=True):
    """An alert of another system led to an incident, whose ULID this is. Its stream is ``alert-<digest>``."""

    topic: ClassVar[str] = "alert.raised.v1"
    incident: str


IntakeEvent = IntakeOpened | IntakeClosed
IntakesEvent = IntakeListed | IntakeUnlisted
AlertEvent = AlertRaised
