"""Incidents in uptime's words: every field, opening and changing them (contracts/incidents.md 3.2, 3.3)."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contract.following import advance
from tests.contract.uptime import INCIDENTS, NOWHERE, REPORT, Uptime
from tests.contract.working import engine_client

SEVERITIES = ("critical", "major", "minor", "warning")
TYPES = (
    "timeout",
    "status_code",
    "keyword_missing",
    "ssl_error",
    "dns_error",
    "connection_error",
    "slow_response",
)
UNKNOWN_CHECK = "chk_01ARZ3NDEKTSV4RRFFQ69G5FAV"
CHECK = {"name": "Shop", "type": "http", "target_url": "https://shop.example.org/"}


#: Reports with one wrong field, and the name of it.
WRONG_REPORTS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"severity": "high"}, "severity"),
    ({"severity": ""}, "severity"),
    ({"type": "failedJob"}, "type"),
    ({"title": ""}, "title"),
    ({"title": " \t"}, "title"),
    ({"title": None}, "title"),
    ({"title": "t" * 256}, "title"),
    ({"title": "a\u0000b"}, "title"),
    ({"error_message": ""}, "error_message"),
    ({"error_message": "e" * 1001}, "error_message"),
    ({"error_message": "\u001b[2J"}, "error_message"),
    ({"source": "robot"}, "source"),
    ({"source": "system"}, "source"),
    ({"affected_regions": ["r" * 65]}, "affected_regions/0"),
    ({"affected_regions": ["eu", ""]}, "affected_regions/1"),
    ({"affected_regions": ["eu"] * 101}, "affected_regions"),
    ({"affected_monitor_ids": ["m"] * 101}, "affected_monitor_ids"),
    ({"affected_monitor_ids": ["m" * 129]}, "affected_monitor_ids/0"),
    ({"failure_count": 0}, "failure_count"),
    ({"failure_count": -1}, "failure_count"),
    ({"failure_count": 2**31}, "failure_count"),
    ({"status_page_update": "u" * 1001}, "status_page_update"),
    ({"started_at": "2126-01-01T00:00:00Z"}, "started_at"),
    ({"started_at": "1969-12-31T23:59:59Z"}, "started_at"),
    ({"started_at": "0001-01-01T00:00:00+23:59"}, "started_at"),
    ({"started_at": "9999-12-31T23:59:59-23:59"}, "started_at"),
    ({"started_at": "yesterday"}, "started_at"),
    ({"started_at": "2026-02-30T00:00:00Z"}, "started_at"),
    ({"started_at": 1763600000000}, "started_at"),
    ({"failure_count": 1.5}, "failure_count"),
    ({"failure_count": "1"}, "failure_count"),
    ({"title": 5}, "title"),
    ({"affected_regions": "eu"}, "affected_regions"),
    ({"affected_regions": [5]}, "affected_regions/0"),
    ({"status": "open"}, "status"),
    ({"notification_sent": True}, "notification_sent"),
    ({"tenant": "acme"}, "tenant"),
)

#: Changes that cannot be, and the name of the field, where it is one.
WRONG_CHANGES: tuple[tuple[dict[str, Any], str | None], ...] = (
    ({"status": "resolved"}, "status"),
    ({"severity": "major", "status": "resolved"}, "status"),
    ({}, None),
    ({"severity": None}, None),
    ({"title": "another"}, "title"),
    ({"failure_count": 2}, "failure_count"),
    ({"severity": "high"}, "severity"),
    ({"severity": 4}, "severity"),
    ({"error_message": ""}, "error_message"),
    ({"error_message": "e" * 1001}, "error_message"),
    ({"error_message": "a\u0000"}, "error_message"),
    ({"affected_regions": ["r" * 65]}, "affected_regions/0"),
    ({"affected_regions": ["r"] * 101}, "affected_regions"),
    ({"affected_regions": "eu"}, "affected_regions"),
)


@pytest.fixture
async def uptime(database: str) -> AsyncIterator[Uptime]:
    async with engine_client(database, set_time_enabled=True) as client:
        yield Uptime(client)


async def test_a_manual_incident_has_the_fields_of_the_contract_and_no_others(uptime: Uptime) -> None:
    before = time.time_ns() // 1_000_000
    opened = await uptime.opened()
    at = opened["created_at"]
    assert before <= at <= time.time_ns() // 1_000_000
    assert opened.pop("id").startswith("inc_")
    assert opened == {
        "check_id": None,
        "check_name": None,
        "check_url": None,
        "status": "open",
        "severity": "major",
        "type": "status_code",
        "title": "Checkout answers 502",
        "error_message": "expected 200, got 502",
        "source": "manual",
        "started_at": at,
        "acknowledged_at": None,
        "resolved_at": None,
        "created_at": at,
        "updated_at": at,
        "affected_regions": [],
        "affected_monitor_ids": [],
        "failure_count": 1,
        "notification_sent": False,
        "assignee_id": None,
        "status_page_update": None,
    }


async def test_everything_that_is_reported_is_shown(uptime: Uptime) -> None:
    given = {
        "severity": "critical",
        "type": "slow_response",
        "title": "t" * 255,
        "error_message": "e" * 1000,
        "source": "manual",
        "affected_regions": ["eu-west", "us-east"],
        "affected_monitor_ids": ["check-1", UNKNOWN_CHECK],
        "failure_count": 7,
        "status_page_update": "we are on it",
    }
    opened = await uptime.opened(**given)
    assert opened.items() >= given.items()
    envelope = await uptime.done("GET", f"/{opened['id']}")
    assert envelope == {"success": True, "data": {"incident": opened, "recovery_time_seconds": None}}


async def test_severities_and_types_are_shown_as_they_were_reported(uptime: Uptime) -> None:
    for severity in SEVERITIES:
        assert (await uptime.opened(severity=severity))["severity"] == severity
    for kind in TYPES:
        assert (await uptime.opened(type=kind))["type"] == kind


async def test_a_start_may_lie_in_the_past_in_any_zone(uptime: Uptime) -> None:
    opened = await uptime.opened(started_at="2026-11-20T12:30:00.1239+02:30")
    start = datetime(2026, 11, 20, 10, 0, 0, 123_000, tzinfo=UTC)
    assert opened["started_at"] == int(start.timestamp() * 1000)
    assert opened["created_at"] > opened["started_at"]
    assert (await uptime.opened(started_at="2026-11-20T10:00:00"))["started_at"] == opened["started_at"] - 123
    resolved = (await uptime.done("PUT", f"/{opened['id']}/status", {"status": "resolved"}))["data"]
    lasted = resolved["incident"]["resolved_at"] - opened["started_at"]
    assert resolved["recovery_time_seconds"] == lasted / 1000


async def test_the_incident_of_a_process_is_told_in_the_same_fields(uptime: Uptime) -> None:
    shown = await uptime.shown(await uptime.failed_process())
    told = {
        "status": "open",
        "severity": "minor",
        "type": None,
        "source": "system",
        "title": "Pay <now> failed in order 1",
        "error_message": "card declined",
        "check_id": None,
        "check_name": None,
        "check_url": None,
    }
    assert shown.items() >= told.items()


async def test_an_incident_of_a_check_is_a_system_one_named_for_the_check(uptime: Uptime) -> None:
    check = (await uptime.client.ok("POST", "/api/checks", CHECK))["data"]["check"]["id"]
    report = {name: value for name, value in REPORT.items() if name != "title"}
    opened = (await uptime.done("POST", "", {**report, "check_id": check, "source": "system"}, 201))["data"]["incident"]
    told = {
        "check_id": check,
        "check_name": "Shop",
        "check_url": "https://shop.example.org/",
        "source": "system",
        "title": "Shop - status_code",
        "type": "status_code",
    }
    assert opened.items() >= told.items()
    assert (await uptime.listed(f"check_id={check}"))[0] == opened
    again = await uptime.refused("POST", "", {**report, "type": "timeout", "check_id": check})
    assert again == (409, "CONFLICT", {"incident_id": opened["id"]})
    slow = await uptime.opened(check_id=check, type="slow_response", title="Shop is slow")
    assert slow["title"] == "Shop is slow"
    await uptime.moved(opened["id"], "resolved")
    assert (await uptime.opened(check_id=check))["id"] != opened["id"]


async def test_a_check_that_is_unknown_is_named(uptime: Uptime) -> None:
    for check in (UNKNOWN_CHECK, "check-1", "", "chk_", NOWHERE, "chk_\u0000", "x" * 10_000):
        status, code, details = await uptime.refused("POST", "", {**REPORT, "check_id": check})
        assert (status, code, list(details)) == (400, "VALIDATION_ERROR", ["check_id"])


async def test_a_report_with_a_wrong_field_is_refused_naming_it_and_nothing_is_stored(uptime: Uptime) -> None:
    for wrong, where in WRONG_REPORTS:
        status, code, details = await uptime.refused("POST", "", {**REPORT, **wrong})
        assert (status, code, list(details)) == (400, "VALIDATION_ERROR", [where]), wrong
    assert await uptime.listed() == []


@pytest.mark.parametrize("missing", ["severity", "type", "error_message", "title"])
async def test_a_report_without_a_required_field_is_refused_naming_it(uptime: Uptime, missing: str) -> None:
    report = {name: value for name, value in REPORT.items() if name != missing}
    status, code, details = await uptime.refused("POST", "", report)
    assert (status, code, list(details)) == (400, "VALIDATION_ERROR", [missing])


async def test_all_that_is_wrong_with_a_report_is_named_at_once(uptime: Uptime) -> None:
    wrong = {"severity": "high", "type": "", "title": "", "error_message": "", "failure_count": 0}
    assert set((await uptime.refused("POST", "", {**REPORT, **wrong}))[2]) == set(wrong)


async def test_a_report_under_one_key_opens_one_incident(uptime: Uptime) -> None:
    answers = [await uptime.client.call("POST", INCIDENTS, dict(REPORT), Idempotency_Key="k1") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert len(await uptime.listed()) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"severity": "critical"},
        {"error_message": "it is worse"},
        {"affected_regions": ["ap-south"]},
        {"affected_regions": []},
        {"severity": "warning", "error_message": "it is not", "affected_regions": ["eu"]},
    ],
)
async def test_only_what_is_given_changes(uptime: Uptime, change: dict[str, Any]) -> None:
    opened = await uptime.opened(affected_regions=["eu-west"])
    await advance(uptime.client, "PT1M")
    changed = (await uptime.done("PUT", f"/{opened['id']}", change))["data"]["incident"]
    assert changed["updated_at"] >= opened["updated_at"] + 60_000
    assert changed == {**opened, **change, "updated_at": changed["updated_at"]}
    assert await uptime.shown(opened["id"]) == changed


async def test_a_change_to_what_already_is_changes_nothing(uptime: Uptime) -> None:
    opened = await uptime.opened(affected_regions=["eu-west"])
    same = {name: opened[name] for name in ("severity", "error_message", "affected_regions")}
    assert (await uptime.done("PUT", f"/{opened['id']}", same))["data"]["incident"] == opened
    assert len(await uptime.updates(opened["id"])) == 1


async def test_a_change_that_cannot_be_is_refused_and_nothing_changes(uptime: Uptime) -> None:
    opened = await uptime.opened()
    for change, where in WRONG_CHANGES:
        status, code, details = await uptime.refused("PUT", f"/{opened['id']}", change)
        assert (status, code, list(details or ())) == (400, "VALIDATION_ERROR", [where] if where else []), change
    assert await uptime.shown(opened["id"]) == opened


@pytest.mark.parametrize("status", ["acknowledged", "resolved"])
async def test_what_is_not_closed_can_be_changed(uptime: Uptime, status: str) -> None:
    incident = await uptime.brought_to(status)
    changed = await uptime.done("PUT", f"/{incident}", {"severity": "minor"})
    assert (changed["data"]["incident"]["severity"], changed["data"]["incident"]["status"]) == ("minor", status)


async def test_what_is_closed_is_written_to_no_more(uptime: Uptime) -> None:
    incident = await uptime.brought_to("closed")
    as_it_was = await uptime.shown(incident)
    for path, method, body in (
        ("", "PUT", {"severity": "minor"}),
        ("", "PUT", {"severity": as_it_was["severity"]}),
        ("/updates", "POST", {"message": "one more thing"}),
        ("/status", "PUT", {"status": "open"}),
        ("/acknowledge", "POST", None),
    ):
        status, code, _ = await uptime.refused(method, f"/{incident}{path}", body)
        assert (status, code) == (409, "CONFLICT")
    assert await uptime.shown(incident) == as_it_was


async def test_times_are_those_of_the_engine(uptime: Uptime) -> None:
    await advance(uptime.client, "P1D")
    opened = await uptime.opened()
    tomorrow = datetime.fromtimestamp(opened["created_at"] / 1000, UTC)
    assert tomorrow - datetime.fromtimestamp(time.time(), UTC) > timedelta(hours=23)
