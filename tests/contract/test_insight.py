"""The five insight views over HTTP (contracts/incidents.md 0.3 and 1.2)."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

import pytest
from httpx import Response
from prometheus_client import REGISTRY

from tests.contract.administering import OWNER as ADMINISTRATOR
from tests.contract.administering import callers
from tests.contract.working import Client, engine_client, place

VIEWS = ("heatmap", "incident-version-graph", "incidents-table", "incidents-graph", "total-counts")
BY_VERSION = tuple(view for view in VIEWS if view != "incident-version-graph")
RANKS = {"minResults": "0", "maxResults": "20"}
EMPTY: Mapping[str, Any] = {
    "heatmap": [],
    "incidents-table": [],
    "incidents-graph": [],
    "total-counts": {"totalIncidents": 0, "totalExceptions": 0},
}


def parameters(view: str, key: str = "order", version: str = "1", **more: str) -> dict[str, str]:
    """Return what a view asks for, and more."""
    required = {"processKey": key}
    if view != "incident-version-graph":
        required["version"] = version
    if view == "incidents-table":
        required |= RANKS
    return required | more


async def ask(client: Client, view: str, given: Mapping[str, str] | str) -> Response:
    text = given if isinstance(given, str) else "&".join(f"{name}={quote(value)}" for name, value in given.items())
    return await client.call("GET", f"/incidents/{view}?{text}")


async def show(client: Client, view: str, **given: str) -> Any:
    """Ask for a view of version 1 of the process, and return it."""
    answer = await ask(client, view, parameters(view, **given))
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["Annals-Position"]) > 0
    return answer.json()


async def refused(client: Client, view: str, given: Mapping[str, str] | str) -> str:
    """Ask for what has to be refused as unreadable, and return the message."""
    answer = await ask(client, view, given)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert list(answer.json()) == ["message"]
    message: str = answer.json()["message"]
    return message


@pytest.fixture
async def quiet(database: str) -> AsyncIterator[Client]:
    """Return a client of a deployment where a process is deployed and nothing happened."""
    async with engine_client(database) as client:
        await client.deploy()
        yield client


@pytest.fixture
async def client(quiet: Client) -> Client:
    """Let four instances run: one ends, three fail, and of these one is tried again and goes well."""
    for _ in range(4):
        await quiet.start()
    done, *failing = await quiet.lock()
    await quiet.complete(done)
    for job in failing:
        await quiet.complete(job, error="no money")
    first = (await quiet.rows("incidents"))[0]
    await quiet.ok("PATCH", f"{place('incidents', first)}/resolve", {"workerId": "ada"})
    (again,) = await quiet.lock()
    await quiet.complete(again)
    return quiet


async def test_the_heatmap_shows_what_happened_at_every_flow_node(client: Client) -> None:
    incidents = {"activeIncidents": 2, "completedIncidents": 1, "canceledIncidents": 0, "totalIncidents": 3}
    none = dict.fromkeys(incidents, 0)
    assert await show(client, "heatmap") == [
        {"actId": "pay", **incidents, "instanceCount": 4},
        {"actId": "paid", **none, "instanceCount": 2},
        {"actId": "placed", **none, "instanceCount": 4},
    ]


async def test_the_version_graph_shows_every_version_over_all_time(client: Client) -> None:
    for version in ("10", "2"):
        await client.deploy(version=version)
    figures = {"processInstanceCount": 0, "incidentCount": 0, "errorStartEventCount": 0}
    numbered = [
        {"version": 1, **figures, "processInstanceCount": 4, "incidentCount": 3},
        {"version": 2, **figures},
        {"version": 10, **figures},
    ]
    assert await show(client, "incident-version-graph") == numbered
    await client.deploy(version="next")
    versions = [row["version"] for row in await show(client, "incident-version-graph")]
    assert versions == [1, 10, 2, "next"]


async def test_the_table_shows_incidents_newest_first_with_their_instances(client: Client) -> None:
    rows = await show(client, "incidents-table")
    incidents = await client.rows("incidents")
    where = {"activityId": "pay", "activity": "Pay <now>", "failedActivityId": "pay", "failedActivity": "Pay <now>"}
    assert all(row.items() >= where.items() for row in rows)
    assert sorted(row["procInstId"] for row in rows) == sorted(
        f"{incident['partition']}/{incident['processInstanceId']}" for incident in incidents
    )
    created = [row["createTime"] for row in rows]
    assert created == sorted(created, reverse=True)
    assert {iso(moment) for moment in created} == {moment(incident["createdAt"]) for incident in incidents}
    (resolved,) = [incident for incident in incidents if "resolvedAt" in incident]
    (ended,) = [row for row in rows if row["endTime"] is not None]
    assert iso(ended["endTime"]) == moment(resolved["resolvedAt"])


def iso(milliseconds: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)).isoformat(timespec="milliseconds")


def moment(text: str) -> str:
    return datetime.fromisoformat(text).isoformat(timespec="milliseconds")


async def test_the_graph_and_the_totals_count_the_incidents_of_a_day(client: Client) -> None:
    (row,) = await show(client, "incidents-graph")
    newest = (await show(client, "incidents-table"))[0]["createTime"]
    assert row == {"date": newest // 86_400_000 * 86_400_000, "totalInstances": 3, "incidentType": "failedJob"}
    assert await show(client, "total-counts") == {"totalIncidents": 3, "totalExceptions": 0}


async def test_windows_of_ranks_part_the_table(client: Client) -> None:
    whole = await show(client, "incidents-table")
    parts = [
        await show(client, "incidents-table", minResults=str(after), maxResults=str(upto))
        for after, upto in ((0, 1), (1, 3), (3, 1003), (2, 2))
    ]
    assert parts == [whole[:1], whole[1:3], [], []]


@pytest.mark.parametrize("view", BY_VERSION)
async def test_a_deployed_version_without_incidents_has_figures_and_an_unknown_one_has_none(
    quiet: Client, view: str
) -> None:
    assert await show(quiet, view) == EMPTY[view]
    for unknown in ({"version": "01"}, {"version": "2"}, {"key": "orders"}, {"key": "Order"}, {"key": "öl/€"}):
        answer = await ask(quiet, view, parameters(view, **unknown))
        assert (answer.status_code, answer.json()) == (200, None)


async def test_an_unknown_process_has_no_versions(quiet: Client) -> None:
    assert await show(quiet, "incident-version-graph", key="orders") == []


@pytest.mark.parametrize("view", VIEWS)
async def test_a_required_parameter_that_is_missing_or_empty_is_named(quiet: Client, view: str) -> None:
    for name in parameters(view):
        without = {other: value for other, value in parameters(view).items() if other != name}
        assert name in await refused(quiet, view, without)
        assert name in await refused(quiet, view, {**without, name: ""})


@pytest.mark.parametrize(
    ("after", "upto"), [("1", "0"), ("0", "1001"), ("-1", "5"), ("0", "-1"), ("a", "5"), ("0", "1e3"), ("0", "9" * 30)]
)
async def test_a_window_of_ranks_that_cannot_be_is_refused(quiet: Client, after: str, upto: str) -> None:
    await refused(quiet, "incidents-table", parameters("incidents-table", minResults=after, maxResults=upto))


@pytest.mark.parametrize("view", BY_VERSION)
@pytest.mark.parametrize("name", ["startDate", "endDate"])
async def test_a_date_that_cannot_be_read_is_refused(quiet: Client, view: str, name: str) -> None:
    for text in ("yesterday", "2026-02-30", "2026-11-20x10:00", "1763600000000", "10:00", "9999-12-31T23:59:59-05:00"):
        assert name in await refused(quiet, view, parameters(view, **{name: text}))


async def test_what_no_database_could_hold_is_refused(quiet: Client) -> None:
    assert "NUL" in await refused(quiet, "heatmap", "processKey=order%00&version=1")


async def test_bytes_that_are_no_text_find_nothing(quiet: Client) -> None:
    answer = await ask(quiet, "heatmap", "processKey=%ff%fe&version=%ed%a0%80")
    assert (answer.status_code, answer.json()) == (200, None)


@pytest.mark.parametrize("view", BY_VERSION)
async def test_both_ends_of_a_range_belong_to_it(client: Client, view: str) -> None:
    rows = await show(client, "incidents-table")
    oldest, newest = rows[-1]["createTime"], rows[0]["createTime"]
    whole = await show(client, view)
    exact = await show(client, view, startDate=iso(oldest), endDate=iso(newest))
    later = await show(client, view, startDate=iso(newest + 1))
    if view == "heatmap":
        whole, exact = ([row["totalIncidents"] for row in view_ if row["actId"] == "pay"] for view_ in (whole, exact))
        later = [row for row in later if row["totalIncidents"]]
    assert exact == whole
    assert later == EMPTY[view]


async def test_one_moment_can_be_written_in_many_ways(client: Client) -> None:
    milliseconds = (await show(client, "incidents-table"))[0]["createTime"]
    at = datetime.fromisoformat(iso(milliseconds))
    there = at.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat(timespec="milliseconds")
    here = at.isoformat(timespec="milliseconds").removesuffix("+00:00")
    expected = [row for row in await show(client, "incidents-table") if row["createTime"] == milliseconds]
    ways = (there, here, f"{here}Z", here.replace("T", " "), here.replace("-", "").replace(":", ""), f"{here}000999")
    for way in ways:
        assert await show(client, "incidents-table", startDate=way, endDate=way) == expected, way
    unencoded = f"processKey=order&version=1&minResults=0&maxResults=9&startDate={there}&endDate={there}"
    assert "+05:30" in unencoded
    assert (await ask(client, "incidents-table", unencoded)).json() == expected


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y%m%d", "%G-W%V-%u"])
async def test_a_bare_date_is_a_whole_day(client: Client, form: str) -> None:
    rows = await show(client, "incidents-table")
    days = sorted({datetime.fromisoformat(iso(row["createTime"])).date() for row in rows})
    first, last = days[0].strftime(form), days[-1].strftime(form)
    assert await show(client, "incidents-table", startDate=first, endDate=last) == rows
    before, after = ((day + timedelta(days=n)).strftime(form) for day, n in ((days[0], -1), (days[-1], 1)))
    assert await show(client, "incidents-table", endDate=before) == []
    assert await show(client, "incidents-table", startDate=after) == []


@pytest.mark.parametrize("view", BY_VERSION)
async def test_a_range_that_ends_before_it_begins_holds_nothing(client: Client, view: str) -> None:
    assert await show(client, view, startDate="2100-01-01", endDate="2000-01-01") == EMPTY[view]


async def test_a_view_waits_for_the_position_that_it_is_asked_for(client: Client) -> None:
    assert await show(client, "total-counts", minPosition="1") == {"totalIncidents": 3, "totalExceptions": 0}
    assert "minPosition" in await refused(client, "total-counts", parameters("total-counts", minPosition="x"))


@pytest.mark.parametrize("view", VIEWS)
async def test_the_credential_counts_first_then_the_plan_then_the_parameters(database: str, view: str) -> None:
    async with callers(database) as them:
        path = f"/incidents/{view}"
        stranger = await them.client.get(path)
        assert (stranger.status_code, list(stranger.json())) == (401, ["message"])
        assert "Bearer" in stranger.headers["WWW-Authenticate"]
        await them.register("small", plan="pro")
        key = (await them.key("small", "viewer"))["key"]
        barred = await them.ask(key, "GET", path)
        assert (barred.status_code, list(barred.json())) == (403, ["message"])
        granted = await them.ask(ADMINISTRATOR, "PATCH", "/admin/tenants/small", {"entitlements": ["analytics"]})
        assert granted.status_code == 200
        assert (await them.ask(ADMINISTRATOR, "GET", path)).status_code == 400
        nothing = await them.ask(ADMINISTRATOR, "GET", path, params=parameters(view))
        assert (nothing.status_code, nothing.json()) == (200, None if view in BY_VERSION else [])


@pytest.mark.parametrize("role", ["viewer", "worker", "auditor"])
async def test_another_tenant_sees_nothing_of_it_whatever_the_role(database: str, role: str) -> None:
    async with engine_client(database) as client:
        await client.deploy()
        await client.start()
        body = {"id": "rival", "name": "Rival", "plan": "enterprise"}
        await client.ok("POST", "/admin/tenants", body)
        issued = await client.ok("POST", "/admin/keys", {"tenantId": "rival", "role": role, "name": "eye"})
        for view in VIEWS:
            path = f"/incidents/{view}?" + "&".join(f"{n}={v}" for n, v in parameters(view).items())
            theirs = await client.call("GET", path, Authorization=f"Bearer {issued['key']}")
            assert (theirs.status_code, theirs.json()) == (200, None if view in BY_VERSION else [])


@pytest.mark.parametrize("view", VIEWS)
async def test_another_method_is_not_allowed(quiet: Client, view: str) -> None:
    answer = await quiet.call("DELETE", f"/incidents/{view}")
    assert (answer.status_code, list(answer.json())) == (405, ["message"])
    assert "GET" in answer.headers["Allow"]


async def test_every_parameter_is_documented_with_an_example(quiet: Client) -> None:
    paths = (await quiet.ok("GET", "/schema/openapi.json"))["paths"]
    for view in VIEWS:
        operation = paths[f"/incidents/{view}"]["get"]
        documented = {parameter["name"]: parameter for parameter in operation["parameters"]}
        required = {name for name, parameter in documented.items() if parameter["required"]}
        assert required == set(parameters(view))
        assert view == "incident-version-graph" or {"startDate", "endDate"} <= set(documented)
        assert all(parameter["description"] and parameter["schema"]["examples"] for parameter in documented.values())
        assert {"200", "400", "401", "403", "503"} <= set(operation["responses"])


async def test_what_is_kept_of_an_answer_is_told_again_only_until_something_happens(client: Client) -> None:
    def kept() -> float:
        return REGISTRY.get_sample_value("annals_kept_answers_total", {"place": "memory"}) or 0

    before = kept()
    first = [await show(client, view) for view in VIEWS]
    assert kept() == before
    assert [await show(client, view) for view in VIEWS] == first
    assert kept() == before + len(VIEWS)
    assert len(await show(client, "incidents-table", maxResults="1")) == 1
    await client.start()
    (job,) = await client.lock()
    await client.complete(job, error="no money")
    assert (await show(client, "total-counts"))["totalIncidents"] == 4
    assert all(
        earlier != later for earlier, later in zip(first, [await show(client, view) for view in VIEWS], strict=True)
    )
