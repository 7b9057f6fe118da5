"""What no client should send about checks: clear refusals in uptime's form, and nothing stored."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.checking import CHECKS, NO_CHECK, SHOP, THREE, Checks, key_of
from tests.contract.working import engine_client

BAD = (400, "VALIDATION_ERROR")


@pytest.fixture(scope="module")
async def checks(shared_database: str) -> AsyncIterator[Checks]:
    async with engine_client(shared_database) as client:
        await client.ok("POST", "/admin/tenants", {"id": "rival", "name": "Rival", "plan": "enterprise"})
        yield Checks(client)


async def position(checks: Checks) -> int:
    """Return the last position of the log."""
    return int((await checks.client.call("GET", f"{CHECKS}?limit=1")).headers["Annals-Position"])


NO_BODIES = (
    b"",
    b"null",
    b"{",
    b"1",
    b'"chk"',
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"name":' * 100_000,
    b'{"name": "' + b"x" * 1_100_000 + b'"}',
    b'{"name": "\\ud800", "type": "http", "target_url": "https://h"}',
    b'{"name": "a\\u0000b", "type": "http", "target_url": "https://h"}',
)


async def test_what_is_no_body_of_an_operation_is_refused(checks: Checks) -> None:
    check = (await checks.created())["id"]
    before = await position(checks)
    for method, path in (("POST", ""), ("PATCH", f"/{check}"), ("POST", f"/{check}/results")):
        for body in (*NO_BODIES, b"[]", b"{}", b'[{"region": "eu", "ok": true}, 1]', b'{"surprise": true}'):
            assert (await checks.refused(method, path, body))[:2] == BAD, (method, path, body[:40])
        assert (await checks.refused(method, path, b"{}", Content_Type="text/plain"))[:2] == (415, "VALIDATION_ERROR")
    assert await position(checks) == before


WRONG_FIELDS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"name": None}, "name"),
    ({"name": "  "}, "name"),
    ({"name": "n" * 256}, "name"),
    ({"name": "bell\x07"}, "name"),
    ({"type": "https"}, "type"),
    ({"type": 1}, "type"),
    ({"target_url": "shop"}, "target_url"),
    ({"target_url": "https://h/" + "p" * 2039}, "target_url"),
    ({"interval_seconds": 29}, "interval_seconds"),
    ({"interval_seconds": 86_401}, "interval_seconds"),
    ({"interval_seconds": 60.5}, "interval_seconds"),
    ({"interval_seconds": "60"}, "interval_seconds"),
    ({"interval_seconds": True}, "interval_seconds"),
    ({"interval_seconds": None}, "interval_seconds"),
    ({"interval_seconds": 10**30}, "interval_seconds"),
    ({"timeout_ms": 99}, "timeout_ms"),
    ({"timeout_ms": -(10**18)}, "timeout_ms"),
    ({"expected_status": 99}, "expected_status"),
    ({"keyword": ""}, "keyword"),
    ({"slow_threshold_ms": 0}, "slow_threshold_ms"),
    ({"regions": "eu"}, "regions"),
    ({"regions": [""]}, "regions/0"),
    ({"regions": ["eu", 1]}, "regions"),
    ({"regions": ["eu"] * 101}, "regions"),
    ({"paused": "yes"}, "paused"),
    ({"status": "down"}, "status"),
    ({"id": NO_CHECK}, "id"),
)


async def test_a_wrong_field_is_named_when_a_check_is_made_and_when_it_is_changed(checks: Checks) -> None:
    check, before = await checks.created(), await checks.done("GET")
    for fields, place in WRONG_FIELDS:
        for method, path, body in (("POST", "", {**SHOP, **fields}), ("PATCH", f"/{check['id']}", fields)):
            status, code, details = await checks.refused(method, path, body)
            assert (status, code) == BAD, fields
            assert [name.removesuffix("/1") for name in details] == [place], fields
    assert await checks.shown(check["id"]) == check
    assert await checks.done("GET") == before


async def test_a_change_of_nothing_is_refused(checks: Checks) -> None:
    check = (await checks.created())["id"]
    assert await checks.refused("PATCH", f"/{check}", {}) == (*BAD, None)


WRONG_RESULTS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"region": None}, "region"),
    ({"region": ""}, "region"),
    ({"region": "r" * 65}, "region"),
    ({"region": "e\u0000u"}, "region"),
    ({"ok": None}, "ok"),
    ({"ok": 1}, "ok"),
    ({"ok": "true"}, "ok"),
    ({"ok": False}, "type"),
    ({"ok": False, "type": None}, "type"),
    ({"ok": False, "type": "down"}, "type"),
    ({"type": "timeout"}, "type"),
    ({"message": "m" * 1001}, "message"),
    ({"latency_ms": -1}, "latency_ms"),
    ({"latency_ms": "fast"}, "latency_ms"),
    ({"observed_at": "yesterday"}, "observed_at"),
    ({"observed_at": "2026-02-30T00:00:00Z"}, "observed_at"),
    ({"observed_at": "2026-01-01"}, "observed_at"),
    ({"observed_at": ""}, "observed_at"),
    ({"observed_at": 1.5}, "observed_at"),
    ({"observed_at": -1}, "observed_at"),
    ({"observed_at": 10**17}, "observed_at"),
    ({"observed_at": 253_402_300_799_999}, "observed_at"),
    ({"observed_at": "0001-01-01T00:00:00+14:00"}, "observed_at"),
    ({"observed_at": "1969-12-31T23:59:59Z"}, "observed_at"),
    ({"observed_at": "9999-12-31T23:59:59-12:00"}, "observed_at"),
    ({"observed_at": "2999-01-01T00:00:00Z"}, "observed_at"),
    ({"status": "up"}, "status"),
)


async def test_a_wrong_result_is_named_alone_and_in_a_list_of_which_nothing_counts(checks: Checks) -> None:
    check = (await checks.created())["id"]
    failures = [{"region": region, "ok": False, "type": "timeout"} for region in ("eu", "us", "ap")]
    before = await position(checks)
    for fields, place in WRONG_RESULTS:
        result = {"region": "eu", "ok": True, **fields}
        for body, where in ((result, place), ([*failures, result], f"3/{place}")):
            status, code, details = await checks.refused("POST", f"/{check}/results", body)
            assert (status, code) == BAD, fields
            assert list(details) == [where], fields
    assert await position(checks) == before


async def test_a_list_of_more_than_a_hundred_results_is_refused(checks: Checks) -> None:
    check = (await checks.created())["id"]
    body = [{"region": "eu", "ok": True}] * 101
    assert (await checks.refused("POST", f"/{check}/results", body))[:2] == BAD
    assert (await checks.shown(check))["last_checked_at"] is None


async def test_a_page_that_cannot_be_is_refused(checks: Checks) -> None:
    for query in (
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=x",
        "limit=",
        "limit=1&limit=2",
        "offset=-1",
        "offset=1e3",
    ):
        status, code, details = await checks.refused("GET", f"?{query}")
        assert (status, code, list(details)) == (*BAD, [query.partition("=")[0]])


NO_IDS = (
    NO_CHECK,
    "chk_01arz3ndektsv4rrffq69g5fav",
    "inc_01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "chk_",
    "x" * 300,
    "chk_%00",
    "%F0%9F%92%A5",
)
OPERATIONS = (
    ("GET", "", None),
    ("PATCH", "", {"name": "x"}),
    ("DELETE", "", None),
    ("POST", "/results", {"region": "eu", "ok": True}),
)


async def test_what_is_no_id_of_a_check_is_not_found(checks: Checks) -> None:
    for unknown in NO_IDS:
        for method, path, body in OPERATIONS:
            assert await checks.refused(method, f"/{unknown}{path}", body) == (404, "NOT_FOUND", None)


async def test_unknown_paths_and_methods_are_told_in_uptimes_form(checks: Checks) -> None:
    check = (await checks.created())["id"]
    assert (await checks.refused("GET", f"/{check}/nothing"))[:2] == (404, "NOT_FOUND")
    assert (await checks.refused("PUT", f"/{check}", {}))[:2] == (405, "METHOD_NOT_ALLOWED")
    assert (await checks.refused("GET", f"/{check}/results"))[:2] == (405, "METHOD_NOT_ALLOWED")
    assert (await checks.refused("GET", "", Authorization="Bearer nobody"))[:2] == (401, "AUTHENTICATION_ERROR")


@pytest.mark.parametrize("state", ["up", "down", "paused", "deleted"])
async def test_another_tenants_check_is_answered_exactly_like_one_that_is_not_there(checks: Checks, state: str) -> None:
    check = (await checks.created())["id"]
    if state == "down":
        await checks.hears(check, THREE)
    if state == "paused":
        await checks.changed(check, paused=True)
    if state == "deleted":
        await checks.done("DELETE", f"/{check}")
    rival = await key_of(checks.client, "rival", "owner")
    wrong = (("PATCH", "", {"name": ""}), ("POST", "/results", {"region": "eu", "ok": False}))
    for method, path, body in (*OPERATIONS, *wrong):
        foreign, unknown = [
            await checks.client.call(method, f"{CHECKS}/{one}{path}", body, Authorization=f"Bearer {rival}")
            for one in (check, NO_CHECK)
        ]
        assert foreign.status_code == unknown.status_code == 404
        assert foreign.text.replace(check, NO_CHECK) == unknown.text
        assert set(foreign.headers) == set(unknown.headers)
    theirs = Checks(checks.client, rival)
    assert (await theirs.done("GET"))["pagination"]["total"] == 0


async def test_another_tenants_check_is_no_check_to_open_an_incident_of(checks: Checks) -> None:
    check = (await checks.created())["id"]
    await checks.hears(check, THREE)
    rival = await key_of(checks.client, "rival", "owner")
    report = {"severity": "critical", "type": "timeout", "error_message": "no answer"}
    answers = [
        await checks.client.call("POST", "/api/incidents", {**report, "check_id": one}, Authorization=f"Bearer {rival}")
        for one in (check, NO_CHECK, "nonsense")
    ]
    assert {answer.status_code for answer in answers} == {400}
    assert [list(answer.json()["error"]["details"]) for answer in answers] == [["check_id"]] * 3
    ours = await checks.client.call("POST", "/api/incidents", {**report, "check_id": check})
    assert (ours.status_code, ours.json()["error"]["code"]) == (409, "CONFLICT")
    (incident,) = await checks.incidents(check)
    assert ours.json()["error"]["details"] == {"incident_id": incident["id"]}
