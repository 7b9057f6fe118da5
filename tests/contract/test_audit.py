"""``GET /audit``: who did what to what, filters, tenants, lines of any length, bad input (docs/audit.md)."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx import Response

from api.audit import exporting
from api.log.seats import Seats
from domain.incidents.events import IncidentAcknowledged
from domain.incidents.status import Status
from domain.timestamps import rfc3339
from infra.event_feed.pages import Bounds
from tests.contract.eventing import EventClient, event_client
from tests.contract.feeding import BREACH, FEED


class AuditClient(EventClient):
    """Audits the log with the owner's key unless it is told otherwise."""

    async def audit(self, query: str = "", **headers: str) -> Any:
        return await self.ok("GET", f"/audit?{query}", **headers)

    async def audited(self, query: str = "", **headers: str) -> Response:
        answer = await self.call("GET", f"/audit?{query}", **headers)
        assert answer.status_code == 200, answer.text
        return answer

    async def trail(self, query: str = "", **headers: str) -> list[Any]:
        """Go from page to page until the end of the log."""
        found: list[Any] = []
        after = 0
        while True:
            answer = await self.audited(f"after={after}&{query}", **headers)
            page = answer.json()
            found += page["entries"]
            after = page["next"]
            assert answer.headers["annals-next"] == str(after)
            if after == int(answer.headers["annals-position"]):
                return found


def places(entries: list[Any]) -> list[int]:
    return [entry["position"] for entry in entries]


@pytest.fixture
async def client(database: str) -> AsyncIterator[AuditClient]:
    async with event_client(database) as one:
        yield AuditClient(one.node, one.http)


@pytest.fixture(scope="module")
async def shared(shared_database: str) -> AsyncIterator[AuditClient]:
    """Return a client for tests that look at nothing but what they made themselves."""
    async with event_client(shared_database) as one:
        yield AuditClient(one.node, one.http)


async def test_an_entry_says_who_did_what_to_what_and_when_and_why(client: AuditClient) -> None:
    key = await client.key("operator", name="responder")
    incident = (await client.created())["incidentId"]
    await client.ok("PATCH", f"{FEED}/{incident}", {"status": "investigating"}, Authorization=key)
    *_, entry = await client.trail()
    fact = (await client.node.log.read(f"incident-{incident[4:]}"))[-1]
    assert entry == {
        "position": fact.position,
        "at": rfc3339(fact.happened_at),
        "recordedAt": rfc3339(fact.recorded_at),
        "actor": {"kind": "api_key", "id": "key:responder"},
        "action": "incident.status_changed.v1",
        "subject": {
            "stream": f"incident-{incident[4:]}",
            "id": incident,
            "path": f"/v1/incidents/{incident}/history",
        },
        "correlationId": fact.correlation_id,
        "causationId": None,
        "cause": None,
        "summary": entry["summary"],
    }
    assert entry["summary"].endswith(".")
    assert len((await client.ok("GET", entry["subject"]["path"]))["history"]) == 2


async def test_every_event_of_the_tenant_has_an_entry_in_the_order_of_positions(client: AuditClient) -> None:
    await client.deploy()
    await client.start()
    (job,) = await client.lock()
    await client.complete(job, error="no card")
    head = await client.node.log.head()
    assert places(await client.trail("limit=3")) == list(range(1, head + 1))
    assert {entry["summary"] for entry in await client.trail()} - {""}
    for entry in await client.trail():
        if entry["subject"].get("path"):
            assert (await client.call("GET", entry["subject"]["path"])).status_code == 200


async def test_the_cause_of_an_entry_is_one_step_away(client: AuditClient) -> None:
    await client.deploy()
    await client.start()
    (job,) = await client.lock()
    await client.complete(job, error="no card")
    (opened,) = await client.trail("action=incident.opened")
    assert opened["cause"]["type"] == "job.failed.v1"
    event = await client.ok("GET", opened["cause"]["path"])
    assert (event["type"], event["subject"]) == ("job.failed.v1", opened["cause"]["stream"])


