"""``GET /events/{position}``: one event by its place, where causes lead (docs/events.md)."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from domain.access.roles import ROLES
from tests.contract.eventing import EventClient, event_client

UNKNOWN = "there is no event at position"


@pytest.fixture(scope="module")
async def client(shared_database: str) -> AsyncIterator[EventClient]:
    async with event_client(shared_database) as one:
        await one.ok("POST", "/admin/tenants", {"id": "acme", "name": "Acme", "plan": "enterprise"})
        yield one


async def test_an_event_is_what_pages_tell_of_it(client: EventClient) -> None:
    await client.noted(3)
    page = await client.events("limit=1000")
    assert len(page["events"]) > 3
    for event in page["events"]:
        answer = await client.call("GET", f"/events/{event['id']}")
        assert answer.json() == event
        assert answer.headers["content-type"] == "application/cloudevents+json"
        assert answer.headers["cache-control"] == "no-store"


async def test_what_never_leaves_does_not_leave_by_its_position_either(client: EventClient) -> None:
    await client.ok("POST", "/admin/keys", {"tenantId": "default", "role": "auditor", "name": "eye"})
    events = (await client.events("limit=1000&type=key.issued.v1"))["events"]
    answers = [await client.ok("GET", f"/events/{event['id']}") for event in events]
    assert answers
    assert all("key_hash" not in event["data"] for event in answers)


async def test_another_tenants_event_is_answered_like_one_that_is_not_there(client: EventClient) -> None:
    position = await client.noted(1, tenant="acme", stream="alert-of-acme")
    nowhere = 10**18
    foreign, unknown = [await client.call("GET", f"/events/{place}") for place in (position, nowhere)]
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.text.replace(str(position), "#") == unknown.text.replace(str(nowhere), "#")
    theirs = await client.key("auditor", "acme")
    assert (await client.ok("GET", f"/events/{position}", Authorization=theirs))["tenant"] == "acme"
    for mine in (1, 2):
        refused = await client.refused("GET", f"/events/{mine}", Authorization=theirs)
        assert refused == (404, "NOT_FOUND", "failed to find event", f"{UNKNOWN} {mine}")


@pytest.mark.parametrize("position", ["0", "9223372036854775807", "999999999", "000000000000000999"])
async def test_where_nothing_is_nothing_is_found(client: EventClient, position: str) -> None:
    assert (await client.refused("GET", f"/events/{position}"))[:2] == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "position",
    [
        "x",
        "-1",
        "+1",
        "1.0",
        "1e3",
        "0x1",
        "9223372036854775808",
        "1" * 40,
        "%00",
        "1%00",
        "%20",
        "1%20",
        "٣",
        "1;2",
        "type",
    ],
)
async def test_what_is_no_position_is_refused(client: EventClient, position: str) -> None:
    status, kind, _, detail = await client.refused("GET", f"/events/{position}")
    assert (status, kind) == (400, "HTTP_REQUEST_URI")
    assert detail == "parameter position must be a whole number from 0 to 9223372036854775807"


async def test_a_filter_is_refused_here(client: EventClient) -> None:
    for query in ("type=key.issued.v1", "after=1", "x="):
        assert (await client.refused("GET", f"/events/1?{query}"))[0] == 400


async def test_only_those_who_read_the_log_read_an_event(client: EventClient) -> None:
    allowed = set()
    for role in ROLES:
        answer = await client.call("GET", "/events/1", Authorization=await client.key(role))
        if answer.status_code == 200:
            allowed.add(role)
        else:
            assert answer.status_code == 403
    assert allowed == {"auditor", "admin", "owner"}
    assert (await client.http.get("/events/1")).status_code == 401


async def test_one_that_cannot_be_read_is_told_to_its_tenant_alone(client: EventClient, shared_database: str) -> None:
    mine = await client.noted(1, stream="alert-mine")
    theirs = await client.noted(1, tenant="acme", stream="alert-theirs")
    connection = await asyncpg.connect(shared_database)
    change = "update log.events set topic = $2 where notification_id = any($1)"
    await connection.execute(change, [mine, theirs], "alert.dreamt.v9")
    try:
        status, _, _, detail = await client.refused("GET", f"/events/{mine}")
        assert (status, detail.partition(": ")[0]) == (503, f"the event at position {mine}")
        assert (await client.refused("GET", f"/events/{theirs}"))[3] == f"{UNKNOWN} {theirs}"
    finally:
        await connection.execute(change, [mine, theirs], "alert.raised.v1")
        await connection.close()
    assert (await client.ok("GET", f"/events/{mine}"))["id"] == str(mine)
