"""The list of incidents: every filter, order, limit and page of uptime (contracts/incidents.md 3.1, 3.7, 0.6)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.following import advance
from tests.contract.uptime import STATUSES, Uptime
from tests.contract.working import engine_client

#: Feed moves by which an incident gets to every status that uptime shows as acknowledged.
WORKED_ON = ("triaging", "investigating", "awaiting_approval", "remediating")


#: Parameters that cannot be, and the name of the wrong one.
WRONG_PARAMETERS = (
    ("status=triaging", "status"),
    ("status=OPEN", "status"),
    ("status=", "status"),
    ("status=open&status=closed", "status"),
    ("severity=high", "severity"),
    ("severity=4", "severity"),
    ("check_id=", "check_id"),
    ("check_id=%00", "check_id"),
    ("check_id=" + "x" * 3000, "check_id"),
    ("since=", "since"),
    ("since=-1", "since"),
    ("since=1.5", "since"),
    ("since=yesterday", "since"),
    ("since=2026-11-20T10:00:00Z", "since"),
    ("since=253402300800000", "since"),
    ("since=" + "9" * 40, "since"),
    ("limit=0", "limit"),
    ("limit=101", "limit"),
    ("limit=-1", "limit"),
    ("limit=ten", "limit"),
    ("limit=1e1", "limit"),
    ("limit=%D9%A1", "limit"),
    ("limit=", "limit"),
    ("limit=1&limit=2", "limit"),
    ("offset=-1", "offset"),
    ("offset=2147483648", "offset"),
    ("offset=x", "offset"),
    ("sort_by=title", "sort_by"),
    ("sort_by=created_at;drop", "sort_by"),
    ("sort_order=up", "sort_order"),
    ("sort_order=DESC", "sort_order"),
)


#: Pages of five incidents: the rows on them; page, pages, and whether others follow or come before.
PAGES = (
    ("limit=1", 1, (1, 5, True, False)),
    ("limit=5", 5, (1, 1, False, False)),
    ("limit=100", 5, (1, 1, False, False)),
    ("limit=2&offset=2", 2, (2, 3, True, True)),
    ("limit=2&offset=3", 2, (2, 3, False, True)),
    ("limit=2&offset=4", 1, (3, 3, False, True)),
    ("limit=2&offset=5", 0, (3, 3, False, True)),
    ("limit=2&offset=2147483647", 0, (1073741824, 3, False, True)),
)


@pytest.fixture
async def uptime(database: str) -> AsyncIterator[Uptime]:
    async with engine_client(database, set_time_enabled=True) as client:
        yield Uptime(client)


def ids(rows: list[Any]) -> list[str]:
    return [row["id"] for row in rows]


async def spread(uptime: Uptime, *reports: dict[str, Any]) -> list[str]:
    """Open incidents a minute apart, and return their ids, the oldest first."""
    opened = []
    for report in reports:
        opened.append((await uptime.opened(**report))["id"])
        await advance(uptime.client, "PT1M")
    return opened


async def test_without_parameters_the_twenty_newest_are_listed_newest_first(uptime: Uptime) -> None:
    opened = [(await uptime.opened(title=f"no. {number}"))["id"] for number in range(23)]
    page = await uptime.done("GET")
    assert ids(page["data"]["incidents"]) == sorted(opened, reverse=True)[:20]
    assert list(page["data"]) == ["incidents"]
    assert page["pagination"] == {
        "total": 23,
        "page": 1,
        "pageSize": 20,
        "totalPages": 2,
        "hasNext": True,
        "hasPrevious": False,
    }
    last = await uptime.done("GET", "?offset=20")
    assert ids(last["data"]["incidents"]) == sorted(opened, reverse=True)[20:]
    assert last["pagination"] == {
        "total": 23,
        "page": 2,
        "pageSize": 20,
        "totalPages": 2,
        "hasNext": False,
        "hasPrevious": True,
    }


async def test_a_page_says_where_it_stands(uptime: Uptime) -> None:
    for _ in range(5):
        await uptime.opened()
    for query, rows, place in PAGES:
        envelope = await uptime.done("GET", f"?{query}")
        assert len(envelope["data"]["incidents"]) == rows
        limit = int(query.removeprefix("limit=").partition("&")[0])
        named = zip(("page", "totalPages", "hasNext", "hasPrevious"), place, strict=True)
        assert envelope["pagination"] == {"total": 5, "pageSize": limit, **dict(named)}, query


async def test_where_there_is_nothing_the_list_is_empty(uptime: Uptime) -> None:
    envelope = await uptime.done("GET")
    assert envelope["data"] == {"incidents": []}
    assert envelope["pagination"]["total"] == envelope["pagination"]["totalPages"] == 0
    assert not envelope["pagination"]["hasNext"]


async def test_pages_part_the_list(uptime: Uptime) -> None:
    opened = [(await uptime.opened())["id"] for _ in range(7)]
    parts = [ids(await uptime.listed(f"limit=3&offset={offset}&sort_order=asc")) for offset in (0, 3, 6)]
    assert [len(part) for part in parts] == [3, 3, 1]
    assert [incident for part in parts for incident in part] == sorted(opened)


@pytest.mark.parametrize("status", STATUSES)
async def test_the_filter_of_status_finds_what_is_shown_so(uptime: Uptime, status: str) -> None:
    there = {word: await uptime.brought_to(word) for word in STATUSES}
    envelope = await uptime.done("GET", f"?status={status}")
    assert ids(envelope["data"]["incidents"]) == [there[status]]
    assert envelope["pagination"]["total"] == 1


async def test_a_status_stands_for_all_that_are_shown_as_it(uptime: Uptime) -> None:
    opened = [(await uptime.opened())["id"] for _ in WORKED_ON]
    for incident, word in zip(opened, WORKED_ON, strict=True):
        await uptime.client.ok("PATCH", f"/v1/incidents/{incident}", {"status": word})
    found = await uptime.listed("status=acknowledged")
    assert sorted(ids(found)) == sorted(opened)
    assert {row["status"] for row in found} == {"acknowledged"}
    assert await uptime.listed("status=open") == []


@pytest.mark.parametrize("severity", ["critical", "major", "minor", "warning"])
async def test_the_filter_of_severity_finds_what_is_shown_so(uptime: Uptime, severity: str) -> None:
    there = {word: (await uptime.opened(severity=word))["id"] for word in ("critical", "major", "minor", "warning")}
    envelope = await uptime.done("GET", f"?severity={severity}")
    assert ids(envelope["data"]["incidents"]) == [there[severity]]
    assert envelope["pagination"]["total"] == 1


async def test_a_severity_stands_for_all_ranks_that_are_shown_as_it(uptime: Uptime) -> None:
    reports = [{"title": "Title", "description": "description", "severity": word} for word in ("low", "info")]
    for report in reports:
        await uptime.client.ok("POST", "/v1/incidents", report)
    assert [row["severity"] for row in await uptime.listed("severity=warning")] == ["warning", "warning"]


async def test_filters_hold_together(uptime: Uptime) -> None:
    await uptime.brought_to("resolved", severity="critical")
    await uptime.opened(severity="minor")
    wanted = (await uptime.opened(severity="critical"))["id"]
    envelope = await uptime.done("GET", "?severity=critical&status=open&limit=5")
    assert ids(envelope["data"]["incidents"]) == [wanted]
    assert envelope["pagination"]["total"] == 1


async def test_what_changed_since_a_moment_is_found_by_polling(uptime: Uptime) -> None:
    first, second, third = await spread(uptime, {}, {}, {})
    newest = max(row["updated_at"] for row in await uptime.listed())
    assert await uptime.listed(f"since={newest}") == []
    assert ids(await uptime.listed(f"since={newest - 1}")) == [third]
    assert ids(await uptime.listed("since=0")) == [third, second, first]
    await uptime.done("POST", f"/{first}/updates", {"message": "still there"}, 201)
    envelope = await uptime.done("GET", f"?since={newest}")
    assert ids(envelope["data"]["incidents"]) == [first]
    assert envelope["pagination"]["total"] == 1
    assert await uptime.listed(f"since={newest}&status=resolved") == []
    assert await uptime.listed("since=253402300799999") == []


async def test_incidents_are_found_by_their_check(uptime: Uptime) -> None:
    check = {"name": "Shop", "type": "http", "target_url": "https://shop.example.org/"}
    created = (await uptime.client.ok("POST", "/api/checks", check))["data"]["check"]["id"]
    wanted = (await uptime.opened(check_id=created))["id"]
    await uptime.opened()
    envelope = await uptime.done("GET", f"?check_id={created}")
    assert ids(envelope["data"]["incidents"]) == [wanted]
    assert envelope["pagination"]["total"] == 1
    assert ids(await uptime.listed(f"check_id={created}&status=open&sort_by=severity")) == [wanted]


async def test_a_check_that_is_unknown_has_no_incidents(uptime: Uptime) -> None:
    await uptime.opened()
    for check in ("chk_01ARZ3NDEKTSV4RRFFQ69G5FAV", "check-1", "chk_", "%27"):
        envelope = await uptime.done("GET", f"?check_id={check}")
        assert (envelope["data"]["incidents"], envelope["pagination"]["total"]) == ([], 0)


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_severity_is_sorted_by_rank_with_ties_by_id(uptime: Uptime, order: str) -> None:
    words = ("minor", "critical", "warning", "major", "critical")
    opened = [((await uptime.opened(severity=word))["id"], word) for word in words]
    rank = {"warning": 1, "minor": 2, "major": 3, "critical": 4}
    expected = sorted(opened, key=lambda one: (rank[one[1]], one[0]), reverse=order == "desc")
    found = await uptime.listed(f"sort_by=severity&sort_order={order}")
    assert ids(found) == [incident for incident, _ in expected]


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_status_is_sorted_by_its_place_in_the_life_cycle(uptime: Uptime, order: str) -> None:
    for word in ("closed", "open", "resolved", "acknowledged"):
        await uptime.brought_to(word)
    found = [row["status"] for row in await uptime.listed(f"sort_by=status&sort_order={order}")]
    assert found == list(STATUSES if order == "asc" else reversed(STATUSES))


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_times_are_sorted(uptime: Uptime, order: str) -> None:
    first, second, third = await spread(
        uptime,
        {"started_at": "2026-11-03T00:00:00Z"},
        {"started_at": "2026-11-01T00:00:00Z"},
        {"started_at": "2026-11-02T00:00:00Z"},
    )
    await uptime.moved(second, "acknowledged")
    expected = {
        "created_at": [first, second, third],
        "started_at": [second, third, first],
        "updated_at": [first, third, second],
    }
    for sort, rising in expected.items():
        found = ids(await uptime.listed(f"sort_by={sort}&sort_order={order}"))
        assert found == (rising if order == "asc" else rising[::-1]), sort


async def test_a_parameter_that_cannot_be_is_refused_by_name(uptime: Uptime) -> None:
    for query, name in WRONG_PARAMETERS:
        status, code, details = await uptime.refused("GET", f"?{query}")
        assert (status, code, list(details)) == (400, "VALIDATION_ERROR", [name]), query


async def test_a_parameter_that_nobody_knows_is_passed_over(uptime: Uptime) -> None:
    await uptime.opened()
    assert len(await uptime.listed("colour=blue")) == 1
