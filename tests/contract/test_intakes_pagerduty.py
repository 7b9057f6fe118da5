"""Events for PagerDuty, Events API v2: trigger, acknowledge, resolve (contracts/incidents.md 0.6, inbound webhooks)."""

import json
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import pytest

from tests.contract.administering import OWNER, Callers, callers
from tests.contract.handing_in import Sender, sender, sender_of_its_own, signature

SLOW: dict[str, Any] = {
    "event_action": "trigger",
    "dedup_key": "checkout",
    "client": "Monitoring",
    "client_url": "https://monitoring.example.org",
    "links": [{"href": "https://monitoring.example.org/1", "text": "graph"}],
    "images": [],
    "payload": {
        "summary": "Checkout is slow",
        "source": "web-1",
        "severity": "critical",
        "timestamp": "2026-07-17T08:42:58.315+0000",
        "component": "postgres",
        "group": "shop",
        "class": "latency",
        "custom_details": {"p95": 2.5, "nodes": ["web-1", "web-2"]},
    },
}


@pytest.fixture(scope="module")
async def admin(shared_database: str) -> AsyncIterator[Callers]:
    async with callers(shared_database) as them:
        yield them


@pytest.fixture
async def monitoring(admin: Callers) -> Sender:
    return await sender_of_its_own(admin, "pagerduty")


def of(action: str, key: Any = "checkout") -> dict[str, Any]:
    return {"event_action": action, "dedup_key": key}


async def shown(monitoring: Sender) -> list[tuple[str, str, int]]:
    """Return status, severity and failures of all incidents in uptime's words, the oldest first."""
    rows = (await monitoring.sees("/api/incidents?sort_order=asc"))["data"]["incidents"]
    return [(row["status"], row["severity"], row["failure_count"]) for row in rows]


async def test_an_event_opens_repeats_acknowledges_and_resolves(monitoring: Sender) -> None:
    opened = await monitoring.triggers(SLOW)
    assert opened.status_code == 202
    assert opened.json() == {
        "status": "success",
        "message": "Event processed: it opened an incident",
        "dedup_key": "checkout",
    }
    repeated = await monitoring.triggers(SLOW)
    assert (repeated.status_code, repeated.json()["dedup_key"]) == (202, "checkout")
    assert await shown(monitoring) == [("open", "critical", 2)]
    assert (await monitoring.triggers(of("acknowledge"))).status_code == 202
    assert await shown(monitoring) == [("acknowledged", "critical", 2)]
    assert (await monitoring.triggers(SLOW)).status_code == 202
    resolved = await monitoring.triggers(of("resolve"))
    assert (resolved.status_code, resolved.json()["status"]) == (202, "success")
    assert await shown(monitoring) == [("resolved", "critical", 3)]
    assert (await monitoring.triggers(SLOW)).status_code == 202
    assert await shown(monitoring) == [("resolved", "critical", 3), ("open", "critical", 1)]


async def test_an_unknown_key_is_ignored(monitoring: Sender) -> None:
    for action in ("acknowledge", "resolve"):
        answer = await monitoring.triggers(of(action, "unheard of"))
        assert (answer.status_code, answer.json()["status"]) == (202, "success")
        assert answer.json()["message"].startswith("Event ignored")
    assert await shown(monitoring) == []


async def test_without_a_key_one_is_made_that_later_events_can_use(monitoring: Sender) -> None:
    made = (await monitoring.triggers({**SLOW, "dedup_key": None})).json()["dedup_key"]
    assert made == sha256(b"Checkout is slow\0web-1").hexdigest()
    again = (await monitoring.triggers({name: SLOW[name] for name in ("event_action", "payload")})).json()
    assert again["dedup_key"] == made
    assert (await monitoring.triggers(of("resolve", made))).status_code == 202
    assert await shown(monitoring) == [("resolved", "critical", 2)]


@pytest.mark.parametrize(
    ("word", "severity"),
    [("critical", "critical"), ("error", "major"), ("warning", "minor"), ("info", "warning"), (None, "minor")],
)
async def test_severities_have_ranks(monitoring: Sender, word: str | None, severity: str) -> None:
    event = {**SLOW, "payload": {"summary": "Slow", "source": "web-1", "severity": word}}
    assert (await monitoring.triggers(event)).status_code == 202
    assert await shown(monitoring) == [("open", severity, 1)]


