"""The routes of the APIs about incidents, and of intakes, that take an id or a name of something."""

import json
from collections.abc import Iterator
from typing import Any

from tests.fuzz.reported import ALERTS, CHECKS, FEED, RULE, RULES, UPTIME, WEBHOOKS, Reported
from tests.fuzz.tenancy import Asked, Place

#: Nobody's, in the form of each kind of id.
ULID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
NO_INCIDENT, NO_CHECK, NO_RULE, NO_INTAKE = f"inc_{ULID}", f"chk_{ULID}", f"rule_{ULID}", ULID
NO_TENANT, NO_CURSOR = "none", "A" * 80
NO_WEBHOOK, NO_DELIVERY = f"whk_{ULID}", f"msg_{ULID}-10"

#: What is not allowed at all, or changes nothing, for what a tenant has itself.
REPORT = {"severity": "major", "type": "timeout", "error_message": "no answer"}
RESULT = {"region": "eu", "ok": True}
EVENT = {"event_action": "trigger", "payload": {"summary": "Slow", "source": "shop", "severity": "error"}}


def incident_places(have: Reported, mine: Reported) -> dict[str, Place]:
    """Return each route with an id of theirs, and one that nobody has; ``mine`` is what the one who asks has."""
    return {
        **_about_incidents(have, mine),
        **_lists(have),
        **_about_checks(have),
        **_about_rules(have),
        **_about_intakes(have),
        **dict(_webhooks(have, mine)),
        **_deliveries(have, mine),
    }


def written(path: str = "<id>") -> dict[str, Asked]:
    """Return the routes that change an incident, or are about one, in every dialect."""
    return {
        "feed: show": Asked("GET", f"{FEED}/{path}"),
        "feed: history": Asked("GET", f"{FEED}/{path}/history"),
        "feed: move": _body("PATCH", f"{FEED}/{path}", status="investigating"),
        "feed: rate": _body("PATCH", f"{FEED}/{path}/severity", severity="critical"),
        "uptime: show": Asked("GET", f"{UPTIME}/{path}"),
        "uptime: updates": Asked("GET", f"{UPTIME}/{path}/updates?limit=5"),
        "uptime: affected checks": Asked("GET", f"{UPTIME}/{path}/affected-checks"),
        "uptime: change": _body("PUT", f"{UPTIME}/{path}", severity="critical"),
        "uptime: move": _body("PUT", f"{UPTIME}/{path}/status", status="resolved", note="done"),
        "uptime: acknowledge": Asked("POST", f"{UPTIME}/{path}/acknowledge"),
        "uptime: comment": _body("POST", f"{UPTIME}/{path}/updates", message="looking"),
        "alerts: show": Asked("GET", f"{ALERTS}/{path}"),
        "alerts: move": _body("PATCH", f"{ALERTS}/{path}", status="closed"),
        "alerts: note": _body("POST", f"{ALERTS}/{path}/notes", content="looking"),
    }


def _about_incidents(have: Reported, mine: Reported) -> dict[str, Place]:
    places = {name: (request, have.spare[0], NO_INCIDENT) for name, request in written().items()}
    for number, name in enumerate(("feed: move", "uptime: move", "uptime: acknowledge", "alerts: move"), 1):
        places[name] = (places[name][0], have.spare[number], NO_INCIDENT)
    merge = _body("POST", f"{FEED}/<id>/merge", into=mine.spare[6])
    merge_into = _body("POST", f"{FEED}/{mine.spare[7]}/merge", into="<id>")
    both = _body("POST", f"{FEED}/<id>/merge", into="<id>")
    return {
        **places,
        "feed: merge": (merge, have.spare[5], NO_INCIDENT),
        "feed: merge into": (merge_into, have.spare[6], NO_INCIDENT),
        "feed: merge into itself": (both, have.spare[8], NO_INCIDENT),
    }


def _lists(have: Reported) -> dict[str, Place]:
    return {
        "feed: list after a cursor": (Asked("GET", f"{FEED}?limit=1&cursor=<id>"), have.cursor, NO_CURSOR),
        "uptime: list of a check": (Asked("GET", f"{UPTIME}?check_id=<id>"), have.checks[0], NO_CHECK),
        "alerts: list of a rule": (Asked("GET", f"{ALERTS}?ruleId=<id>"), have.rules[0], NO_RULE),
        "intakes of a tenant": (Asked("GET", "/admin/intakes?tenantId=<id>"), have.tenant, NO_TENANT),
    }


