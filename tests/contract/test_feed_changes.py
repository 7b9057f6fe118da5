"""Rating incidents in the feed, and merging duplicates (contracts/incidents.md 0.6)."""

from collections.abc import AsyncIterator
from itertools import product
from typing import Any

import pytest

from domain.incidents.events import IncidentReopened
from domain.incidents.status import Status
from tests.contract.feeding import BREACH, FEED, OUTAGE, FeedClient, feed_client
from tests.contract.tracking import WAYS


@pytest.fixture(scope="module")
async def feed(shared_database: str) -> AsyncIterator[FeedClient]:
    async with feed_client(shared_database) as client:
        yield client


async def test_a_severity_is_changed_and_one_that_is_shown_already_is_left(feed: FeedClient) -> None:
    incident = (await feed.created(severity="info"))["incidentId"]
    for word in ("low", "critical", "critical", "high", "medium", "low", "info"):
        rated = await feed.rated(incident, word)
        assert rated["severity"] == {"info": "low"}.get(word, word)
        assert rated == await feed.shown(incident)
    changes = [(entry["data"]["before"], entry["data"]["after"]) for entry in (await feed.history(incident))[1:]]
    assert changes == [(0, 4), (4, 3), (3, 2), (2, 1), (1, 0)]


async def test_a_severity_can_be_changed_until_the_incident_is_closed(feed: FeedClient) -> None:
    for status, way in WAYS.items():
        incident = await feed.opened(BREACH, *way)
        if status not in {"closed", "canceled"}:
            assert (await feed.rated(incident, "high"))["severity"] == "high"
            continue
        for word in ("high", "critical"):
            refused = await feed.error("PATCH", f"{FEED}/{incident}/severity", {"severity": word})
            assert refused == (409, "invalid_transition", "the incident is closed")


NO_SEVERITIES: list[tuple[Any, str]] = [
    ({}, "severity is required"),
    ({"severity": ""}, "severity is required"),
    ({"severity": "warning"}, "severity must be one of critical, high, medium, low, info"),
    ({"severity": None}, "severity: Expected `str`, got `null`"),
    ({"severity": 3}, "severity: Expected `str`, got `int`"),
    ({"status": "open"}, "status: Object contains unknown field `status`"),
]


async def test_a_word_that_is_no_severity_is_refused(feed: FeedClient) -> None:
    incident = (await feed.created())["incidentId"]
    for body, reason in NO_SEVERITIES:
        status, code, message = await feed.error("PATCH", f"{FEED}/{incident}/severity", body)
        assert (status, code, message.removeprefix("fields are invalid: ")) == (400, "validation_error", reason)
    assert len(await feed.history(incident)) == 1


async def test_a_duplicate_is_closed_and_linked_and_both_keep_their_histories(feed: FeedClient) -> None:
    duplicate, into = (await feed.created())["incidentId"], await feed.opened(BREACH)
    await feed.moved(duplicate, "triaging")
    merged = await feed.merged(duplicate, into)
    assert merged == await feed.shown(duplicate)
    assert (merged["status"], merged["mergedInto"], merged["resolvedAt"]) == ("closed", into, None)
    goes_on = await feed.shown(into)
    assert (goes_on["status"], goes_on["mergedInto"]) == ("open", None)
    *before, closed, gone = await feed.history(duplicate)
    assert [entry["type"] for entry in before] == ["incident.opened", "incident.status_changed"]
    assert closed["data"] == {"before": "triaging", "note": f"merged into {into}"}
    assert (gone["type"], gone["data"]) == ("incident.merged", {"into": into.removeprefix("inc_")})
    taken = (await feed.history(into))[-1]
    told = {"incident": duplicate.removeprefix("inc_")}
    assert (taken["type"], taken["data"]) == ("incident.duplicate_merged", told)
    assert closed["correlationId"] == gone["correlationId"] == taken["correlationId"]


async def test_a_merge_under_an_idempotency_key_is_made_once(feed: FeedClient) -> None:
    duplicate, into = await feed.opened(BREACH), await feed.opened(BREACH)
    first = await feed.merged(duplicate, into, Idempotency_Key="k1")
    assert await feed.merged(duplicate, into, Idempotency_Key="k1") == first
    assert len(await feed.history(into)) == 2


async def test_a_reopened_duplicate_is_none_any_more(feed: FeedClient) -> None:
    duplicate, into = await feed.opened(BREACH), await feed.opened(BREACH)
    await feed.merged(duplicate, into)
    await feed.happened(duplicate, IncidentReopened(Status.CLOSED))  # another API may
    assert (await feed.shown(duplicate))["mergedInto"] is None


async def test_neither_of_two_that_are_merged_may_be_closed(feed: FeedClient) -> None:
    for ours, theirs in product(("open", "resolved", "closed", "canceled"), repeat=2):
        duplicate, into = await feed.opened(BREACH, *WAYS[ours]), await feed.opened(OUTAGE, *WAYS[theirs])
        if not {ours, theirs} & {"closed", "canceled"}:
            assert (await feed.merged(duplicate, into))["mergedInto"] == into
            continue
        status, code, message = await feed.error("POST", f"{FEED}/{duplicate}/merge", {"into": into})
        assert (status, code) == (409, "invalid_transition")
        assert message.startswith("incident inc_")
        assert (await feed.shown(duplicate))["mergedInto"] is None


async def test_an_incident_is_merged_once_and_not_into_itself(feed: FeedClient) -> None:
    duplicate, into, another = [await feed.opened(BREACH) for _ in range(3)]
    itself = await feed.error("POST", f"{FEED}/{duplicate}/merge", {"into": duplicate})
    assert itself == (400, "validation_error", "an incident cannot be merged into itself")
    await feed.merged(duplicate, into)
    again = await feed.error("POST", f"{FEED}/{duplicate}/merge", {"into": another})
    assert again == (409, "invalid_transition", f"incident {duplicate} is merged into {into}")
    assert (await feed.shown(duplicate))["mergedInto"] == into


NO_IDS = ("", "x", "inc_", "01JD8QZ2N3W4X5Y6Z7A8B9C0D1", "inc_01JD8QZ2N3W4X5Y6Z7A8B9C0DI", "\0", "inc_" * 10_000)


async def test_what_is_no_id_cannot_be_merged_into(feed: FeedClient) -> None:
    incident = await feed.opened(BREACH)
    for into in NO_IDS:
        refused = await feed.error("POST", f"{FEED}/{incident}/merge", {"into": into})
        assert refused == (400, "validation_error", "fields are invalid: into must be the id of an incident")


async def test_an_incident_that_nobody_knows_cannot_be_merged_into(feed: FeedClient) -> None:
    incident, unknown = await feed.opened(BREACH), f"inc_{'0' * 26}"
    refused = await feed.error("POST", f"{FEED}/{incident}/merge", {"into": unknown})
    assert refused == (404, "incident_not_found", f"incident {unknown} could not be found")
    assert (await feed.shown(incident))["status"] == "open"
