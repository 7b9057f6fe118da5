"""Who may hand in alerts, and custom alerts: ``POST /v1/webhooks/{tenantId}/{provider}`` (incidents.md 0.6)."""

import asyncio
import json
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import pytest
from httpx import Response

from tests.contract.administering import OWNER, Callers, callers
from tests.contract.handing_in import CUSTOM, Sender, sender, signature

BODY = json.dumps(CUSTOM).encode()
PROVIDERS = ("custom", "alertmanager", "pagerduty")


@pytest.fixture
async def admin(database: str) -> AsyncIterator[Callers]:
    async with callers(database) as them:
        await them.register("acme", "pro")
        await them.register("rival", "pro")
        yield them


@pytest.fixture
async def custom(admin: Callers) -> Sender:
    return await sender(admin, "custom", "acme")


async def incidents(admin: Callers, tenant: str = "acme") -> list[Any]:
    """Return a tenant's incidents as the feed has them, the oldest first."""
    key = (await admin.key(tenant, "viewer"))["key"]
    answer = await admin.ask(key, "GET", "/v1/incidents?order=asc")
    rows: list[Any] = answer.json()["incidents"]
    return [(await admin.ask(key, "GET", f"/v1/incidents/{row['incidentId']}")).json() for row in rows]


def code(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


async def test_the_first_alert_is_accepted_and_its_repetition_a_duplicate(admin: Callers, custom: Sender) -> None:
    alert = {**CUSTOM, "sourceAlertId": "disk-7", "severity": "critical", "service": "billing", "environment": "prod"}
    first = await custom.hands_in(alert)
    assert first.status_code == 202
    told = first.json()
    assert set(told) == {"status", "incidentId", "provider", "externalId", "receivedAt"}
    assert told["receivedAt"].endswith("Z")
    assert (told["status"], told["provider"], told["externalId"]) == ("accepted", "custom", "disk-7")
    again = await custom.hands_in(alert)
    assert again.status_code == 200
    assert (again.json()["status"], again.json()["incidentId"]) == ("duplicate", told["incidentId"])
    assert int(again.headers["Annals-Position"]) > int(first.headers["Annals-Position"])
    (incident,) = await incidents(admin)
    assert incident["incidentId"] == told["incidentId"]
    shown = {name: incident[name] for name in ("title", "description", "severity", "status", "source", "failureCount")}
    assert shown == {
        "title": CUSTOM["title"],
        "description": CUSTOM["description"],
        "severity": "critical",
        "status": "open",
        "source": "automated",
        "failureCount": 2,
    }
    cause = {name: incident["cause"][name] for name in ("kind", "provider", "externalId", "service", "environment")}
    assert cause == {
        "kind": "external_alert",
        "provider": "custom",
        "externalId": "disk-7",
        "service": "billing",
        "environment": "prod",
    }


async def test_a_second_outage_has_an_incident_of_its_own_linked_to_the_first(admin: Callers, custom: Sender) -> None:
    first = (await custom.hands_in(CUSTOM)).json()["incidentId"]
    key = (await admin.key("acme", "operator"))["key"]
    assert (await admin.ask(key, "PATCH", f"/v1/incidents/{first}", {"status": "resolved"})).status_code == 200
    second = await custom.hands_in(CUSTOM)
    assert (second.status_code, second.json()["status"]) == (202, "accepted")
    assert [incident["previousIncidentId"] for incident in await incidents(admin)] == [None, first]


async def test_without_an_id_an_alert_is_known_by_its_title_and_service(custom: Sender) -> None:
    one = (await custom.hands_in(CUSTOM)).json()
    assert one["externalId"] == sha256(f"{CUSTOM['title']}\0".encode()).hexdigest()
    told_otherwise = (await custom.hands_in({**CUSTOM, "description": "worse now", "sourceAlertId": ""})).json()
    assert (told_otherwise["status"], told_otherwise["incidentId"]) == ("duplicate", one["incidentId"])
    of_a_service = (await custom.hands_in({**CUSTOM, "service": "billing"})).json()
    assert of_a_service["status"] == "accepted"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({}, "medium"),
        ({"severity": None}, "medium"),
        ({"severity": "critical"}, "critical"),
        ({"severity": "high"}, "high"),
        ({"severity": "low"}, "low"),
        ({"severity": "info"}, "low"),
    ],
)
async def test_the_severity_is_a_word_of_the_feeds(
    admin: Callers, custom: Sender, given: dict[str, Any], shown: str
) -> None:
    assert (await custom.hands_in({**CUSTOM, **given})).status_code == 202
    assert [incident["severity"] for incident in await incidents(admin)] == [shown]


