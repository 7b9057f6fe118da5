"""Moving incidents through the feed: its table, word by word (contracts/incidents.md 0.2, 2.3)."""

from collections.abc import AsyncIterator, Mapping
from itertools import pairwise
from typing import Any

import pytest

from domain.incidents.events import IncidentOpened, IncidentReopened
from domain.incidents.status import Status
from tests.contract.feeding import BREACH, FEED, OUTAGE, OUTSIDE, FeedClient, feed_client
from tests.contract.tracking import WAYS

CHAIN = ("open", "triaging", "investigating", "awaiting_approval", "remediating", "resolved", "closed")

#: Section 0.2 in full: forward along the chain, resolved or closed from anywhere but closed, and back to investigating
#: when an approval is denied.
MOVES: Mapping[str, tuple[str, ...]] = {
    "open": ("triaging", "investigating", "awaiting_approval", "remediating", "resolved", "closed"),
    "triaging": ("investigating", "awaiting_approval", "remediating", "resolved", "closed"),
    "investigating": ("awaiting_approval", "remediating", "resolved", "closed"),
    "awaiting_approval": ("investigating", "remediating", "resolved", "closed"),
    "remediating": ("resolved", "closed"),
    "resolved": ("closed",),
    "closed": (),
}

#: How the feed shows each status of the canonical incident.
SHOWN = {
    "open": "open",
    "acknowledged": "triaging",
    "triaging": "triaging",
    "investigating": "investigating",
    "awaiting_approval": "awaiting_approval",
    "remediating": "remediating",
    "resolved": "resolved",
    "closed": "closed",
    "canceled": "closed",
}


@pytest.fixture(scope="module")
async def feed(shared_database: str) -> AsyncIterator[FeedClient]:
    async with feed_client(shared_database) as client:
        yield client


@pytest.mark.parametrize("status", WAYS)
async def test_a_move_is_made_or_refused_by_the_table(feed: FeedClient, status: str) -> None:
    before = SHOWN[status]
    for word in CHAIN:
        incident = await feed.opened(BREACH, *WAYS[status])
        assert (await feed.shown(incident))["status"] == before
        if word in MOVES[before]:
            assert (await feed.moved(incident, word))["status"] == word
            assert (await feed.shown(incident))["status"] == word
        else:
            await assert_refused(feed, incident, before, word)
            assert len(await feed.history(incident)) == 1 + len(WAYS[status])


async def assert_refused(feed: FeedClient, incident: str, before: str, word: str) -> None:
    """Require that a move is refused with both words and the moves that there are."""
    answer = await feed.call("PATCH", f"{FEED}/{incident}", {"status": word})
    allowed = ", ".join(MOVES[before]) or "none"
    assert (answer.status_code, answer.json()) == (
        409,
        {
            "error": "invalid_transition",
            "message": f"cannot move from {before} to {word}, allowed targets are: {allowed}",
            "details": {"allowed": list(MOVES[before])},
        },
    )
    assert (await feed.shown(incident))["status"] == before


@pytest.mark.parametrize("opened", [BREACH, OUTAGE, OUTSIDE, None], ids=lambda opened: opened and opened.source)
async def test_an_incident_of_any_source_is_worked_on(feed: FeedClient, opened: IncidentOpened | None) -> None:
    incident = await feed.opened(opened) if opened else (await feed.created())["incidentId"]
    way = ("triaging", "investigating", "awaiting_approval", "investigating", "remediating", "resolved", "closed")
    assert [(await feed.moved(incident, word))["status"] for word in way] == list(way)
    changes = [entry["data"] for entry in (await feed.history(incident))[1:]]
    assert [change["before"] for change in changes] == ["open", *way[:-1]]
    assert all(before != after for before, after in pairwise(way))


@pytest.mark.parametrize("body", [{}, {"status": ""}, {"status": "Open"}, {"status": "acknowledged"}, {"status": "x"}])
async def test_an_unknown_word_is_refused_with_the_words_that_there_are(feed: FeedClient, body: Any) -> None:
    incident = (await feed.created())["incidentId"]
    reason = f"must be one of {', '.join(CHAIN)}" if body.get("status") else "is required"
    refused = await feed.error("PATCH", f"{FEED}/{incident}", body)
    assert refused == (400, "validation_error", f"fields are invalid: status {reason}")
    assert len(await feed.history(incident)) == 1


async def test_the_answer_to_a_move_is_the_incident_in_full_as_it_is_read_afterwards(feed: FeedClient) -> None:
    incident = await feed.created()
    moved = await feed.moved(incident["incidentId"], "investigating")
    assert moved == await feed.shown(incident["incidentId"])
    assert set(moved) == set(incident)
    changed = {name for name in moved if moved[name] != incident[name]}
    assert changed - {"updatedAt"} == {"status", "acknowledgedAt"}  # both times may be of the same second


async def test_the_stamps_are_those_of_the_current_cycle(feed: FeedClient) -> None:
    incident = await feed.opened(BREACH)
    assert stamps(await feed.shown(incident)) == [None, None, None, None]
    triaging = await feed.moved(incident, "triaging")
    assert stamps(triaging) == [triaging["updatedAt"], None, None, None]
    resolved = await feed.moved(incident, "resolved")
    first = triaging["acknowledgedAt"]
    assert stamps(resolved) == [first, resolved["updatedAt"], "key:bootstrap", None]
    closed = await feed.moved(incident, "closed")
    assert stamps(closed) == [first, resolved["updatedAt"], "key:bootstrap", closed["updatedAt"]]
    await feed.happened(incident, IncidentReopened(Status.CLOSED))  # another API may
    reopened = await feed.shown(incident)
    assert (reopened["status"], stamps(reopened)) == ("open", [None, None, None, None])


async def test_straight_to_the_end_it_was_never_acknowledged_nor_when_dismissed_resolved(feed: FeedClient) -> None:
    resolved = await feed.moved(await feed.opened(BREACH), "resolved")
    assert stamps(resolved) == [None, resolved["updatedAt"], "key:bootstrap", None]
    dismissed = await feed.moved(await feed.opened(BREACH), "closed")
    assert stamps(dismissed) == [None, None, None, dismissed["updatedAt"]]
    canceled = await feed.shown(await feed.opened(BREACH, *WAYS["canceled"]))
    assert stamps(canceled) == [None, None, None, canceled["updatedAt"]]


def stamps(incident: Any) -> list[Any]:
    return [incident[name] for name in ("acknowledgedAt", "resolvedAt", "resolvedBy", "closedAt")]


async def test_a_move_under_an_idempotency_key_is_made_once(feed: FeedClient) -> None:
    incident = (await feed.created())["incidentId"]
    first = await feed.moved(incident, "triaging", Idempotency_Key="k1")
    assert await feed.moved(incident, "triaging", Idempotency_Key="k1") == first
    assert len(await feed.history(incident)) == 2
    other = await feed.error("PATCH", f"{FEED}/{incident}", {"status": "resolved"}, Idempotency_Key="k1")
    assert other[:2] == (409, "invalid_transition")
    assert (await feed.shown(incident))["status"] == "triaging"
