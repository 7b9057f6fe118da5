"""Incidents in the feed, one by one: reporting and showing them (contracts/incidents.md 0.6, 2.1)."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.incidents.events import IncidentOpened, IncidentRecurred
from tests.contract.feeding import BREACH, DESCRIPTION, FEED, OUTAGE, OUTSIDE, TITLE, FeedClient, feed_client
from tests.contract.tracking import WAYS

REPORT = {"title": TITLE, "description": DESCRIPTION}
NOTHING: dict[str, Any] = {"assignedAgents": [], "rootCause": None, "recommendedActions": []}


@pytest.fixture
async def feed(database: str) -> AsyncIterator[FeedClient]:
    async with feed_client(database) as client:
        yield client


@pytest.mark.parametrize("path", [FEED, f"{FEED}/chat"])
async def test_what_is_reported_is_open_and_shown_in_full(feed: FeedClient, path: str) -> None:
    before = feed.node.commands.clock.now().replace(microsecond=0)
    answer = await feed.call("POST", path, REPORT)
    created = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/json")
    assert int(answer.headers["Annals-Position"]) > 0
    incident, opened_at = created["incidentId"], created["createdAt"]
    assert (len(incident), incident[:4]) == (30, "inc_")
    assert before <= datetime.fromisoformat(opened_at) <= before + timedelta(seconds=30)
    assert (len(opened_at), opened_at[-1]) == (len("2026-11-23T09:15:10Z"), "Z")
    assert created == await feed.shown(incident)
    assert created == {
        "incidentId": incident,
        "title": TITLE,
        "description": DESCRIPTION,
        "severity": "medium",
        "status": "open",
        "source": "manual",
        "createdAt": opened_at,
        "createdBy": "key:bootstrap",
        "updatedAt": opened_at,
        "acknowledgedAt": None,
        "resolvedAt": None,
        "resolvedBy": None,
        "closedAt": None,
        "assignee": None,
        "failureCount": 1,
        "cause": None,
        "previousIncidentId": None,
        "mergedInto": None,
        **NOTHING,
    }


async def test_a_severity_is_kept_by_its_rank_and_shown_by_its_word(feed: FeedClient) -> None:
    for word, shown, rank in (
        ("critical", "critical", 4),
        ("high", "high", 3),
        ("medium", "medium", 2),
        ("low", "low", 1),
        ("info", "low", 0),
    ):
        created = await feed.created(severity=word)
        assert created["severity"] == shown
        (opened,) = await feed.history(created["incidentId"])
        assert opened["data"]["severity"] == rank


async def test_texts_may_have_any_length_within_their_limits(feed: FeedClient) -> None:
    for title, description in ((5, 10), (200, 4000)):
        created = await feed.created("ä" * title, "💣" * description, suggestedAgents=["sre"])
        assert (len(created["title"]), len(created["description"])) == (title, description)
        assert created["assignedAgents"] == []


async def test_texts_are_kept_as_they_are_without_the_blanks_around_them(feed: FeedClient) -> None:
    hostile = "<script>alert('1')</script> & \u2028 \"' \\ %00 ; drop table incidents --"
    created = await feed.created(f"  {hostile}\n", f"\t{hostile}\n\tsecond line  ")
    assert (created["title"], created["description"]) == (hostile, f"{hostile}\n\tsecond line")
    raw = (await feed.call("GET", FEED)).text
    assert "<" not in raw
    assert "\u2028" not in raw


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"title": None}, "title: Expected `str`, got `null`"),
    ({"title": ""}, "title is required"),
    ({"title": "    \n"}, "title is required"),
    ({"title": "Slow"}, "title must have at least 5 characters"),
    ({"title": " Slow "}, "title must have at least 5 characters"),
    ({"title": "x" * 201}, "title must have at most 200 characters"),
    ({"title": "Slow\0 again"}, "title must not contain control characters"),
    ({"title": "Slow\x1b[2J again"}, "title must not contain control characters"),
    ({"title": ["Slow again"]}, "title: Expected `str`, got `array`"),
    ({"description": ""}, "description is required"),
    ({"description": "Too slow."}, "description must have at least 10 characters"),
    ({"description": "x" * 4001}, "description must have at most 4000 characters"),
    ({"description": "It is slow\x07 today"}, "description must not contain control characters"),
    ({"severity": ""}, "severity is required"),
    ({"severity": "warning"}, "severity must be one of critical, high, medium, low, info"),
    ({"severity": "High"}, "severity must be one of critical, high, medium, low, info"),
    ({"severity": 4}, "severity: Expected `str | null`, got `int`"),
    ({"suggestedAgents": "sre"}, "suggestedAgents: Expected `array`, got `str`"),
    ({"suggested_agents": []}, "suggested_agents: Object contains unknown field `suggested_agents`"),
    ({"status": "closed"}, "status: Object contains unknown field `status`"),
    ({"source": "automated"}, "source: Object contains unknown field `source`"),
]


async def test_a_report_with_something_wrong_is_refused_and_nothing_is_stored(feed: FeedClient) -> None:
    for wrong, reason in WRONG:
        status, code, message = await feed.error("POST", FEED, {**REPORT, **wrong})
        told = message.removeprefix("fields are invalid: ")
        assert (status, code, told) == (400, "validation_error", reason)
    assert (await feed.page())["count"] == 0


async def test_everything_that_is_wrong_is_told_at_once(feed: FeedClient) -> None:
    told = await feed.error("POST", FEED, {"title": "x", "severity": "bad"})
    reasons = "title must have at least 5 characters; description is required; severity must be one of"
    assert told[2].startswith(f"fields are invalid: {reasons}")


async def test_a_report_under_an_idempotency_key_opens_one_incident(feed: FeedClient) -> None:
    first = await feed.created(headers={"Idempotency_Key": "k1"})
    assert await feed.created(headers={"Idempotency_Key": "k1"}) == first
    other = await feed.error("POST", FEED, {**REPORT, "title": "Something else"}, Idempotency_Key="k1")
    assert other == (
        409,
        "invalid_transition",
        "it came with a different request then",
    )
    assert (await feed.page())["count"] == 1


@pytest.mark.parametrize(
    ("opened", "shown"),
    [
        (
            BREACH,
            {
                "title": "Failing models: error_rate gt 5",
                "description": "error_rate was 12.3 (gt 5)",
                "severity": "critical",
                "cause": {
                    "kind": "alert_rule",
                    "ruleId": "rule_1",
                    "ruleName": "Failing models",
                    "metric": "error_rate",
                    "operator": "gt",
                    "threshold": 5.0,
                    "actual": 12.3,
                },
            },
        ),
        (
            OUTAGE,
            {
                "title": "Shop - timeout",
                "description": "no answer",
                "severity": "high",
                "cause": {
                    "kind": "monitor",
                    "checkId": "chk_1",
                    "checkName": "Shop",
                    "checkUrl": "https://shop",
                    "type": "timeout",
                },
            },
        ),
        (
            OUTSIDE,
            {
                "title": "Disk full",
                "description": "97 percent",
                "severity": "low",
                "cause": {
                    "kind": "external_alert",
                    "provider": "custom",
                    "externalId": "disk-1",
                    "service": "files",
                },
            },
        ),
    ],
    ids=["rule", "monitor", "alert"],
)
async def test_what_others_open_is_automated_and_says_its_cause(
    feed: FeedClient, opened: IncidentOpened, shown: dict[str, Any]
) -> None:
    incident = await feed.shown(await feed.opened(opened))
    assert incident.items() >= {**shown, **NOTHING, "source": "automated", "status": "open"}.items()
    assert incident["createdBy"] == "system"


async def test_it_is_linked_to_the_last_one_with_the_same_cause(feed: FeedClient) -> None:
    first = await feed.opened(OUTSIDE, *WAYS["resolved"])
    event = IncidentOpened("external_alert", 3, "Disk full", "98 %", previous_incident=first.removeprefix("inc_"))
    assert (await feed.shown(await feed.opened(event)))["previousIncidentId"] == first


async def test_what_happens_in_other_apis_is_seen(feed: FeedClient) -> None:
    incident = await feed.opened(BREACH, IncidentRecurred("again"), IncidentRecurred("and again"))
    assert (await feed.shown(incident))["failureCount"] == 3
    await feed.happened(incident, *WAYS["acknowledged"])
    assert (await feed.shown(incident))["status"] == "triaging"
