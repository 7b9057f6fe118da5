"""Alerts in our own form, one a request (contracts/incidents.md 0.6; the reference's custom webhook, 2.4)."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Literal

import msgspec

from api.incidents.bodies import Form, decode
from api.incidents.ids import INCIDENT_IDS
from api.intakes.alert_fields import DEFAULT_SEVERITY, LONGEST_NAME, Checking, external_id
from api.intakes.inbound import Inbound, Reply
from commands.handling import Outcome
from commands.inbound_alerts import AlertAnswer, RaiseAlert
from commands.incident_fields import LONGEST_DESCRIPTION, LONGEST_TITLE, one_of
from domain.incidents.dialects import FEED
from domain.timestamps import iso_milliseconds

PROVIDER: Literal["custom"] = "custom"


class CustomAlert(Form, frozen=True, rename="camel"):
    """An alert. The severity is a word of the feed's; what ``tags`` and ``metadata`` hold is kept as it is."""

    title: str
    description: str
    source_alert_id: str | None = None
    severity: str | None = None
    service: str | None = None
    environment: str | None = None
    tags: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class CustomReply(msgspec.Struct, frozen=True, rename="camel"):
    """What became of an alert: it opened an incident, or is one more sign of one that is unresolved."""

    status: Literal["accepted", "duplicate"]
    incident_id: str
    provider: str
    external_id: str
    received_at: str


def read(raw: bytes, now: datetime) -> Inbound:
    """Return the alert of a request; raise ``InvalidInput``."""
    form = decode(raw, CustomAlert)
    checking = Checking(raw, now)
    title = checking.text("#/title", form.title, LONGEST_TITLE)
    description = checking.text("#/description", form.description, LONGEST_DESCRIPTION)
    given = checking.text("#/sourceAlertId", form.source_alert_id, LONGEST_NAME) if form.source_alert_id else ""
    service = checking.name("#/service", form.service)
    environment = checking.name("#/environment", form.environment)
    if form.severity is not None:
        checking.causes += one_of("#/severity", form.severity, FEED.ranks)
    details = checking.details("#/metadata", {"tags": form.tags, "metadata": form.metadata})
    checking.finish()
    alert = RaiseAlert(
        provider=PROVIDER,
        external_id=external_id(given, title, service),
        title=title,
        description=description,
        severity=FEED.ranks[form.severity] if form.severity else DEFAULT_SEVERITY,
        service=service,
        environment=environment,
        details=details,
    )
    return Inbound((alert,), partial(_reply, alert.external_id, iso_milliseconds(now)))


def _reply(known_by: str, received_at: str, outcomes: Sequence[Outcome]) -> Reply:
    answer: AlertAnswer = outcomes[0].answer
    status: Literal["accepted", "duplicate"] = "accepted" if answer.outcome == "accepted" else "duplicate"
    body = CustomReply(status, INCIDENT_IDS.of(answer.incident), PROVIDER, known_by, received_at)
    return Reply(202 if status == "accepted" else 200, body)
