"""What a tenant has besides processes: incidents of every source and status, checks, rules, intakes, webhooks."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tests.fuzz.target import Target
from tests.fuzz.tenancy import Asked, Belongings, asked

FEED, UPTIME, CHECKS = "/v1/incidents", "/api/incidents", "/api/checks"
ALERTS, RULES, SAMPLES = "/api/alerts/incidents", "/api/alerts/rules", "/api/alerts/samples"

WEBHOOKS = "/webhooks"

#: Spare ones, for routes that change or end what they are about.
SPARE = 9

#: Seconds; rules of a node that is attacked are evaluated every second.
FIRES_WITHIN = 20.0

RULE: Mapping[str, Any] = {
    "name": "Errors",
    "module": "custom",
    "metric": "errors",
    "condition": {"operator": "gt", "threshold": 1},
    "windowMinutes": 5,
}

#: It wants what no tenant here has, so that nothing is delivered to it but what is asked for.
WEBHOOK: Mapping[str, Any] = {"url": "https://receiver.example/hooks", "types": ["register.member_listed.v1"]}


class Reported(NamedTuple):
    """Ids as clients see them. ``incidents`` are by what became of them; the others are open, and nobody's matter."""

    tenant: str
    keys: Mapping[str, str]
    spare: Sequence[str]
    incidents: Mapping[str, str]
    checks: Sequence[str]
    rules: Sequence[str]
    intakes: Mapping[str, Mapping[str, str]]
    spare_intake: str
    external_id: str
    cursor: str
    webhooks: Sequence[str]
    delivery: str
    webhook_cursor: str


async def reported(target: Target, have: Belongings) -> Reported:
    """Let a tenant that has processes do a bit of everything with incidents."""
    keys, tenant = have.keys, have.tenant
    operator, admin = keys["operator"], keys["admin"]
    spare = [await _opened(target, tenant, operator) for _ in range(SPARE)]
    checks = [await _checked(target, tenant, operator) for _ in range(4)]
    rules = [(await target.done("POST", RULES, RULE, admin))["rule"]["_id"] for _ in range(4)]
    intakes = {provider: await _intake(target, tenant, provider, admin) for provider in ("custom", "pagerduty")}
    spare_intake = (await _intake(target, tenant, "alertmanager", admin))["id"]
    alert = {"title": f"Disk of {tenant}", "description": "is full", "sourceAlertId": f"disk-{tenant}"}
    handed_in = Asked("POST", f"/v1/webhooks/{tenant}/custom", json.dumps(alert), intakes["custom"]["secret"])
    external = (await asked(target, handed_in, "", "")).told["incidentId"]
    await _triggered(target, tenant, intakes["pagerduty"]["routingKey"])
    incidents = {
        **await _worked_on(target, tenant, operator),
        "of a process": await _of_process(target, operator),
        "of a check": await _down(target, checks[0], operator),
        "canceled with its check": await _canceled(target, tenant, operator),
        "of a rule": await _fired(target, rules[0], admin),
        "handed in": external,
    }
    cursor = (await target.done("GET", f"{FEED}?limit=1", key=operator))["cursor"]
    webhooks = [(await target.done("POST", WEBHOOKS, WEBHOOK, admin))["id"] for _ in range(3)]
    delivery = await _delivered(target, webhooks[0], admin)
    further = (await target.done("GET", f"{WEBHOOKS}?limit=1", key=admin))["next"]
    told = (webhooks, delivery, further)
    found = (spare, incidents, checks, rules, intakes, spare_intake, alert["sourceAlertId"], cursor, *told)
    return Reported(tenant, keys, *found)


async def _opened(target: Target, tenant: str, key: str) -> str:
    body = {"title": f"Incident of {tenant}", "description": f"{tenant} has a problem"}
    incident: str = (await target.done("POST", FEED, body, key))["incidentId"]
    return incident


async def _worked_on(target: Target, tenant: str, key: str) -> dict[str, str]:
    """Return incidents of every status that people bring them to."""
    found = {}
    for status in ("open", "triaging", "investigating", "awaiting_approval", "remediating", "resolved", "closed"):
        incident = found[status] = await _opened(target, tenant, key)
        if status != "open":
            await target.done("PATCH", f"{FEED}/{incident}", {"status": status}, key)
    merged = found["merged"] = await _opened(target, tenant, key)
    await target.done("POST", f"{FEED}/{merged}/merge", {"into": found["open"]}, key)
    reopened = found["reopened"] = await _opened(target, tenant, key)
    for status in ("closed", "open"):
        await target.done("PATCH", f"{ALERTS}/{reopened}", {"status": status}, key)
    return found


async def _triggered(target: Target, tenant: str, routing_key: str) -> None:
    payload = {"summary": f"Slow shop of {tenant}", "source": "shop", "severity": "error"}
    event = {"routing_key": routing_key, "event_action": "trigger", "dedup_key": f"disk-{tenant}", "payload": payload}
    reply = await target.ask("POST", f"/v1/webhooks/{tenant}/pagerduty", event, None)
    assert reply.status == 202


async def _checked(target: Target, tenant: str, key: str) -> str:
    body = {"name": f"Shop of {tenant}", "type": "http", "target_url": f"https://{tenant}.example.org/"}
    check: str = (await target.done("POST", CHECKS, body, key))["data"]["check"]["id"]
    return check


async def _down(target: Target, check: str, key: str) -> str:
    failed = [{"region": region, "ok": False, "type": "timeout"} for region in ("eu", "us", "eu")]
    incident: str = (await target.done("POST", f"{CHECKS}/{check}/results", failed, key))["data"]["incident_id"]
    return incident


async def _canceled(target: Target, tenant: str, key: str) -> str:
    check = await _checked(target, tenant, key)
    incident = await _down(target, check, key)
    await target.done("DELETE", f"{CHECKS}/{check}", key=key)
    return incident


async def _fired(target: Target, rule: str, key: str) -> str:
    """Return the incident of a rule, once it was evaluated; the other rules on the metric fire, too."""
    await target.done("POST", SAMPLES, {"metric": RULE["metric"], "value": 5}, key)
    async with asyncio.timeout(FIRES_WITHIN):
        while True:
            told = await target.done("GET", f"{RULES}", key=key)
            if all(each["lastIncidentId"] for each in told["rules"]):
                return next(str(each["lastIncidentId"]) for each in told["rules"] if each["_id"] == rule)
            await asyncio.sleep(0.1)


async def _of_process(target: Target, key: str) -> str:
    listed = (await target.done("GET", f"{FEED}?limit=100", key=key))["incidents"]
    (incident,) = [row["incidentId"] for row in listed if "failed in" in row["title"]]
    return str(incident)


async def _delivered(target: Target, webhook: str, key: str) -> str:
    """Return the delivery of a test, once there is one."""
    delivery: str = (await target.done("POST", f"{WEBHOOKS}/{webhook}/test", key=key))["delivery"]
    async with asyncio.timeout(FIRES_WITHIN):
        while True:
            if (await target.ask("GET", f"{WEBHOOKS}/{webhook}/deliveries/{delivery}", key=key)).status == 200:
                return delivery
            await asyncio.sleep(0.1)


async def _intake(target: Target, tenant: str, provider: str, key: str) -> Mapping[str, str]:
    body = {"tenantId": tenant, "provider": provider, "name": f"{provider} of {tenant}"}
    opened: Mapping[str, str] = await target.done("POST", "/admin/intakes", body, key)
    return opened