async def test_filters_let_through_what_they_name(client: AuditClient) -> None:
    incident = await client.opened(BREACH)
    await client.key("viewer", name="eye")
    taken = await client.appended(f"incident-{incident[4:]}", IncidentAcknowledged(before=Status.OPEN))
    whole = await client.trail()
    assert places(await client.trail("action=incident.*")) == [
        entry["position"] for entry in whole if entry["action"].startswith("incident.")
    ]
    assert places(await client.trail("action=incident.acknowledged")) == [taken]
    assert places(await client.trail("action=incident.acknowledged.v1")) == [taken]
    for subject in (incident, f"incident-{incident[4:]}"):
        assert places(await client.trail(f"subject={subject}&limit=1")) == [
            entry["position"] for entry in whole if entry["subject"]["stream"] == f"incident-{incident[4:]}"
        ]
    assert places(await client.trail("actorKind=system&actor=system")) == [
        entry["position"] for entry in whole if entry["actor"] == {"kind": "system", "id": "system"}
    ]
    assert await client.trail("actor=system&actorKind=user") == []
    assert await client.trail(f"subject={incident}&action=key.*") == []


async def test_a_process_instance_is_a_subject_by_its_partition_and_id(client: AuditClient) -> None:
    await client.deploy()
    started = await client.start()
    entries = await client.trail(f"subject={started['partition']}/{started['id']}")
    assert {entry["subject"]["id"] for entry in entries} == {f"{started['partition']}/{started['id']}"}
    assert len(entries) > 3


async def test_times_are_those_of_recording_and_need_no_index(client: AuditClient) -> None:
    """A log of three days, made so by hand; an hour is looked for in it, from page to page."""
    await client.noted(300)
    head = await client.node.log.head()
    await client.node.pools.commands.execute(
        "update log.events set recorded_at = '2026-01-01T00:00:00Z'::timestamptz + notification_id * interval '15 min'"
    )

    def recorded(first: int, last: int) -> list[int]:
        return [position for position in range(1, head + 1) if first <= position < last]

    assert places(await client.trail("from=2026-01-02T00:00:00Z&to=2026-01-02T01:00:00Z")) == recorded(96, 100)
    assert places(await client.trail("from=2026-01-02T01:00:00%2B01:00&limit=7")) == recorded(96, head + 1)
    assert places(await client.trail("to=2026-01-01T01:00:00&limit=2")) == recorded(1, 4)
    assert places(await client.trail("from=2026-01-02T00:00:00Z&subject=alert-a&to=2026-01-03T00:00:00Z")) == (
        recorded(96, 192)
    )
    assert await client.trail("from=2030-01-01T00:00:00Z") == []
    assert await client.trail("to=2020-01-01T00:00:00Z") == []
    assert await client.trail("from=0001-01-01T00:00:00Z&to=0001-01-02T00:00:00Z") == []
    assert await client.trail("from=9999-12-31T23:00:00Z") == []
    first = await client.audit("from=2026-01-02T00:00:00Z&limit=2")
    assert places(first["entries"]) == [96, 97]
    assert (await client.audit("to=2026-01-01T01:00:00Z"))["next"] == head


async def test_clocks_that_differ_by_minutes_hide_no_entry(client: AuditClient) -> None:
    await client.noted(200)
    await client.node.pools.commands.execute(
        "update log.events set recorded_at = '2026-01-01T00:00:00Z'::timestamptz + notification_id * interval '10 s'"
        " + case when notification_id % 2 = 0 then interval '5 min' else interval '-5 min' end"
    )
    whole = await client.trail()
    for since, until in (("00:05:00", "00:10:00"), ("00:20:00", "00:21:00"), ("00:00:00", "00:04:00")):
        expected = [
            entry["position"]
            for entry in whole
            if f"2026-01-01T{since}Z" <= entry["recordedAt"] < f"2026-01-01T{until}Z"
        ]
        assert expected
        assert places(await client.trail(f"from=2026-01-01T{since}Z&to=2026-01-01T{until}Z")) == expected