async def test_every_open_intake_of_the_tenant_and_provider_opens_the_door(admin: Callers, custom: Sender) -> None:
    rotated = await sender(admin, "custom", "acme")
    assert (await custom.hands_in(CUSTOM)).status_code == 202
    assert (await rotated.hands_in(CUSTOM)).status_code == 200


async def test_the_signature_may_be_written_in_capitals(custom: Sender) -> None:
    given = signature(custom.opened["secret"], BODY).upper()
    assert (await custom.sends(BODY, X_Webhook_Signature=given)).status_code == 202


async def test_what_is_not_signed_with_the_intakes_secret_is_refused(admin: Callers, custom: Sender) -> None:
    right = signature(custom.opened["secret"], BODY)
    others = [await sender(admin, "alertmanager", "acme"), await sender(admin, "custom", "rival")]
    wrong = [signature(other.opened["secret"], BODY) for other in others]
    wrong += ["", "sha256=", right[:-1], right + "0", right.removeprefix("sha256="), right.replace("sha256", "sha1")]
    wrong += [right[:-1] + ("0" if right[-1] != "0" else "1"), "sha256=" + "é" * 64, f"{right}, {right}"]
    for given in wrong:
        assert code(await custom.sends(BODY, X_Webhook_Signature=given)) == (401, "invalid_signature"), given
    assert code(await custom.sends(BODY)) == (401, "invalid_signature")
    tampered = await custom.sends(BODY.replace(b"db1", b"db2"), X_Webhook_Signature=right)
    assert code(tampered) == (401, "invalid_signature")
    assert "X-RateLimit-Limit" not in tampered.headers
    assert "WWW-Authenticate" in tampered.headers
    assert await incidents(admin) == []


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_nobody_finds_out_which_tenants_there_are_or_what_intakes_they_have(
    admin: Callers, provider: str
) -> None:
    await sender(admin, provider, "acme")
    body = json.dumps({**CUSTOM, "routing_key": "made up"}).encode()
    answers = [
        await admin.client.post(
            f"/v1/webhooks/{tenant}/{provider}",
            content=body,
            headers={"Content-Type": "application/json", "X-Webhook-Signature": signature("made up", body)},
        )
        for tenant in ("acme", "rival", "nobody", "No Tenant", "a" * 500, "%00")
    ]
    first = answers[0]
    assert code(first) == (401, "invalid_signature")
    for answer in answers:
        del answer.headers["x-request-id"]  # the only thing that tells one request from another
        assert (answer.status_code, answer.text, answer.headers) == (first.status_code, first.text, first.headers)


async def test_an_unknown_provider_is_an_unknown_path(admin: Callers, custom: Sender) -> None:
    for provider in ("datadog", "Custom", "custom2", "%00"):
        answer = await admin.client.post(f"/v1/webhooks/acme/{provider}", content=BODY)
        assert code(answer) == (404, "not_found")
    for path in ("/v1/webhooks", "/v1/webhooks/acme", "/v1/webhooks/acme/custom/more"):
        assert code(await admin.client.post(path, content=BODY)) == (404, "not_found")
    other_method = await admin.client.get(custom.path)
    assert code(other_method) == (405, "method_not_allowed")
    assert "POST" in other_method.headers["Allow"]


async def test_an_api_key_that_comes_along_has_to_be_one_of_the_tenants(admin: Callers, custom: Sender) -> None:
    ours, theirs = (await admin.key("acme", "viewer"))["key"], (await admin.key("rival", "owner"))["key"]
    assert (await custom.hands_in(CUSTOM, X_API_Key=ours)).status_code == 202
    for wrong in (theirs, OWNER, "made up", "", "é"):
        assert code(await custom.hands_in(CUSTOM, X_API_Key=wrong)) == (401, "invalid_api_key"), wrong
    assert code(await custom.sends(BODY, X_API_Key=ours)) == (401, "invalid_signature")
    assert (await custom.hands_in(CUSTOM, Authorization="Basic bm9ib2R5Om5vYm9keQ==")).status_code == 200


async def test_a_key_never_stands_for_another_tenant_nor_tells_whether_it_is_there(admin: Callers) -> None:
    theirs = (await admin.key("rival", "owner"))["key"]
    await sender(admin, "custom", "acme")
    answers = [
        await admin.client.post(f"/v1/webhooks/{tenant}/custom", content=BODY, headers={"X-API-Key": theirs})
        for tenant in ("acme", "nobody")
    ]
    assert answers[0].text == answers[1].text
    assert {code(answer) for answer in answers} == {(401, "invalid_api_key")}


