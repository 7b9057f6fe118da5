"""``/api/checks``: making, changing, listing and deleting checks, and what their results come to (incidents.md 0.6)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.checking import FINE, SHOP, SLOW, THREE, Checks, key_of
from tests.contract.following import advance
from tests.contract.working import engine_client

EVERYTHING: dict[str, Any] = {
    **SHOP,
    "type": "keyword",
    "interval_seconds": 30,
    "timeout_ms": 500,
    "expected_status": 204,
    "keyword": "basket",
    "slow_threshold_ms": 300,
    "regions": ["eu-west", "us-east"],
}


@pytest.fixture
async def checks(database: str) -> AsyncIterator[Checks]:
    async with engine_client(database, set_time_enabled=True) as client:
        yield Checks(client)


async def test_a_check_is_created_with_what_is_usual(checks: Checks) -> None:
    check = await checks.created()
    assert check["id"].startswith("chk_")
    assert len(check["id"]) == 30
    assert check == {
        **SHOP,
        "id": check["id"],
        "interval_seconds": 60,
        "timeout_ms": 10_000,
        "expected_status": None,
        "keyword": None,
        "slow_threshold_ms": None,
        "regions": [],
        "status": "up",
        "created_at": check["created_at"],
        "updated_at": check["created_at"],
        "last_checked_at": None,
    }
    assert check["created_at"] > 1_600_000_000_000
    assert await checks.shown(check["id"]) == check


async def test_a_check_keeps_all_that_is_given(checks: Checks) -> None:
    check = await checks.created(**EVERYTHING)
    assert {name: check[name] for name in EVERYTHING} == EVERYTHING


async def test_every_type_of_check_is_taken(checks: Checks) -> None:
    for kind in ("http", "keyword", "ping", "tcp", "dns", "ssl", "heartbeat"):
        assert (await checks.created(type=kind))["type"] == kind


async def test_a_change_touches_what_is_given_and_null_takes_away(checks: Checks) -> None:
    check = await checks.created(**EVERYTHING)
    await advance(checks.client, "PT1M")
    changed = await checks.changed(check["id"], name="The shop", keyword=None, regions=None, type="http")
    assert changed == {
        **check,
        "name": "The shop",
        "type": "http",
        "keyword": None,
        "regions": [],
        "updated_at": changed["updated_at"],
    }
    assert changed["updated_at"] >= check["updated_at"] + 60_000
    assert await checks.changed(check["id"], name="The shop") == changed


async def test_a_paused_check_takes_no_results_until_it_is_resumed(checks: Checks) -> None:
    check = (await checks.created())["id"]
    assert (await checks.changed(check, paused=True))["status"] == "paused"
    refusal = await checks.refused("POST", f"/{check}/results", {"region": "eu", "ok": True})
    assert refusal == (409, "CONFLICT", None)
    assert (await checks.changed(check, paused=False, name="Again"))["status"] == "up"
    assert await checks.hears(check, "eu:ok") == ("up", None)


async def test_checks_are_listed_in_pages_the_newest_first(checks: Checks) -> None:
    empty = await checks.done("GET")
    assert (empty["data"], empty["pagination"]["total"]) == ({"checks": []}, 0)
    made = [(await checks.created(name=f"Shop {number}"))["id"] for number in range(5)]
    page = await checks.done("GET", "?limit=2&offset=2")
    assert [check["id"] for check in page["data"]["checks"]] == [made[2], made[1]]
    assert page["pagination"] == {
        "total": 5,
        "page": 2,
        "pageSize": 2,
        "totalPages": 3,
        "hasNext": True,
        "hasPrevious": True,
    }
    everything = (await checks.done("GET"))["data"]["checks"]
    assert [check["id"] for check in everything] == made[::-1]
    assert everything[0] == await checks.shown(made[-1])


async def test_a_deleted_check_is_gone(checks: Checks) -> None:
    check = (await checks.created())["id"]
    assert (await checks.done("DELETE", f"/{check}"))["data"] == {"deleted": True}
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "x"}),
        ("DELETE", "", None),
        ("POST", "/results", {"region": "eu", "ok": True}),
    ):
        assert await checks.refused(method, f"/{check}{path}", body) == (404, "NOT_FOUND", None)
    assert (await checks.done("GET"))["data"]["checks"] == []


async def test_consensus_opens_a_system_incident_and_resolves_it(checks: Checks) -> None:
    check = (await checks.created())["id"]
    assert await checks.hears(check, "eu:timeout us:timeout") == ("up", None)
    status, incident_id = await checks.hears(check, "ap:timeout", message="no answer within 10 s")
    assert status == (await checks.shown(check))["status"] == "down"
    incident = await checks.incident(incident_id)
    expected = {
        "id": incident_id,
        "check_id": check,
        "check_name": "Shop",
        "check_url": SHOP["target_url"],
        "status": "open",
        "severity": "critical",
        "type": "timeout",
        "title": "Shop - timeout",
        "error_message": "no answer within 10 s",
        "source": "system",
        "failure_count": 3,
        "affected_regions": ["eu", "us", "ap"],
    }
    assert {name: incident[name] for name in expected} == expected
    assert incident["started_at"] <= incident["created_at"]
    await checks.hears(check, "sa:dns_error")
    again = await checks.incident(incident_id)
    assert (again["failure_count"], again["affected_regions"]) == (4, ["eu", "us", "ap", "sa"])
    await checks.moved(incident_id, "acknowledged")
    assert await checks.hears(check, FINE) == ("up", None)
    assert (await checks.shown(check))["status"] == "up"
    assert (await checks.incident(incident_id))["status"] == "resolved"


async def test_a_slow_check_is_degraded_by_an_incident_of_its_own(checks: Checks) -> None:
    check = (await checks.created())["id"]
    status, slow = await checks.hears(check, SLOW)
    assert status == (await checks.shown(check))["status"] == "degraded"
    incident = await checks.incident(slow)
    assert (incident["severity"], incident["type"]) == ("warning", "slow_response")
    status, down = await checks.hears(check, THREE)
    assert (status, await checks.shown(check)) == ("down", {**await checks.shown(check), "status": "down"})
    assert slow != down
    assert await checks.hears(check, SLOW) == ("degraded", slow)
    assert (await checks.shown(check))["status"] == "degraded"


@pytest.mark.parametrize("way", [("resolved",), ("acknowledged", "closed")])
async def test_a_check_is_up_once_somebody_says_so_until_three_fresh_failures(checks: Checks, way: list[str]) -> None:
    check = (await checks.created())["id"]
    _, first = await checks.hears(check, THREE)
    for status in way:
        await checks.moved(first, status)
    assert (await checks.shown(check))["status"] == "up"
    assert await checks.hears(check, "eu:timeout us:timeout") == ("up", None)
    status, second = await checks.hears(check, "us:timeout")
    assert status == "down"
    assert [incident["id"] for incident in await checks.incidents(check)] == [first, second]
    answer = await checks.client.call("GET", f"/v1/incidents/{second}")
    assert answer.json()["previousIncidentId"] == first


async def test_an_incident_that_is_reopened_elsewhere_has_the_check_down_again(checks: Checks) -> None:
    check = (await checks.created())["id"]
    _, incident = await checks.hears(check, THREE)
    await checks.moved(incident, "resolved")
    await checks.client.ok("PATCH", f"/api/alerts/incidents/{incident}", {"status": "open"})
    assert (await checks.shown(check))["status"] == "down"
    assert await checks.hears(check, FINE) == ("up", None)
    assert (await checks.incident(incident))["status"] == "resolved"


async def test_deleting_a_check_closes_its_incident_which_stays(checks: Checks) -> None:
    check = (await checks.created())["id"]
    _, incident = await checks.hears(check, THREE)
    await checks.done("DELETE", f"/{check}")
    shown = await checks.incident(incident)
    assert (shown["status"], shown["check_id"], shown["resolved_at"]) == ("closed", check, None)
    refusal = await checks.client.call("PUT", f"/api/incidents/{incident}/status", {"status": "resolved"})
    assert refusal.json()["error"]["details"] == {"allowed": []}


async def test_a_result_is_told_alone_or_in_a_list(checks: Checks) -> None:
    check = (await checks.created())["id"]
    fine = {"region": "eu", "ok": True, "type": None, "message": None, "latency_ms": 12.5, "observed_at": None}
    assert (await checks.done("POST", f"/{check}/results", fine))["data"] == {
        "check_status": "up",
        "incident_id": None,
    }
    await checks.done("POST", f"/{check}/results", [fine] * 100)


async def test_a_moment_is_iso_8601_or_epoch_milliseconds(checks: Checks) -> None:
    check = (await checks.created())["id"]
    for moment, expected in (
        ("2026-01-01T10:00:00.1239Z", 1_767_261_600_123),
        ("2026-01-01T12:00:01+02:00", 1_767_261_601_000),
        ("2026-01-01T10:00:02", 1_767_261_602_000),
        (1_767_261_603_000, 1_767_261_603_000),
    ):
        await checks.hears(check, "eu:timeout", observed_at=moment)
        assert (await checks.shown(check))["last_checked_at"] == expected
    _, incident = await checks.hears(check, "us:timeout", observed_at=1_767_261_600_000)
    shown = await checks.incident(incident)
    assert shown["started_at"] == 1_767_261_600_000
    assert (await checks.shown(check))["last_checked_at"] == 1_767_261_603_000


async def test_one_key_reports_once(checks: Checks) -> None:
    check = (await checks.created())["id"]
    body = [{"region": region, "ok": False, "type": "timeout"} for region in ("eu", "us", "eu", "us")]
    first = await checks.done("POST", f"/{check}/results", body, Idempotency_Key="k")
    again = await checks.done("POST", f"/{check}/results", body, Idempotency_Key="k")
    assert first == again
    assert (await checks.incident(first["data"]["incident_id"]))["failure_count"] == 4
    assert (await checks.refused("POST", f"/{check}/results", body[:1], Idempotency_Key="k"))[:2] == (409, "CONFLICT")


READ, OPERATE, WORK = "read", "operate", "work"
OPERATIONS = [
    ("GET", "", None, READ),
    ("GET", "/{id}", None, READ),
    ("POST", "", SHOP, OPERATE),
    ("PATCH", "/{id}", {"name": "x"}, OPERATE),
    ("POST", "/{id}/results", {"region": "eu", "ok": True}, WORK),
    ("DELETE", "/{id}", None, OPERATE),
]
MAY = {
    "viewer": {READ},
    "auditor": {READ},
    "worker": {READ, WORK},
    "operator": {READ, WORK, OPERATE},
    "admin": {READ, WORK, OPERATE},
}


@pytest.mark.parametrize("role", MAY)
async def test_everybody_reads_workers_report_and_operators_change(checks: Checks, role: str) -> None:
    check = (await checks.created())["id"]
    theirs = Checks(checks.client, await key_of(checks.client, "default", role))
    for method, path, body, asks in OPERATIONS:
        where = path.replace("{id}", check)
        if asks in MAY[role]:
            await theirs.done(method, where, body, 201 if (method, path) == ("POST", "") else 200)
        else:
            assert await theirs.refused(method, where, body) == (403, "FORBIDDEN", None)


async def test_checks_are_documented_with_examples_of_each_refusal(checks: Checks) -> None:
    document = (await checks.client.call("GET", "/schema/openapi.json")).json()
    operations = {
        operation["operationId"]: operation
        for path, methods in document["paths"].items()
        if path.startswith("/api/checks")
        for operation in methods.values()
    }
    assert set(operations) == {"listChecks", "createCheck", "getCheck", "changeCheck", "deleteCheck", "reportResults"}
    for name, operation in operations.items():
        assert operation["tags"] == ["uptime"]
        for status, response in operation["responses"].items():
            if status >= "400":
                (media,) = response["content"].values()
                assert media["examples"], (name, status)
    for name in ("createCheck", "changeCheck", "reportResults"):
        assert operations[name]["requestBody"]["content"]["application/json"]["examples"]
    assert {"200", "400", "401", "403", "404", "409", "415", "429", "503"} <= set(
        operations["reportResults"]["responses"]
    )