async def test_a_page_looks_at_so_many_events_and_goes_on_from_there(
    client: AuditClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.noted(120)
    await client.opened(BREACH)
    monkeypatch.setattr("api.audit.controllers.BOUNDS", Bounds(facts=100, read=30))
    page = await client.audit("action=incident.opened")
    assert (page["entries"], page["next"]) == ([], 30)
    assert len(await client.trail("action=incident.opened")) == 1
    assert len(await client.trail("subject=alert-a&action=incident.*")) == 0


async def test_lines_tell_everything_in_one_answer(client: AuditClient, monkeypatch: pytest.MonkeyPatch) -> None:
    await client.noted(60)
    await client.opened(BREACH)
    whole = await client.trail()
    monkeypatch.setattr(exporting, "AT_ONCE", Bounds(facts=7, read=20))
    for query, headers in (("format=ndjson", {}), ("", {"Accept": "application/x-ndjson"})):
        answer = await client.audited(query, **headers)
        assert answer.headers["content-type"] == "application/x-ndjson; charset=utf-8"
        assert [json.loads(line) for line in answer.text.splitlines()] == whole
    for query, headers in (("format=csv", {}), ("", {"Accept": "text/csv"})):
        answer = await client.audited(query, **headers)
        assert answer.headers["content-disposition"] == 'attachment; filename="audit.csv"'
        assert answer.headers["x-content-type-options"] == "nosniff"
        rows = list(csv.DictReader(io.StringIO(answer.text, newline=""), strict=True))
        assert [int(row["position"]) for row in rows] == places(whole)
        assert [row["actorId"] for row in rows] == [entry["actor"]["id"] for entry in whole]
    few = await client.audited("format=csv&limit=10&after=3&action=alert.*")
    assert len(few.text.splitlines()) == 11
    assert (await client.audited("format=ndjson&action=check.*")).text == ""
    assert (await client.audited("format=csv&action=check.*")).text.count("\r\n") == 1
    assert (await client.audited("format=json", Accept="text/csv")).json()["entries"] == whole[:100]
    assert (await client.audited("", Accept="text/csv;q=0, application/json;q=0.5")).json()["entries"] == whole[:100]


@pytest.mark.parametrize(
    "text",
    ['=HYPERLINK("http://evil.example";"open")', "+1+1", "-2+3", "@SUM(A1)", "\uff1d1+1", " =1+1", "%0a", "|calc"],
)
async def test_a_cell_is_never_a_formula(shared: AuditClient, text: str) -> None:
    await shared.node.pools.commands.execute("update log.events set actor_id = $1 where notification_id = 2", text)
    answer = await shared.audited("format=csv")
    row = list(csv.DictReader(io.StringIO(answer.text, newline=""), strict=True))[1]
    assert row["actorId"] == f"'{text}"
    (entry,) = (await shared.audit("after=1&limit=1"))["entries"]
    assert entry["actor"]["id"] == text, "JSON is exact"


async def test_a_cell_holds_quotes_commas_and_lines(shared: AuditClient) -> None:
    text = 'a"b,c\r\nd;\u00e4\u2028'
    await shared.node.pools.commands.execute("update log.events set actor_id = $1 where notification_id = 2", text)
    answer = await shared.audited("format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode(), newline=""), strict=True))
    assert rows[1]["actorId"] == text


async def test_a_tenant_is_told_its_own_deeds_and_nothing_of_others(client: AuditClient) -> None:
    key, other = await client.tenant("acme"), await client.tenant("bravo")
    await client.noted(3, "alert-x", tenant="acme")
    await client.noted(2, "alert-y", tenant="bravo")
    incident = await client.opened(BREACH, tenant="bravo")
    theirs = await client.trail(Authorization=other)
    mine = await client.trail(Authorization=key)
    assert not set(places(mine)) & set(places(theirs))
    assert [entry["subject"]["stream"] for entry in mine][-3:] == ["alert-x"] * 3
    unknown = await client.audit("subject=alert-nothing", Authorization=key)
    for query in (
        "subject=alert-y",
        f"subject={incident}",
        f"subject=incident-{incident[4:]}",
        "subject=tenant-bravo",
        "actor=key:robot&subject=alert-y",
    ):
        assert await client.audit(query, Authorization=key) == unknown, query
        assert (await client.audited(f"{query}&format=ndjson", Authorization=key)).text == ""
    everyone = places(mine) + places(theirs) + places(await client.trail())
    assert sorted(everyone) == list(range(1, await client.node.log.head() + 1))


async def test_an_event_that_cannot_be_read_is_told_by_its_envelope(client: AuditClient) -> None:
    await client.noted(3)
    head = await client.node.log.head()
    await client.node.pools.commands.execute(
        "update log.events set topic = 'job.vanished.v9', state = '{}' where notification_id = $1", head - 1
    )
    entries = await client.trail()
    assert places(entries) == list(range(1, head + 1))
    assert entries[-2]["action"] == "job.vanished.v9"
    assert entries[-2]["summary"].startswith("An event that this release cannot read")


async def test_a_gap_in_the_log_hides_nothing_else(client: AuditClient) -> None:
    await client.noted(40)
    head = await client.node.log.head()
    await client.node.pools.commands.execute("delete from log.events where notification_id = any ($1)", [5, head // 2])
    left = [position for position in range(1, head + 1) if position not in (5, head // 2)]
    assert places(await client.trail("limit=9")) == left


async def test_the_head_is_served_for_whoever_keeps_it(client: AuditClient) -> None:
    before = await client.ok("GET", "/audit/head")
    assert before["head"] == f"{before['position']}:{before['hash']}"
    async with asyncio.timeout(60):  # the node chains by itself, when it has the lease, once a second
        after = before
        while after["position"] < await client.node.log.head():
            await asyncio.sleep(0.05)
            after = await client.ok("GET", "/audit/head")
    assert len(bytes.fromhex(after["hash"])) == 32
    assert after["at"].endswith("Z")
    assert (await client.refused("GET", "/audit/head?position=1"))[0] == 400


async def test_only_auditors_and_administrators_audit(shared: AuditClient) -> None:
    for role in ("viewer", "worker", "operator", "auditor", "admin", "owner"):
        key = await shared.key(role)
        for path in ("/audit", "/audit?format=csv", "/audit/head"):
            found = (await shared.call("GET", path, Authorization=key)).status_code
            assert found == (200 if role in {"auditor", "admin", "owner"} else 403), (role, path)
    assert (await shared.call("GET", "/audit", Authorization="nobody")).status_code == 401


async def test_exports_take_turns(shared: AuditClient, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = Seats.taken
    monkeypatch.setattr(Seats, "taken", lambda _, credential: taken(Seats(most_of_one=0), credential))
    refused = await shared.call("GET", "/audit?format=csv")
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert (await shared.call("GET", "/audit")).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "after=-1",
        "after=x",
        "after=99999999999999999999",
        "after=100000",
        "after=1&after=2",
        "limit=0",
        "limit=1001",
        "limit=ten",
        "format=xml",
        "format=",
        "actorKind=god",
        "actor=",
        "actor=%00",
        "action=job.lost.v1",
        "action=job.*.v1",
        "action=*",
        "action=.*",
        "action=job.failed.v1%00",
        "subject=",
        "subject=%0a",
        "from=yesterday",
        "from=2026-13-01T00:00:00Z",
        "from=0001-01-01T00:00:00%2B10:00",
        "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
        "to=2026-01-01",
        "tenant=acme",
        "types=job.failed.v1",
    ],
)
async def test_what_cannot_be_asked_is_told_as_a_problem(shared: AuditClient, query: str) -> None:
    assert (await shared.refused("GET", f"/audit?{query}"))[0] == 400
    if "limit" not in query and "format" not in query:
        assert (await shared.refused("GET", f"/audit?{query}&format=csv"))[0] == 400
