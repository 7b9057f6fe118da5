"""Incidents of processes in the feed: whatever ends one has the job tried again, once (contracts/incidents.md 0.2)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.bpmn.events import JobFailed, ProcessInstanceCanceled
from tests.contract.feeding import FEED, FeedClient, feed_client
from tests.contract.following import follow
from tests.contract.working import place

WORK = ("open", "triaging", "investigating", "awaiting_approval", "remediating")
WORDS = (*WORK, "resolved", "closed")


@pytest.fixture
async def feed(database: str) -> AsyncIterator[FeedClient]:
    """Have a job of a process fail with no retries left."""
    async with feed_client(database) as client:
        await client.deploy()
        await client.start()
        (job,) = await client.lock()
        await client.complete(job, error="no money")
        yield client


async def only(feed: FeedClient) -> Any:
    (row,) = (await feed.page())["incidents"]
    return row


async def refused(feed: FeedClient, incident: str, word: str) -> Any:
    answer = await feed.call("PATCH", f"{FEED}/{incident}", {"status": word})
    assert answer.status_code == 409, answer.text
    return answer.json()["details"]["allowed"]


async def test_it_is_shown_with_where_the_process_broke(feed: FeedClient) -> None:
    (of_engine,) = await feed.rows("incidents")
    row = await only(feed)
    title = "Pay <now> failed in order 1"
    assert (row["title"], row["severity"], row["status"], row["source"]) == (title, "medium", "open", "automated")
    shown = await feed.shown(row["incidentId"])
    assert shown.items() >= row.items()
    assert shown["description"] == "no money"
    assert shown["createdBy"] == "worker"
    assert shown["cause"] == {
        "kind": "process",
        "processKey": "order",
        "version": "1",
        "activityId": "pay",
        "processInstance": f"{of_engine['partition']}/{of_engine['processInstanceId']}",
        "engineIncident": f"{of_engine['partition']}/{of_engine['id']}",
    }
    (opened,) = await feed.history(row["incidentId"])
    assert (opened["type"], opened["actor"]) == ("incident.opened", {"kind": "worker", "id": "worker"})
    assert opened["data"]["process"]["incident_id"] == of_engine["id"]


async def test_its_history_names_the_facts_that_raised_and_ended_it(feed: FeedClient) -> None:
    incident = (await only(feed))["incidentId"]
    (instance,) = await feed.rows("process-instances")
    stream = f"instance-{instance['partition']}-{instance['id']}"
    await feed.moved(incident, "investigating")
    path = f"/process-instances/{instance['partition']}/{instance['id']}/cancel"
    await feed.ok("PATCH", path, {"workerId": "on-call"})
    opened, moved, canceled = await feed.history(incident)
    facts = {f"{fact.stream}/{fact.version}": fact.event for fact in await feed.node.log.read(stream)}
    assert type(facts[opened["causationId"]]) is JobFailed
    assert type(facts[canceled["causationId"]]) is ProcessInstanceCanceled
    assert moved["causationId"] == moved["correlationId"]


async def test_resolving_it_has_the_job_tried_again_once(feed: FeedClient) -> None:
    incident = (await only(feed))["incidentId"]
    await feed.moved(incident, "investigating")
    assert not await feed.lock()
    resolved = await feed.moved(incident, "resolved")
    assert (resolved["status"], resolved["resolvedBy"]) == ("resolved", "key:bootstrap")
    assert (await feed.rows("incidents"))[0]["resolvedBy"] == "key:bootstrap"
    assert await refused(feed, incident, "resolved") == ["closed"]
    await feed.moved(incident, "closed")
    (job,) = await feed.lock()
    await feed.complete(job)
    assert [row["state"] for row in await feed.rows("process-instances")] == ["COMPLETED"]
    resolution = (await feed.history(incident))[2]
    assert (resolution["type"], resolution["data"]) == (
        "incident.resolved",
        {"how": "retry", "before": "investigating"},
    )


@pytest.mark.parametrize("status", WORK)
async def test_closing_it_unresolved_resolves_it_first_and_has_the_job_tried_again(
    feed: FeedClient, status: str
) -> None:
    incident = (await only(feed))["incidentId"]
    if status != "open":
        await feed.moved(incident, status)
    closed = await feed.moved(incident, "closed")
    assert closed["resolvedAt"] == closed["closedAt"] == closed["updatedAt"]
    ends = (await feed.history(incident))[-2:]
    assert [(end["type"], end["data"]["before"]) for end in ends] == [
        ("incident.resolved", status),
        ("incident.closed", "resolved"),
    ]
    assert ends[0]["correlationId"] == ends[1]["correlationId"]
    assert len(await feed.lock()) == 1
    assert not await feed.lock()
    assert "resolvedAt" in (await feed.rows("incidents"))[0]


async def test_what_the_engine_has_resolved_cannot_be_resolved_again(feed: FeedClient) -> None:
    incident = (await only(feed))["incidentId"]
    (of_engine,) = await feed.rows("incidents")
    await feed.ok("PATCH", f"{place('incidents', of_engine)}/resolve", {"workerId": "ada"})
    assert await refused(feed, incident, "resolved") == ["closed"]
    shown = await feed.shown(incident)
    assert (shown["status"], shown["resolvedBy"]) == ("resolved", "ada")
    await feed.moved(incident, "closed")
    assert len(await feed.lock()) == 1


async def test_it_is_never_reopened_a_new_failure_opens_a_new_one_linked_to_it(feed: FeedClient) -> None:
    first = (await only(feed))["incidentId"]
    for word, allowed in (("resolved", ["closed"]), ("closed", [])):
        await feed.moved(first, word)
        assert [await refused(feed, first, back) for back in WORK] == [allowed] * len(WORK)
    (job,) = await feed.lock()
    await feed.complete(job, error="no money again")
    second, row = (await feed.page())["incidents"]
    assert row["incidentId"] == first
    assert (await feed.shown(second["incidentId"]))["previousIncidentId"] == first
    assert (await feed.shown(first))["previousIncidentId"] is None


async def test_one_whose_instance_was_canceled_refuses_every_move(feed: FeedClient) -> None:
    incident = (await only(feed))["incidentId"]
    (instance,) = await feed.rows("process-instances")
    await feed.ok("PATCH", f"{place('process-instances', instance)}/cancel", {"workerId": "ada"})
    shown = await feed.shown(incident)
    assert (shown["status"], shown["resolvedAt"], shown["resolvedBy"]) == ("closed", None, None)
    assert shown["closedAt"] == shown["updatedAt"]
    for word in WORDS:
        assert await refused(feed, incident, word) == []
    assert (await feed.error("PATCH", f"{FEED}/{incident}/severity", {"severity": "low"}))[0] == 409
    history = await feed.history(incident)
    assert [entry["type"] for entry in history] == ["incident.opened", "incident.canceled"]
    assert not await feed.lock()


async def test_merging_it_into_another_one_has_the_job_tried_again(feed: FeedClient) -> None:
    incident = (await only(feed))["incidentId"]
    into = (await feed.created())["incidentId"]
    merged = await feed.merged(incident, into)
    assert (merged["status"], merged["mergedInto"], merged["resolvedBy"]) == ("closed", into, "key:bootstrap")
    assert len(await feed.lock()) == 1
    assert (await feed.shown(into))["status"] == "open"


async def test_of_two_processes_each_has_its_own(feed: FeedClient) -> None:
    again = await follow(feed, "order")
    await feed.complete(await again.job("pay"), error="no money either")
    newest, oldest = (await feed.page())["incidents"]
    await feed.moved(newest["incidentId"], "resolved")
    assert (await feed.shown(oldest["incidentId"]))["status"] == "open"
    (job,) = await feed.lock()
    assert job["processInstanceId"] == again.id
