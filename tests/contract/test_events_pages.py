"""``GET /events``: pages by position, filters, tenants, roles, and what cannot be asked (docs/events.md)."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator

import pytest

from domain.event_types import WantedTypes
from domain.intakes.events import AlertRaised
from domain.timestamps import rfc3339
from infra.event_feed.pages import Bounds, Wanted
from tests.contract.eventing import EventClient, event_client, positions
from tests.contract.feeding import BREACH
from tests.contract.working import MODEL

OPENED = WantedTypes(("incident.opened.v1",))


@pytest.fixture
async def client(database: str) -> AsyncIterator[EventClient]:
    async with event_client(database) as one:
        yield one


async def test_the_log_is_read_from_page_to_page_every_event_once_and_in_order(client: EventClient) -> None:
    await client.noted(25)
    head = await client.node.log.head()
    first = await client.asked("limit=10")
    assert positions(first.json()["events"]) == list(range(1, 11))
    assert (first.json()["next"], first.headers["annals-next"]) == ("10", "10")
    assert first.headers["annals-position"] == str(head)
    assert positions(await client.followed("limit=7")) == list(range(1, head + 1))
    end = await client.events(f"after={head}")
    assert end == {"events": [], "next": str(head)}


async def test_four_writers_append_while_followers_miss_nothing_and_see_nothing_twice(client: EventClient) -> None:
    began = await client.node.log.head()

    async def write(writer: int) -> None:
        for number in range(60):
            await client.appended(f"alert-{writer}", AlertRaised(f"{number}"), expected=number)

    async def follow(query: str) -> list[int]:
        seen: list[int] = []
        after = began
        while len(seen) < 240:
            page = await client.events(f"after={after}&wait=5&{query}")
            seen += positions(page["events"])
            after = int(page["next"])
        return seen

    *_, whole, short = await asyncio.gather(*map(write, range(4)), follow(""), follow("limit=3"))
    assert whole == short == list(range(began + 1, began + 241))


async def test_an_event_is_a_cloud_event(client: EventClient) -> None:
    incident = await client.opened(BREACH)
    (event,) = (await client.events(f"incident={incident}"))["events"]
    fact = (await client.node.log.read(event["subject"]))[0]
    assert event == {
        "specversion": "1.0",
        "id": str(fact.position),
        "source": event["source"],
        "type": "incident.opened.v1",
        "subject": f"incident-{incident[4:]}",
        "time": event["time"],
        "datacontenttype": "application/json",
        "dataschema": "http://annals/events/types/incident.opened.v1",
        "sequence": f"{fact.position:019}",
        "streamversion": 1,
        "recordedtime": event["recordedtime"],
        "tenant": "default",
        "actorkind": "system",
        "actorid": "system",
        "correlationid": fact.correlation_id,
        "data": event["data"],
    }
    assert event["data"]["rule"]["metric"] == "error_rate"
    assert event["source"].startswith("urn:uuid:")
    assert event["time"] == rfc3339(fact.happened_at)
    assert event["recordedtime"] == rfc3339(fact.recorded_at)


async def test_what_caused_an_event_is_told_where_something_did(client: EventClient) -> None:
    await client.deploy()
    await client.start()
    (job,) = await client.lock()
    await client.complete(job, error="no card")
    events = await client.followed()
    assert all(event["actorkind"] and event["correlationid"] for event in events)
    facts = await client.node.log.read_all(0, 1_000)
    assert [event.get("causationid") for event in events] == [fact.causation_id for fact in facts]


async def test_lines_are_answered_where_lines_are_asked_for(client: EventClient) -> None:
    await client.noted(3)
    answer = await client.asked("after=1&limit=3", Accept="application/x-ndjson")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert answer.text.endswith("\n")
    assert positions([json.loads(line) for line in answer.text.splitlines()]) == [2, 3, 4]
    assert answer.headers["annals-next"] == "4"
    for accept in ("application/x-ndjson;q=0", "application/x-ndjson;q=0.1, application/json;q=0.2"):
        refused = await client.asked("limit=3", Accept=accept)
        assert refused.headers["content-type"] == "application/json"


async def test_filters_let_through_what_they_name_and_next_passes_over_the_rest(client: EventClient) -> None:
    await client.noted(50, "alert-a")
    await client.appended("alert-b", BREACH)
    head = await client.noted(50, "alert-c")
    answer = await client.events("type=incident.opened.v1&limit=5")
    assert [event["subject"] for event in answer["events"]] == ["alert-b"]
    assert answer["next"] == str(head)
    both = await client.events("type=incident.opened.v1&type=tenant.registered.v1")
    assert [event["type"] for event in both["events"]] == ["tenant.registered.v1", "incident.opened.v1"]


async def test_a_filter_by_the_first_parts_of_types_lets_through_all_that_begin_so(client: EventClient) -> None:
    await client.opened(BREACH)
    await client.key("viewer")
    whole = await client.followed()
    assert {event["type"] for event in whole} >= {"tenant.registered.v1", "key.issued.v1", "incident.opened.v1"}
    for query, begin in (
        ("type=incident.*", ("incident.",)),
        ("type=incident.opened.*", ("incident.opened.",)),
        ("type=incident.*&type=key.*&type=incident.*", ("incident.", "key.")),
        ("type=key.*&type=tenant.registered.v1", ("key.", "tenant.registered.v1")),
    ):
        wanted = [event for event in whole if event["type"].startswith(begin)]
        assert wanted
        assert await client.followed(f"{query}&limit=1") == wanted
    (subject,) = {event["subject"] for event in whole if event["type"] == "incident.opened.v1"}
    assert [event["type"] for event in await client.followed(f"type=key.*&stream={subject}")] == []
    assert len(await client.followed(f"type=key.*&type=incident.*&stream={subject}")) == 1


async def test_a_filter_by_first_parts_wants_types_that_only_a_later_release_knows(client: EventClient) -> None:
    await client.noted(1)
    later = await client.noted(1)
    await client.node.pools.queries.execute(
        "update log.events set topic = 'incident.foreseen.v1' where notification_id = $1", later
    )
    assert (await client.refused("GET", "/events?type=incident.*"))[0] == 503  # not led past it
    assert await client.followed("type=job.*") == []


async def test_a_stream_is_found_by_the_id_of_what_it_is_about(client: EventClient) -> None:
    await client.deploy()
    started = await client.start()
    incident = await client.opened(BREACH)
    instance = f"{started['partition']}-{started['id']}"
    for given, stream in (
        (incident, f"incident-{incident[4:]}"),
        (f"{started['partition']}/{started['id']}", f"instance-{instance}"),
        (instance, f"instance-{instance}"),
    ):
        told = await client.followed(f"stream={given}")
        assert told == await client.followed(f"stream={stream}")
        assert {event["subject"] for event in told} == {stream}
    assert await client.followed(f"stream={incident}&incident={incident}")
    assert await client.followed(f"stream={instance}&incident={incident}") == []


async def test_a_stream_is_followed_from_any_position(client: EventClient) -> None:
    for turn in range(20):
        await client.noted(1, "alert-a")
        await client.noted(turn % 4 + 1, "alert-b")
    head = await client.node.log.head()
    mine = [fact.position for fact in await client.node.log.read("alert-a")]
    for after in range(head + 1):
        page = await client.events(f"stream=alert-a&after={after}&limit=4")
        expected = [position for position in mine if position > after]
        assert positions(page["events"]) == expected[:4]
        assert int(page["next"]) == (expected[3] if len(expected) >= 4 else head)
    assert positions(await client.followed("stream=alert-a&limit=3")) == mine
    assert positions(await client.followed("stream=alert-a&type=key.issued.v1")) == []


async def test_a_page_looks_at_so_many_facts_and_goes_on_from_there(client: EventClient) -> None:
    await client.noted(200, "alert-a")
    await client.appended("alert-b", BREACH)
    pages = client.node.feed.pages
    bounds = Bounds(facts=100, read=50)
    for wanted in (Wanted("default", OPENED), Wanted("default", process="order")):
        page = await pages.page(wanted, 0, bounds)
        assert (len(page.entries), page.next) == (0, 50)
    page = await pages.page(Wanted("default", OPENED, "alert-a"), 0, bounds)
    assert (len(page.entries), page.next) == (0, (await client.node.log.read("alert-a"))[49].position)


async def test_a_page_ends_at_so_many_bytes_and_holds_one_event_at_least(client: EventClient) -> None:
    began = await client.node.log.head()
    await client.appended("alert-a", *(AlertRaised("x" * 60_000) for _ in range(30)))
    first = await client.events(f"after={began}&limit=1000")
    assert len(first["events"]) == 17
    assert int(first["next"]) == began + 17
    assert len(await client.followed("limit=1000", after=began)) == 30


async def test_a_process_is_followed_through_its_instances_tasks_and_incidents(client: EventClient) -> None:
    await client.deploy()
    await client.deploy(MODEL.replace('id="order"', 'id="other"'), "other")
    await client.start()
    await client.start("other")
    for job in await client.lock():
        await client.complete(job, error="no card")
    events = await client.followed("processKey=order")
    assert {event["subject"].partition("-")[0] for event in events} == {"process", "instance", "incident"}
    others = await client.followed("processKey=other")
    assert not {*positions(events)} & {*positions(others)}
    whole = await client.followed()
    told = [event for event in whole if event["subject"].partition("-")[0] in {"process", "instance", "incident"}]
    assert sorted(positions(events) + positions(others)) == positions(told)
    assert positions(await client.followed("processKey=order&limit=2")) == positions(events)
    failed = await client.followed("processKey=order&type=job.failed.v1")
    assert [event["type"] for event in failed] == ["job.failed.v1"]
    assert await client.followed("processKey=nothing") == []
    assert positions(await client.followed(f"processKey=order&stream={failed[0]['subject']}")) == [
        int(event["id"]) for event in events if event["subject"] == failed[0]["subject"]
    ]
    assert await client.followed(f"processKey=other&stream={failed[0]['subject']}") == []


async def test_a_process_is_found_in_a_stream_that_was_asked_for_before_it_began(client: EventClient) -> None:
    await client.deploy()
    query = f"processKey=order&stream=instance-{client.node.commands.clock.now().date()}-1"
    assert (await client.events(query))["events"] == []
    await client.start()
    assert (await client.events(query))["events"] != []


async def test_a_tenant_is_told_its_own_events_and_nothing_of_others(client: EventClient) -> None:
    key = await client.tenant("acme")
    other = await client.tenant("bravo")
    await client.noted(3, "alert-x", tenant="acme")
    await client.noted(2, "alert-y", tenant="bravo")
    mine = await client.followed(Authorization=key)
    assert {event["tenant"] for event in mine} == {"acme"}
    assert [event["subject"] for event in mine][-3:] == ["alert-x"] * 3
    unknown = await client.events("stream=incident-none", Authorization=key)
    for query in ("stream=alert-y", "stream=alert-y&type=alert.raised.v1", "incident=inc_y"):
        assert await client.events(query, Authorization=key) == unknown
    assert await client.followed("stream=alert-x", Authorization=other) == []
    everyone = [await client.followed(Authorization=one) for one in (key, other)]
    everyone.append(await client.followed())
    seen = sorted(itertools.chain(*map(positions, everyone)))
    assert seen == list(range(1, await client.node.log.head() + 1))
    refused = await client.refused("GET", "/events?tenant=bravo", Authorization=key)
    assert refused[0] == 400


async def test_only_auditors_and_administrators_read_the_log(client: EventClient) -> None:
    found = {}
    for role in ("viewer", "worker", "operator", "auditor", "admin", "owner"):
        key = await client.key(role)
        found[role] = (await client.call("GET", "/events", Authorization=key)).status_code
    assert found == {"viewer": 403, "worker": 403, "operator": 403, "auditor": 200, "admin": 200, "owner": 200}
    assert (await client.call("GET", "/events", Authorization="nobody")).status_code == 401
    assert (await client.call("GET", "/events/stream", Authorization=await client.key("viewer"))).status_code == 403


@pytest.mark.parametrize(
    "query",
    [
        "after=-1",
        "after=x",
        "after=1.0",
        "after=99999999999999999999",
        "after=1&after=2",
        "after=100000",
        "limit=0",
        "limit=1001",
        "limit=ten",
        "wait=31",
        "wait=-1",
        "type=job.lost.v1",
        "type=lost.*",
        "type=job*",
        "type=incident.*&type=*",
        "type=",
        "types=job.failed.v1",
        "stream=",
        "processKey=%00",
        "incident=",
    ],
)
async def test_what_cannot_be_asked_is_told_as_a_problem(client: EventClient, query: str) -> None:
    status, *_ = await client.refused("GET", f"/events?{query}")
    assert status == 400
    if "limit" not in query and "wait" not in query:
        assert (await client.refused("GET", f"/events/stream?{query}"))[0] == 400


async def test_the_types_of_events_are_where_the_log_was_asked_and_what_is_no_host_is_refused(
    client: EventClient,
) -> None:
    for host in ("annals.example", "annals.example:8443", "[::1]:8080", "127.0.0.1"):
        (event,) = (await client.events("limit=1", Host=host))["events"]
        assert event["dataschema"].startswith(f"http://{host}/events/types/")
    for path in ("/events", "/events/1", "/events/stream", "/admin/intakes"):
        for host in ("[", "annals:port", "annals:99999", "someone:secret@annals", "%00", "x" * 300):
            status, *_, detail = await client.refused("GET", path, Host=host)
            assert (status, "Host" in detail) == (400, True), (path, host)


async def test_an_incident_that_is_none_or_another_ones_has_no_events(client: EventClient) -> None:
    incident = await client.opened(BREACH)
    head = str(await client.node.log.head())
    for query in ("incident=inc_nothing", "incident=x", f"incident={incident}&stream=alert-a"):
        assert await client.events(query) == {"events": [], "next": head}
    assert len((await client.events(f"incident={incident}&stream=incident-{incident[4:]}"))["events"]) == 1
