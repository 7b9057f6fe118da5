"""Generated requests to the APIs about incidents that come to something: by chance alone, hardly any would."""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import requests
import schemathesis
from requests.auth import AuthBase

Json = dict[str, Any]

#: Where scenarios begin, by links of ours.
BEGINNINGS = (
    "createFeedIncident",
    "openUptimeIncident",
    "createCheck",
    "createAlertRule",
    "openIntake",
    "createWebhook",
    "listFeedIncidents",
    "listChecks",
)

PROVIDERS = ("custom", "alertmanager", "pagerduty")
FAILED: Sequence[Json] = [{"region": region, "ok": False, "type": "timeout"} for region in ("eu", "us", "eu")]
WORKED: Sequence[Json] = [{"region": region, "ok": True} for region in ("eu", "us", "eu")]


def _shown(body: Json, content: Mapping[str, Any], chance: int) -> Any:
    """Return one of the examples, with some of what was made up."""
    shown = [told["value"] for told in content["examples"].values()]
    kept = {name: value for number, (name, value) in enumerate(body.items()) if (chance >> number) % 4 == 0}
    example = shown[chance % len(shown)]
    return {**example, **kept} if isinstance(example, dict) else example


def _reported(body: Json, _content: Mapping[str, Any], chance: int) -> Json:
    """Return a report that no check is behind, begun now."""
    given = {name: value for name, value in body.items() if name not in {"check_id", "started_at", "source"}}
    return {"title": f"Incident {chance}", **given}


def _rule(body: Json, content: Mapping[str, Any], chance: int) -> Json:
    given = {name: value for name, value in body.items() if name in {"enabled", "cooldownMinutes", "description"}}
    return {**_shown({}, content, chance), **given}


#: By operation: what becomes of a body that was made up, with what the document says of it, and a number by chance.
ABOUT: Mapping[str, Callable[[Json, Mapping[str, Any], int], Any]] = {
    "openUptimeIncident": _reported,
    "createCheck": lambda body, _, __: {**body, "target_url": "https://shop.example.org/"},
    "createAlertRule": _rule,
    "replaceAlertRule": _rule,
    "openIntake": lambda body, _, __: {**body, "tenantId": "default"},
    "createWebhook": lambda _, content, chance: _shown({}, content, chance),
    "reportAlertSamples": lambda _, __, chance: {"metric": "errors", "value": chance % 100},
    "reportResults": lambda _, __, chance: (FAILED, WORKED)[chance % 2],
    "receiveAlerts": _shown,
}


class Signed(AuthBase):
    """Signs what is sent to an inbound webhook with the secret of the intake for its provider."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body or b""
        assert isinstance(body, str | bytes)
        raw = body.encode() if isinstance(body, str) else body
        signature = hmac.new(self._secret.encode(), raw, hashlib.sha256).hexdigest()
        request.headers["X-Webhook-Signature"] = f"sha256={signature}"
        return request


def intakes(url: str, key: str) -> Mapping[str, str]:
    """Open an intake for each provider, and return their secrets."""
    secrets = {}
    for provider in PROVIDERS:
        body = {"tenantId": "default", "provider": provider, "name": provider}
        answer = requests.post(f"{url}/admin/intakes", json=body, headers={"X-API-Key": key}, timeout=30)
        assert answer.status_code == 201, answer.text
        secrets[provider] = answer.json()["secret"]
    return secrets


@contextmanager
def signed_webhooks(secrets: Mapping[str, str]) -> Iterator[None]:
    """Send most inbound webhooks to the tenant of the intakes, signed, until the block ends."""

    def before_call(context: Any, case: Any, kwargs: Json) -> None:
        if case.operation.definition.raw["operationId"] != "receiveAlerts":
            return
        place = case.path_parameters or {}
        secret = secrets.get(place.get("provider", ""))
        if secret is not None:
            place["tenant_id"] = "default"
            (case.headers or {}).pop("X-API-Key", None)
            kwargs["auth"] = Signed(secret)

    schemathesis.hook(before_call)
    try:
        yield
    finally:
        schemathesis.hooks.unregister(before_call)
