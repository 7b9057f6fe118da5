"""Alerts as Prometheus Alertmanager sends them: the webhook's version 4 (contracts/incidents.md 0.6).

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config. Members that are not used are passed over, as
others add to that form. A group of alerts is taken as a whole: with one wrong alert nothing of it is stored.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Literal

import msgspec

from api.incidents.bodies import decode
from api.incidents.ids import INCIDENT_IDS
from api.intakes.alert_fields import DEFAULT_SEVERITY, Checking, described, external_id, shortened
from api.intakes.inbound import Inbound, Reply
from commands.handling import Outcome
from commands.inbound_alerts import InboundAlert, RaiseAlert, ResolveAlert
from commands.incident_fields import LONGEST_DESCRIPTION
from domain.rejection import Cause

PROVIDER: Literal["alertmanager"] = "alertmanager"

#: Alerts of one request.
MOST_ALERTS = 1_000

RANKS: Mapping[str, int] = {"critical": 4, "error": 3, "high": 3, "major": 3, "warning": 2, "low": 1, "info": 0}

Labels = Mapping[str, str]


class FiringAlert(msgspec.Struct, frozen=True, rename="camel"):
    """An alert of a group; ``fingerprint`` stands for its labels."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    generator_url: str | None = msgspec.field(default=None, name="generatorURL")
    fingerprint: str | None = None


class AlertGroup(msgspec.Struct, frozen=True, rename="camel"):
    """What a notification brings."""

    alerts: list[FiringAlert]


class TakenAlert(msgspec.Struct, frozen=True, rename="camel"):
    """What became of one alert; an alert that resolves what was never opened has no incident, and is ignored."""

    incident_id: str | None
    external_id: str
    status: Literal["accepted", "duplicate", "resolved", "ignored"]


class AlertmanagerReply(msgspec.Struct, frozen=True):
    """What became of a group; ``accepted`` counts the alerts that were not ignored."""

    accepted: int
    incidents: Sequence[TakenAlert]


def read(raw: bytes, now: datetime) -> Inbound:
    """Return the alerts of a group; raise ``InvalidInput``."""
    group = decode(raw, AlertGroup)
    checking = Checking(raw, now)
    if len(group.alerts) > MOST_ALERTS:
        checking.causes.append(Cause("#/alerts", "max", f"must have at most {MOST_ALERTS} alerts"))
        checking.finish()
    alerts = [_read(f"#/alerts/{number}", alert, checking) for number, alert in enumerate(group.alerts)]
    checking.finish()
    return Inbound(alerts, partial(_reply, alerts))


def _read(pointer: str, alert: FiringAlert, checking: Checking) -> InboundAlert:
    labels, annotations = alert.labels or {}, alert.annotations or {}
    fingerprint = checking.name(f"{pointer}/fingerprint", alert.fingerprint)
    service = checking.name(f"{pointer}/labels/service", _first(labels, "service", "job"))
    title = _first(annotations, "summary") or _first(labels, "alertname")
    if title or alert.status == "firing" or not fingerprint:
        title = checking.text(f"{pointer}/annotations/summary", title[:LONGEST_DESCRIPTION], LONGEST_DESCRIPTION)
    known_by = external_id(fingerprint, title, service)
    if alert.status == "resolved":
        return ResolveAlert(PROVIDER, known_by)
    description = _first(annotations, "description", "message")
    return RaiseAlert(
        provider=PROVIDER,
        external_id=known_by,
        title=shortened(title),
        description=described(checking.cut(f"{pointer}/annotations/description", description), title),
        severity=RANKS.get(labels.get("severity", "").strip().lower(), DEFAULT_SEVERITY),
        service=service,
        environment=checking.name(f"{pointer}/labels/environment", _first(labels, "environment", "env")),
        details=checking.details(
            f"{pointer}/labels",
            {"labels": labels, "annotations": annotations, "generatorURL": alert.generator_url},
        ),
        started_at=checking.started(f"{pointer}/startsAt", alert.starts_at),
    )


def _first(texts: Labels, *names: str) -> str:
    """Return the first of these that says something."""
    return next((texts[name] for name in names if texts.get(name, "").strip()), "")


def _reply(alerts: Sequence[InboundAlert], outcomes: Sequence[Outcome]) -> Reply:
    taken = list(_taken(alerts, outcomes))
    return Reply(202, AlertmanagerReply(sum(alert.status != "ignored" for alert in taken), taken))


def _taken(alerts: Sequence[InboundAlert], outcomes: Sequence[Outcome]) -> Iterator[TakenAlert]:
    for alert, outcome in zip(alerts, outcomes, strict=True):
        incident = outcome.answer.incident
        yield TakenAlert(INCIDENT_IDS.of(incident) if incident else None, alert.external_id, outcome.answer.outcome)