async def test_an_intake_has_a_bucket_of_its_own(database: str) -> None:
    async with callers(database, intake_limit=3) as admin:
        one, two = await sender(admin, "custom"), await sender(admin, "custom")
        left = []
        for number in range(3):
            answer = await one.hands_in({**CUSTOM, "sourceAlertId": str(number)})
            left.append(answer.headers["X-RateLimit-Remaining"])
            assert (answer.status_code, answer.headers["X-RateLimit-Limit"]) == (202, "3")
        assert left == ["2", "1", "0"]
        refused = await one.hands_in(CUSTOM)
        assert code(refused) == (429, "rate_limit_exceeded")
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.headers["X-RateLimit-Remaining"] == "0"
        assert int(refused.headers["X-RateLimit-Reset"]) > 0
        assert code(await one.sends(BODY)) == (401, "invalid_signature")
        wrong = await two.hands_in({})
        assert (wrong.status_code, wrong.headers["X-RateLimit-Remaining"]) == (400, "2")
        listed = await admin.ask(OWNER, "GET", "/v1/incidents")
        assert (listed.status_code, listed.json()["count"]) == (200, 3)


async def test_a_replayed_request_is_a_duplicate_and_changes_nothing_but_the_count(
    admin: Callers, custom: Sender
) -> None:
    signed = signature(custom.opened["secret"], BODY)
    answers = [await custom.sends(BODY, X_Webhook_Signature=signed) for _ in range(3)]
    assert [answer.json()["status"] for answer in answers] == ["accepted", "duplicate", "duplicate"]
    assert len({answer.json()["incidentId"] for answer in answers}) == 1
    assert [incident["failureCount"] for incident in await incidents(admin)] == [3]


async def test_under_an_idempotency_key_an_alert_counts_once(admin: Callers, custom: Sender) -> None:
    first = await custom.hands_in(CUSTOM, Idempotency_Key="once")
    again = await custom.hands_in(CUSTOM, Idempotency_Key="once")
    assert (again.status_code, again.json()["status"]) == (202, "accepted")
    assert again.json()["incidentId"] == first.json()["incidentId"]
    other = await custom.hands_in({**CUSTOM, "service": "billing"}, Idempotency_Key="once")
    assert other.status_code == 409
    assert [incident["failureCount"] for incident in await incidents(admin)] == [1]


async def test_of_many_that_come_at_once_about_one_thing_one_opens_an_incident(admin: Callers, custom: Sender) -> None:
    alert = {**CUSTOM, "sourceAlertId": "disk-7"}
    answers = await asyncio.gather(*(custom.hands_in(alert) for _ in range(40)))
    assert sorted(answer.status_code for answer in answers) == [200] * 39 + [202]
    assert len({answer.json()["incidentId"] for answer in answers}) == 1
    assert [incident["failureCount"] for incident in await incidents(admin)] == [40]


async def test_two_nodes_that_get_one_alert_at_once_open_one_incident(admin: Callers, database: str) -> None:
    async with callers(database) as elsewhere:
        here = await sender(admin, "custom", "acme")
        there = Sender(elsewhere, "acme", here.opened)
        handed_in = [sender.hands_in(CUSTOM) for _ in range(10) for sender in (here, there)]
        answers = await asyncio.gather(*handed_in)
        assert sorted(answer.status_code for answer in answers) == [200] * 19 + [202]
        assert [incident["failureCount"] for incident in await incidents(admin)] == [20]


async def test_what_came_in_is_told_by_every_api_and_by_the_history(admin: Callers, custom: Sender) -> None:
    rest = {"tags": {"host": "db1"}, "metadata": {"runbook": ["https://runbooks.example.org", None, 7]}}
    incident = (await custom.hands_in({**CUSTOM, "severity": "high", **rest})).json()["incidentId"]
    await custom.hands_in(CUSTOM)
    key = (await admin.key("acme", "viewer"))["key"]
    uptime = (await admin.ask(key, "GET", f"/api/incidents/{incident}")).json()["data"]["incident"]
    assert (uptime["severity"], uptime["source"], uptime["failure_count"]) == ("major", "system", 2)
    history = (await admin.ask(key, "GET", f"/v1/incidents/{incident}/history")).json()["history"]
    assert [fact["type"] for fact in history] == ["incident.opened", "incident.recurred"]
    assert json.loads(history[0]["data"]["alert"]["details"]) == rest
    assert [fact["actor"] for fact in history] == [{"kind": "system", "id": "system"}] * 2
