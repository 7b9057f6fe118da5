"""The checks that an incident affects (contracts/incidents.md 3.1)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.uptime import Uptime
from tests.contract.working import engine_client

UNKNOWN_CHECK = "chk_01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.fixture
async def uptime(database: str) -> AsyncIterator[Uptime]:
    async with engine_client(database) as client:
        yield Uptime(client)


async def check(uptime: Uptime, name: str, kind: str = "http") -> str:
    body = {"name": name, "type": kind, "target_url": f"{name}.example.org:80" if kind == "tcp" else f"https://{name}/"}
    created: str = (await uptime.client.ok("POST", "/api/checks", body))["data"]["check"]["id"]
    return created


async def affected(uptime: Uptime, incident: str, query: str = "") -> list[Any]:
    found: list[Any] = (await uptime.done("GET", f"/{incident}/affected-checks?{query}"))["data"]["checks"]
    return found


async def test_the_check_of_an_incident_comes_first_and_then_its_monitors(uptime: Uptime) -> None:
    shop, mail = await check(uptime, "shop"), await check(uptime, "mail", "tcp")
    monitors = [mail, "check-1", UNKNOWN_CHECK, shop]
    incident = (await uptime.opened(check_id=shop, affected_monitor_ids=monitors))["id"]
    envelope = await uptime.done("GET", f"/{incident}/affected-checks")
    assert envelope["data"] == {
        "checks": [
            {"id": shop, "name": "shop", "target_url": "https://shop/", "type": "HTTP", "status": "down"},
            {"id": mail, "name": "mail", "target_url": "mail.example.org:80", "type": "TCP", "status": "up"},
        ]
    }
    assert (envelope["pagination"]["total"], envelope["pagination"]["totalPages"]) == (2, 1)


async def test_a_check_is_told_as_it_stands_now(uptime: Uptime) -> None:
    shop = await check(uptime, "shop")
    incident = (await uptime.opened(check_id=shop, type="slow_response"))["id"]
    assert [row["status"] for row in await affected(uptime, incident)] == ["degraded"]
    await uptime.moved(incident, "resolved")
    await uptime.client.ok("PATCH", f"/api/checks/{shop}", {"name": "Shop 2"})
    assert [(row["name"], row["status"]) for row in await affected(uptime, incident)] == [("Shop 2", "up")]
    await uptime.client.ok("DELETE", f"/api/checks/{shop}")
    assert await affected(uptime, incident) == []


async def test_an_incident_without_checks_affects_none(uptime: Uptime) -> None:
    for incident in ((await uptime.opened(affected_monitor_ids=["check-1"]))["id"], await uptime.failed_process()):
        envelope = await uptime.done("GET", f"/{incident}/affected-checks")
        assert (envelope["data"], envelope["pagination"]["total"]) == ({"checks": []}, 0)


async def test_the_affected_checks_have_pages(uptime: Uptime) -> None:
    checks = [await check(uptime, f"shop{number}") for number in range(3)]
    incident = (await uptime.opened(affected_monitor_ids=checks))["id"]
    assert [row["id"] for row in await affected(uptime, incident, "limit=2")] == checks[:2]
    assert [row["id"] for row in await affected(uptime, incident, "limit=2&offset=2")] == checks[2:]
    status, code, details = await uptime.refused("GET", f"/{incident}/affected-checks?limit=0")
    assert (status, code, list(details)) == (400, "VALIDATION_ERROR", ["limit"])


async def test_another_tenants_check_is_not_affected(uptime: Uptime) -> None:
    theirs = await check(uptime, "theirs")
    await uptime.client.ok("POST", "/admin/tenants", {"id": "rival", "name": "Rival", "plan": "pro"})
    issued = await uptime.client.ok("POST", "/admin/keys", {"tenantId": "rival", "role": "operator", "name": "eve"})
    rival = Uptime(uptime.client, issued["key"])
    incident = (await rival.opened(affected_monitor_ids=[theirs]))["id"]
    assert await affected(rival, incident) == []
    status, code, details = await rival.refused(
        "POST",
        "",
        {"severity": "major", "type": "timeout", "title": "Theirs", "error_message": "x", "check_id": theirs},
    )
    assert (status, code, list(details)) == (400, "VALIDATION_ERROR", ["check_id"])
