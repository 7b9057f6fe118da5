"""Alerts of other systems: each opens an incident, or is one more sign of the one it opened (incidents.md 0.5, 0.6).

What an alert is known by, its provider and its id there, has a stream that tells the last incident it led to. Two that
come in at once therefore never open two: both decisions rest on that stream, and one of them is made again.
"""

from datetime import datetime
from typing import Literal

import msgspec

from commands.context import Context, Decision
from commands.desk import AtHand, Desk
from commands.incident_opening import open_incident
from commands.incident_reopening import worked_on
from commands.intents import Intent
from commands.turns import decided, unit_of
from domain.event import Event
from domain.identity import alert_stream, incident_stream
from domain.incidents.events import (
    AlertCause,
    IncidentAcknowledged,
    IncidentOpened,
    IncidentRecurred,
    IncidentResolved,
)
from domain.incidents.incident import Incident
from domain.incidents.status import Status
from domain.incidents.texts import legible
from domain.intakes.alert import Alert
from domain.intakes.events import AlertRaised, Provider


class RaiseAlert(Intent, frozen=True):
    """Something is wrong, or still is. ``severity`` is a rank, ``details`` the JSON text of an object, or empty.

    ``started_at`` is given where the sender knows when it began (UTC, cut to milliseconds). The texts of alerts were
    checked where they came in; title and description are made legible once more.
    """

    provider: Provider
    external_id: str
    title: str
    description: str
    severity: int
    service: str = ""
    environment: str = ""
    details: str = ""
    started_at: datetime | None = None


class AcknowledgeAlert(Intent, frozen=True):
    """Somebody has seen it, over there."""

    provider: Provider
    external_id: str


class ResolveAlert(Intent, frozen=True):
    """It is over, as the other system says."""

    provider: Provider
    external_id: str


#: An alert is known by its provider and by the id that it has there.
InboundAlert = RaiseAlert | AcknowledgeAlert | ResolveAlert


class AlertAnswer(msgspec.Struct, frozen=True):
    """What became of an alert, and the ULID of the incident that it belongs to; empty where it belongs to none."""

    incident: str
    outcome: Literal["accepted", "duplicate", "acknowledged", "resolved", "ignored"]


async def gather_alert(command: InboundAlert, _target: None, context: Context, desk: Desk) -> AtHand:
    """Hold the alert, so that its next one waits, and the incident it led to last."""
    alert: Alert | None = (await desk.hold(_stream(command, context))).state
    if alert is not None:
        await desk.hold(incident_stream(alert.incident))
    return desk.at_hand


def decide_raise(command: RaiseAlert, _target: None, at_hand: AtHand, context: Context) -> Decision:
    """Open an incident, unless one that the alert led to, or the one which that was merged into, is unresolved.

    A second outage does not vanish into an incident that is over: it gets one of its own, linked to the last.
    """
    unit = unit_of(context, *at_hand)
    stream = _stream(command, context)
    alert: Alert | None = unit.state(stream)
    known = worked_on(unit, alert.incident) if alert is not None else None
    if known is not None:
        incident: Incident = unit.state(incident_stream(known))
        message = legible(command.description)
        news = message if message != incident.error_message else ""
        unit.record(incident_stream(known), IncidentRecurred(news))
        return decided(unit, AlertAnswer(known, "duplicate"))
    ulid = open_incident(unit, _opened(command, alert.incident if alert is not None else ""), command.started_at)
    unit.record(stream, AlertRaised(ulid))
    return decided(unit, AlertAnswer(ulid, "accepted"))


def decide_acknowledge(command: AcknowledgeAlert, _target: None, at_hand: AtHand, context: Context) -> Decision:
    """Acknowledge the incident, unless somebody has already taken it up or it is over."""
    return _changed(command, at_hand, context, "acknowledged")


def decide_resolve(command: ResolveAlert, _target: None, at_hand: AtHand, context: Context) -> Decision:
    """Resolve the incident, unless it is over.

    One that was merged into another is not: that one may have more causes than this alert.
    """
    return _changed(command, at_hand, context, "resolved")


def _changed(
    command: InboundAlert, at_hand: AtHand, context: Context, outcome: Literal["acknowledged", "resolved"]
) -> Decision:
    unit = unit_of(context, *at_hand)
    alert: Alert | None = unit.state(_stream(command, context))
    if alert is None:
        return decided(unit, AlertAnswer("", "ignored"))
    stream = incident_stream(alert.incident)
    event = _move(unit.state(stream), outcome)
    if event is None:
        return decided(unit, AlertAnswer(alert.incident, "ignored"))
    unit.record(stream, event)
    return decided(unit, AlertAnswer(alert.incident, outcome))


def _move(incident: Incident, outcome: Literal["acknowledged", "resolved"]) -> Event | None:
    """Return the fact of a move, None for one that there is no need of."""
    if outcome == "acknowledged":
        return IncidentAcknowledged(incident.status) if incident.status is Status.OPEN else None
    return IncidentResolved("automatic", incident.status) if incident.is_unresolved else None


def _opened(command: RaiseAlert, previous: str) -> IncidentOpened:
    return IncidentOpened(
        source="external_alert",
        severity=command.severity,
        title=command.title,
        error_message=command.description,
        previous_incident=previous,
        alert=AlertCause(
            provider=command.provider,
            external_id=command.external_id,
            service=command.service,
            environment=command.environment,
            details=command.details,
        ),
    )


def _stream(command: InboundAlert, context: Context) -> str:
    return alert_stream(context.tenant, command.provider, command.external_id)
