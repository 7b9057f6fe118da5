"""An incident's canonical history, whichever API its facts came through (contracts/incidents.md 0.6)."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
from httpx import RemoteProtocolError

from api.feed.history import PART
from domain.incidents.events import IncidentNoteAdded, IncidentSeverityChanged
from tests.contract.feeding import BREACH, DESCRIPTION, FEED, TITLE, FeedClient, feed_client
from tests.contract.working import served_engine

MEMBERS = {
    "position",
    "version",
    "type",
    "happenedAt",
    "recordedAt",
    "actor",
    "causationId",
    "correlationId",
    "data",
}

#: Beyond the contract.
OURS = {"cause", "state"}


@pytest.fixture
async def feed(database: str) -> AsyncIterator[FeedClient]:
    async with feed_client(database, set_time_enabled=True) as client:
        yield client


async def test_it_tells_every_fact_the_oldest_first_with_its_envelope(feed: FeedClient) -> None:
    operator = await feed.key("operator", name="ops")
    incident = (await feed.created())["incidentId"]
    await feed.moved(incident, "triaging", Authorization=operator)
    await feed.rated(incident, "high")
    await feed.moved(incident, "resolved")
    history = await feed.history(incident)
    assert all(set(entry) == MEMBERS | OURS for entry in history)
    assert [entry["version"] for entry in history] == [1, 2, 3, 4]
    assert [(entry["type"], entry["data"]) for entry in history] == [
        (
            "incident.opened",
            {"source": "manual", "severity": 2, "title": TITLE, "error_message": DESCRIPTION, "failure_count": 1},
        ),
        ("incident.status_changed", {"before": "open", "after": "triaging"}),
        ("incident.severity_changed", {"before": 2, "after": 3}),
        ("incident.resolved", {"how": "manual", "before": "triaging"}),
    ]
    us, ops = ({"kind": "api_key", "id": f"key:{name}"} for name in ("bootstrap", "ops"))
    assert [entry["actor"] for entry in history] == [us, ops, us, us]
    positions = [entry["position"] for entry in history]
    assert positions == sorted(set(positions))
    assert len({entry["correlationId"] for entry in history}) == 4
    assert [entry["causationId"] for entry in history] == [entry["correlationId"] for entry in history]


async def test_each_fact_comes_with_the_state_after_it(feed: FeedClient) -> None:
    incident = (await feed.created())["incidentId"]
    await feed.moved(incident, "triaging")
    await feed.rated(incident, "critical")
    await feed.moved(incident, "resolved")
    states = [entry["state"] for entry in await feed.history(incident)]
    assert [(state["status"], state["severity"]) for state in states] == [
        ("open", 2),
        ("triaging", 2),
        ("triaging", 4),
        ("resolved", 4),
    ]
    assert {state["tenant"] for state in states} == {"default"}


async def test_what_a_failed_job_opened_leads_to_the_failure_in_the_log(feed: FeedClient) -> None:
    await feed.deploy()
    await feed.start()
    (job,) = await feed.lock()
    await feed.complete(job, error="the card was refused")
    (row,) = (await feed.page())["incidents"]
    (opened,) = await feed.history(row["incidentId"])
    cause = opened["cause"]
    assert opened["causationId"] == f"{cause['stream']}/{cause['version']}"
    assert (cause["type"], cause["path"]) == ("job.failed.v1", f"/events/{cause['position']}")
    event = await feed.ok("GET", cause["path"])
    assert (event["data"]["error"], event["correlationid"]) == ("the card was refused", opened["correlationId"])


async def test_what_somebody_asked_for_has_no_fact_as_its_cause(feed: FeedClient) -> None:
    incident = (await feed.created())["incidentId"]
    await feed.moved(incident, "closed")
    assert [entry["cause"] for entry in await feed.history(incident)] == [None, None]


async def test_it_happened_in_engine_time_and_was_recorded_by_the_clock_on_the_wall(feed: FeedClient) -> None:
    incident = (await feed.created())["incidentId"]
    await feed.ok("PATCH", "/time", {"timeDuration": "PT36H"})
    await feed.moved(incident, "closed")
    opened, closed = await feed.history(incident)
    for fact, hours in ((opened, 0), (closed, 36)):
        ahead = moment(fact["happenedAt"]) - moment(fact["recordedAt"])
        assert abs(ahead - timedelta(hours=hours)) < timedelta(minutes=1)
    assert (await feed.shown(incident))["closedAt"] == closed["happenedAt"][:19] + "Z"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_a_fact_of_a_policy_tells_what_caused_it(feed: FeedClient) -> None:
    incident = await feed.opened(BREACH)
    (opened,) = await feed.history(incident)
    assert opened["actor"] == {"kind": "system", "id": "system"}
    assert opened["data"]["rule"]["metric"] == "error_rate"
    assert opened["data"]["rule"]["scope"] == {"modelKey": "gpt"}


async def test_a_history_longer_than_a_part_is_told_without_a_gap(feed: FeedClient) -> None:
    for facts in (PART - 2, 1, 1, 2 * PART + 1):
        incident = await feed.opened(BREACH, *[IncidentNoteAdded(f"note {number}") for number in range(facts)])
        history = await feed.history(incident)
        assert [entry["version"] for entry in history] == list(range(1, facts + 2))
        assert [entry["data"]["text"] for entry in history[1:]] == [f"note {number}" for number in range(facts)]
    for facts in (PART, 2 * PART):
        incident = await feed.opened(BREACH, *[IncidentSeverityChanged(4, 3)] * (facts - 1))
        assert len(await feed.history(incident)) == facts


async def test_a_long_history_comes_in_parts_over_tcp(database: str) -> None:
    async with served_engine(database) as client:
        body = {"title": TITLE, "description": DESCRIPTION}
        incident = (await client.ok("POST", FEED, body))["incidentId"]
        for number in range(PART + 3):
            await client.ok("PATCH", f"{FEED}/{incident}/severity", {"severity": ("low", "high")[number % 2]})
        answer = await client.call("GET", f"{FEED}/{incident}/history")
        assert answer.headers["transfer-encoding"] == "chunked"
        assert answer.headers["content-type"] == "application/json"
        told = answer.json()
        assert (told["count"], len(told["history"])) == (PART + 4, PART + 4)
        assert (await client.ok("GET", f"{FEED}/{incident}"))["severity"] == "low"  # the connection goes on
        await spoil(database, incident, PART + 2)
        with pytest.raises(RemoteProtocolError):  # what was sent of it does not look like the whole
            await client.call("GET", f"{FEED}/{incident}/history")


async def test_one_whose_beginning_cannot_be_read_is_refused_with_its_place_in_the_log(
    feed: FeedClient, database: str
) -> None:
    incident = (await feed.created())["incidentId"]
    (opened,) = await feed.history(incident)
    await spoil(database, incident, 1)
    status, code, message = await feed.error("GET", f"{FEED}/{incident}/history")
    assert (status, code) == (503, "unavailable")
    assert f"the event at position {opened['position']}" in message


async def spoil(database: str, incident: str, version: int) -> None:
    """Have a fact in the log that nobody can read."""
    connection = await asyncpg.connect(database)
    stream = f"incident-{incident.removeprefix('inc_')}"
    where = "where originator_id = $1 and originator_version = $2"
    await connection.execute(f"update log.events set state = 'nonsense' {where}", stream, version)
    await connection.close()


async def test_what_people_write_is_told_so_that_no_page_stumbles_on_it(feed: FeedClient) -> None:
    text = "<b>\u2028</b> & \"'\\ 💣"
    incident = await feed.opened(BREACH, IncidentNoteAdded(text))
    raw = await feed.call("GET", f"{FEED}/{incident}/history")
    assert not {"<", "&", "\u2028"} & set(raw.text)
    assert raw.json()["history"][1]["data"] == {"text": text}


async def test_it_comes_after_what_was_written_before(feed: FeedClient) -> None:
    incident = await feed.opened(BREACH)
    versions: list[Any] = []
    for word in ("triaging", "investigating", "remediating", "resolved", "closed"):
        await feed.moved(incident, word)
        versions.append((await feed.history(incident))[-1]["version"])
    assert versions == [2, 3, 4, 5, 6]