def _about_checks(have: Reported) -> dict[str, Place]:
    first, second, third, fourth = have.checks
    return {
        "check: show": (Asked("GET", f"{CHECKS}/<id>"), first, NO_CHECK),
        "check: change": (_body("PATCH", f"{CHECKS}/<id>", name="Theirs"), second, NO_CHECK),
        "check: results": (_body("POST", f"{CHECKS}/<id>/results", **RESULT), second, NO_CHECK),
        "check: incident": (_body("POST", UPTIME, check_id="<id>", **REPORT), third, NO_CHECK),
        "check: incident that it has": (_body("POST", UPTIME, check_id="<id>", **REPORT), first, NO_CHECK),
        "check: delete": (Asked("DELETE", f"{CHECKS}/<id>"), fourth, NO_CHECK),
    }


def _about_rules(have: Reported) -> dict[str, Place]:
    first, second, *_ = have.rules
    return {
        "rule: show": (Asked("GET", f"{RULES}/<id>"), first, NO_RULE),
        "rule: replace": (_body("PUT", f"{RULES}/<id>", **RULE), first, NO_RULE),
        "rule: disable": (_body("PATCH", f"{RULES}/<id>", enabled=False), first, NO_RULE),
        "rule: delete": (Asked("DELETE", f"{RULES}/<id>"), second, NO_RULE),
    }


def _about_intakes(have: Reported) -> dict[str, Place]:
    opening = _body("POST", "/admin/intakes", tenantId="<id>", provider="alertmanager", name="another")
    return {
        "intake: open": (opening, have.tenant, NO_TENANT),
        "intake: close": (Asked("DELETE", "/admin/intakes/<id>"), have.spare_intake, NO_INTAKE),
    }


def _deliveries(have: Reported, mine: Reported) -> dict[str, Place]:
    """Return what is asked of a webhook to which events are delivered."""
    first, second, third = have.webhooks
    below = f"{WEBHOOKS}/<id>"
    asked = {
        "show": Asked("GET", below),
        "change": _body("PATCH", below, description="Theirs"),
        "rotate": Asked("POST", f"{below}/secret/rotate", "{}"),
        "replay": _body("POST", f"{below}/replay", upto=1),
        "test": Asked("POST", f"{below}/test"),
        "deliveries": Asked("GET", f"{below}/deliveries"),
    }
    changed = {"disable": Asked("POST", f"{below}/disable"), "enable": Asked("POST", f"{below}/enable")}
    of_mine = f"{WEBHOOKS}/{mine.webhooks[0]}/deliveries/<id>"
    delivery = {"show": Asked("GET", of_mine), "redeliver": Asked("POST", f"{of_mine}/redeliver")}
    of_theirs = f"{below}/deliveries/{have.delivery}"
    behind = {"delivery": Asked("GET", of_theirs), "redeliver": Asked("POST", f"{of_theirs}/redeliver")}
    return {
        **{f"webhook: {name}": (request, first, NO_WEBHOOK) for name, request in (asked | behind).items()},
        **{f"webhook: {name}": (request, second, NO_WEBHOOK) for name, request in changed.items()},
        "webhook: delete": (Asked("DELETE", below), third, NO_WEBHOOK),
        "webhooks after one of them": (Asked("GET", f"{WEBHOOKS}?limit=1&cursor=<id>"), have.webhook_cursor, NO_CURSOR),
        **{f"delivery: {name}": (request, have.delivery, NO_DELIVERY) for name, request in delivery.items()},
    }


def _webhooks(have: Reported, mine: Reported) -> Iterator[tuple[str, Place]]:
    """Yield the ways in: with the secret, the routing key or the key of the one who asks, and with theirs."""
    secret, routing_key = mine.intakes["custom"]["secret"], mine.intakes["pagerduty"]["routingKey"]
    alert = {"title": "Disk full", "description": "/var is full"}
    signed = _body("POST", "/v1/webhooks/<id>/custom", **alert)._replace(signed=secret)
    theirs, unknown = have.intakes["pagerduty"]["routingKey"], "A" * len(routing_key)
    yield "webhook, signed", (signed, have.tenant, NO_TENANT)
    keyed = _body("POST", "/v1/webhooks/<id>/pagerduty", routing_key=routing_key, **EVENT)
    yield "webhook, with a routing key", (keyed, have.tenant, NO_TENANT)
    at_mine = _body("POST", f"/v1/webhooks/{mine.tenant}/pagerduty", routing_key="<id>", **EVENT)
    yield "webhook, with their routing key", (at_mine, theirs, unknown)
    resolving = {"routing_key": routing_key, "event_action": "resolve", "dedup_key": "<id>"}
    known = _body("POST", f"/v1/webhooks/{mine.tenant}/pagerduty", **resolving)
    yield "webhook, about their alert", (known, have.external_id, "disk-none")


def _body(method: str, path: str, **body: Any) -> Asked:
    return Asked(method, path, json.dumps(body))