async def test_who_can_sign_may_do_so_instead(monitoring: Sender) -> None:
    assert (await monitoring.hands_in(SLOW)).status_code == 202


async def test_whatever_comes_as_a_proof_has_to_be_one(admin: Callers, monitoring: Sender) -> None:
    other = await sender(admin, "pagerduty", monitoring.tenant)
    right, theirs = monitoring.opened["routingKey"], other.opened["routingKey"]
    wrong: list[Any] = [None, "", 5, [right], {"key": right}, right[:-1], f"{right} ", monitoring.opened["secret"], "é"]
    for key in wrong:
        body = json.dumps({**SLOW, "routing_key": key}).encode()
        answer = await monitoring.sends(body)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_signature"), key
    bare = await monitoring.sends(json.dumps(SLOW).encode())
    assert bare.status_code == 401
    body = json.dumps({**SLOW, "routing_key": right}).encode()
    badly_signed = await monitoring.sends(body, X_Webhook_Signature=signature("made up", body))
    assert badly_signed.status_code == 401
    mixed = json.dumps({**SLOW, "routing_key": theirs}).encode()
    of_two = await monitoring.sends(mixed, X_Webhook_Signature=signature(monitoring.opened["secret"], mixed))
    assert of_two.status_code == 401
    assert await shown(monitoring) == []


async def test_a_routing_key_opens_no_other_door(admin: Callers, monitoring: Sender) -> None:
    key = monitoring.opened["routingKey"]
    for provider in ("custom", "alertmanager"):
        await sender(admin, provider, monitoring.tenant)
        body = json.dumps({"routing_key": key, "title": "t", "description": "d", "alerts": []}).encode()
        answer = await admin.client.post(f"/v1/webhooks/{monitoring.tenant}/{provider}", content=body)
        assert answer.status_code == 401
    await admin.ask(OWNER, "DELETE", f"/admin/intakes/{monitoring.opened['id']}")
    assert (await monitoring.triggers(SLOW)).status_code == 401


@pytest.mark.parametrize(
    ("event", "place"),
    [
        ({**SLOW, "event_action": "change"}, "event_action"),
        ({**SLOW, "event_action": None}, "event_action"),
        ({"dedup_key": "k"}, "event_action"),
        ({**SLOW, "payload": None}, "payload/summary"),
        ({**SLOW, "payload": "Slow"}, "payload"),
        ({**SLOW, "payload": {"summary": " "}}, "payload/summary"),
        ({**SLOW, "payload": {"summary": "a\u0000b"}}, "payload/summary"),
        ({**SLOW, "payload": {"summary": "x" * 4001}}, "payload/summary"),
        ({**SLOW, "payload": {"summary": "Slow", "severity": "bad"}}, "payload/severity"),
        ({**SLOW, "payload": {"summary": "Slow", "source": "x" * 256}}, "payload/source"),
        ({**SLOW, "payload": {"summary": "Slow", "custom_details": {"a": {"b": "\u0000"}}}}, "payload"),
        ({**SLOW, "payload": {"summary": "Slow", "custom_details": "x" * 40_000}}, "payload"),
        ({**SLOW, "dedup_key": "x" * 256}, "dedup_key"),
        ({**SLOW, "dedup_key": "\u0007"}, "dedup_key"),
        ({**SLOW, "dedup_key": 7}, "dedup_key"),
        (of("acknowledge", None), "dedup_key"),
        (of("resolve", " "), "dedup_key"),
        (of("resolve", "x" * 256), "dedup_key"),
    ],
)
async def test_what_is_wrong_with_an_event_is_said_and_nothing_stored(
    monitoring: Sender, event: dict[str, Any], place: str
) -> None:
    answer = await monitoring.triggers(event)
    assert (answer.status_code, answer.json()["error"]) == (400, "validation_error")
    assert place in answer.json()["message"]
    assert await shown(monitoring) == []
