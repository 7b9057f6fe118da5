"""How the operations about intakes are documented, and the one at which alerts come in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIType, Parameter, Schema

from api.feed.errors import FEED_FORM
from api.incidents.documentation import ONCE, USUAL, Documented, body_of, json_body, refusals, text_parameter
from api.intakes.alertmanager import AlertmanagerReply
from api.intakes.custom import CustomReply
from api.intakes.pagerduty import PagerdutyReply
from api.refusals import InvalidSignature, UnknownPath
from commands.access_fields import LABEL_LENGTH, TENANT_ID
from commands.intakes import PROVIDERS
from domain.rejection import Cause, InvalidInput

_REFUSALS: Mapping[int, ResponseSpec] = refusals(
    FEED_FORM,
    *USUAL,
    InvalidInput("", "fields are invalid", [Cause("#/title", "required", "is required")]),
    InvalidSignature(),
    UnknownPath("/v1/webhooks/acme/pager"),
)

#: What any request with alerts may be refused with.
_ALWAYS = (401, 429, 503)


def refused_with(*statuses: int) -> dict[int, ResponseSpec]:
    """Return how the feed tells refusals of these statuses, and those that every request with alerts may get."""
    return {status: _REFUSALS[status] for status in sorted({*_ALWAYS, *statuses})}


REPLIES: Mapping[int, ResponseSpec] = {
    200: ResponseSpec(CustomReply, generate_examples=False, description="A custom alert whose incident is unresolved"),
    202: ResponseSpec(
        CustomReply | AlertmanagerReply | PagerdutyReply,
        generate_examples=False,
        description="What became of the alerts, in the form of the provider",
    ),
}

_TEXT = Schema(type=OpenAPIType.STRING)

_CUSTOM: Mapping[str, Any] = {
    "title": "Disk full on db1",
    "description": "/var has 0 bytes left",
    "sourceAlertId": "disk-db1",
    "severity": "high",
    "service": "billing",
    "environment": "production",
    "tags": {"host": "db1"},
}
_ALERTMANAGER: Mapping[str, Any] = {
    "version": "4",
    "status": "firing",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "HighLatency", "severity": "critical", "service": "checkout"},
            "annotations": {"summary": "Checkout is slow", "description": "p95 is above 2 s"},
            "startsAt": "2026-11-23T09:12:00Z",
            "fingerprint": "c0ffee0123456789",
        }
    ],
}
_PAGERDUTY: Mapping[str, Any] = {
    "routing_key": "6sX0bq2-routing-key-of-an-intake",
    "event_action": "trigger",
    "dedup_key": "checkout-latency",
    "payload": {"summary": "Checkout is slow", "source": "checkout", "severity": "critical"},
}


def _header(name: str, description: str, example: str) -> Parameter:
    schema = Schema(type=OpenAPIType.STRING, examples=[example])
    return Parameter(name=name, param_in="header", schema=schema, required=False, description=description)


@dataclass
class ReceiveAlerts(Documented):
    more_parameters = (
        _header(
            "X-Webhook-Signature",
            "`sha256=` and the HMAC-SHA-256 of the raw body under an intake's secret, in hex",
            "sha256=9c0d294c05fc1d88d698034609bb81c0c69196327594e4c69d2915c80fd9850c",
        ),
        _header("X-API-Key", "when it is sent, it has to be one of the tenant's", "ann_01JD_secret"),
        ONCE,
    )
    body = body_of(Schema(type=OpenAPIType.OBJECT), _CUSTOM, _ALERTMANAGER, _PAGERDUTY)


@dataclass
class OpenIntakeOperation(Documented):
    body = json_body(
        {"tenantId": "acme", "provider": "alertmanager", "name": "Prometheus of production"},
        ["tenantId", "provider", "name"],
        tenantId=Schema(type=OpenAPIType.STRING, pattern=TENANT_ID, description="Lower-case letters, digits, hyphens."),
        provider=Schema(type=OpenAPIType.STRING, enum=list(PROVIDERS)),
        name=Schema(type=OpenAPIType.STRING, min_length=1, max_length=LABEL_LENGTH),
    )


@dataclass
class ListIntakesOperation(Documented):
    more_parameters = (text_parameter("tenantId", "those of this tenant only", "acme"),)
