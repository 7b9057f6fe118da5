"""Alerts of Prometheus Alertmanager, webhook version 4 (contracts/incidents.md 0.6, inbound webhooks)."""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx import Response

from tests.contract.administering import Callers, callers
from tests.contract.handing_in import Sender, sender_of_its_own


@pytest.fixture(scope="module")
async def admin(shared_database: str) -> AsyncIterator[Callers]:
    async with callers(shared_database) as them:
        yield them


@pytest.fixture
async def prometheus(admin: Callers) -> Sender:
    return await sender_of_its_own(admin, "alertmanager")


def alert(fingerprint: str, status: str = "firing", **labels: str) -> dict[str, Any]:
    """Return an alert as Alertmanager sends it."""
    return {
        "status": status,
        "labels": {"alertname": "HighLatency", "instance": "web-1:9100", **labels},
        "annotations": {"summary": "Checkout is slow", "description": "p95 is above 2 s"},
        "startsAt": "2026-01-02T03:04:05.678901234+01:00",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example.org/graph?g0.expr=up",
        "fingerprint": fingerprint,
    }


def group(*alerts: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return a notification with everything that comes with one."""
    return {
        "version": "4",
        "groupKey": '{}:{alertname="HighLatency"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "annals",
        "groupLabels": {"alertname": "HighLatency"},
        "commonLabels": {"alertname": "HighLatency"},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example.org",
        "alerts": list(alerts),
        **more,
    }


def taken(answer: Response) -> list[tuple[str, str]]:
    """Return what became of each alert, by its external id."""
    assert answer.status_code == 202, answer.text
    return [(row["externalId"], row["status"]) for row in answer.json()["incidents"]]


async def incidents(prometheus: Sender) -> list[Any]:
    """Return all incidents as the feed has them, the oldest first."""
    rows = (await prometheus.sees("/v1/incidents?order=asc"))["incidents"]
    return [await prometheus.sees(f"/v1/incidents/{row['incidentId']}") for row in rows]


async def test_each_alert_of_a_group_has_an_incident(prometheus: Sender) -> None:
    answer = await prometheus.hands_in(group(alert("a1", severity="critical"), alert("b2")))
    assert taken(answer) == [("a1", "accepted"), ("b2", "accepted")]
    assert answer.json()["accepted"] == 2
    shown = {incident["cause"]["externalId"]: incident for incident in await incidents(prometheus)}
    assert {row["incidentId"] for row in answer.json()["incidents"]} == {i["incidentId"] for i in shown.values()}
    assert (shown["a1"]["severity"], shown["b2"]["severity"]) == ("critical", "medium")
    assert (shown["a1"]["title"], shown["a1"]["description"]) == ("Checkout is slow", "p95 is above 2 s")


async def test_a_notification_that_is_repeated_is_a_duplicate(prometheus: Sender) -> None:
    first = await prometheus.hands_in(group(alert("a1")))
    again = await prometheus.hands_in(group(alert("a1"), alert("b2")))
    assert taken(again) == [("a1", "duplicate"), ("b2", "accepted")]
    assert again.json()["incidents"][0]["incidentId"] == first.json()["incidents"][0]["incidentId"]


async def test_an_alert_that_is_over_resolves_its_incident(prometheus: Sender) -> None:
    await prometheus.hands_in(group(alert("a1"), alert("b2")))
    over = await prometheus.hands_in(group(alert("a1", "resolved"), alert("c3", "resolved"), status="resolved"))
    assert taken(over) == [("a1", "resolved"), ("c3", "ignored")]
    assert over.json()["accepted"] == 1
    assert over.json()["incidents"][1]["incidentId"] is None
    assert sorted(incident["status"] for incident in await incidents(prometheus)) == ["open", "resolved"]
    again = await prometheus.hands_in(group(alert("a1", "resolved")))
    assert taken(again) == [("a1", "ignored")]
    assert again.json()["incidents"][0]["incidentId"] == over.json()["incidents"][0]["incidentId"]
    (resolved,) = [incident for incident in await incidents(prometheus) if incident["status"] == "resolved"]
    history = (await prometheus.sees(f"/v1/incidents/{resolved['incidentId']}/history"))["history"]
    assert history[-1]["data"]["how"] == "automatic"


async def test_one_fingerprint_may_come_more_than_once_in_a_group(prometheus: Sender) -> None:
    alerts = (alert("a1"), alert("b2"), alert("a1"), alert("a1", "resolved"), alert("a1"))
    answer = await prometheus.hands_in(group(*alerts))
    assert taken(answer) == [
        ("a1", "accepted"),
        ("b2", "accepted"),
        ("a1", "duplicate"),
        ("a1", "resolved"),
        ("a1", "accepted"),
    ]
    counts = {incident["cause"]["externalId"]: 0 for incident in await incidents(prometheus)}
    for incident in await incidents(prometheus):
        counts[incident["cause"]["externalId"]] += incident["failureCount"]
    assert counts == {"a1": 3, "b2": 1}


async def test_the_start_that_the_alert_tells_is_that_of_the_incident(prometheus: Sender) -> None:
    body = group(alert("a1"), {**alert("b2"), "startsAt": "0001-01-01T00:00:00Z"}, {**alert("c3"), "startsAt": None})
    assert (await prometheus.hands_in(body)).status_code == 202
    rows = await prometheus.sees("/api/incidents?sort_by=started_at&sort_order=asc")
    shown = rows["data"]["incidents"]
    began = datetime(2026, 1, 2, 2, 4, 5, 678000, tzinfo=UTC)
    assert shown[0]["started_at"] == int(began.timestamp() * 1000)
    assert shown[0]["created_at"] > shown[0]["started_at"]
    for other in shown[1:]:
        assert other["started_at"] == other["created_at"]


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("critical", "critical"),
        ("error", "high"),
        ("high", "high"),
        ("major", "high"),
        ("warning", "medium"),
        ("low", "low"),
        ("info", "low"),
        ("CRITICAL", "critical"),
        ("page", "medium"),
        ("", "medium"),
    ],
)
async def test_severity_labels_have_ranks(prometheus: Sender, word: str, shown: str) -> None:
    assert (await prometheus.hands_in(group(alert("a1", severity=word)))).status_code == 202
    assert [incident["severity"] for incident in await incidents(prometheus)] == [shown]


async def test_titles_come_from_the_summary_or_else_from_the_alerts_name(prometheus: Sender) -> None:
    bare = {"status": "firing", "labels": {"alertname": "InstanceDown", "job": "web", "env": "staging"}}
    long = {**alert("b2"), "annotations": {"summary": "x" * 600}}
    wordy = {**alert("c3"), "annotations": {"summary": "wordy alert!", "description": "y" * 9000}}
    assert (await prometheus.hands_in(group(bare, long, wordy))).status_code == 202
    shown = {incident["title"][:12]: incident for incident in await incidents(prometheus)}
    down = shown["InstanceDown"]
    assert (down["description"], down["cause"]["service"], down["cause"]["environment"]) == (
        "InstanceDown",
        "web",
        "staging",
    )
    assert len(down["cause"]["externalId"]) == 64
    cut = shown["x" * 12]
    assert (len(cut["title"]), cut["title"][-1], cut["description"]) == (255, "…", "x" * 600)
    assert shown["wordy alert!"]["description"] == "y" * 4000


async def test_an_empty_group_changes_nothing(prometheus: Sender) -> None:
    answer = await prometheus.hands_in(group())
    assert (answer.status_code, answer.json()) == (202, {"accepted": 0, "incidents": []})


async def test_members_that_others_add_are_passed_over(prometheus: Sender) -> None:
    grafana = {**alert("a1"), "silenceURL": "http://g.example.org", "values": {"B": 22.5}, "dashboardURL": ""}
    assert taken(await prometheus.hands_in(group(grafana, orgId=1, title="[FIRING:1]"))) == [("a1", "accepted")]


SOON = (datetime.now(UTC) + timedelta(days=1)).isoformat()  # noqa: TID251  (a sender's clock)


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"status": "silenced"}, "alerts/1/status"),
        ({"status": None}, "alerts/1/status"),
        ({"startsAt": SOON}, "alerts/1/startsAt"),
        ({"startsAt": "1999-12-31T23:59:59Z"}, "alerts/1/startsAt"),
        ({"startsAt": "9999-12-31T23:59:59-10:00"}, "alerts/1/startsAt"),
        ({"startsAt": "2026-02-30T00:00:00Z"}, "alerts/1/startsAt"),
        ({"startsAt": "yesterday"}, "alerts/1/startsAt"),
        ({"startsAt": 1767225600}, "alerts/1/startsAt"),
        ({"endsAt": "never"}, "alerts/1/endsAt"),
        ({"labels": {}, "annotations": {}}, "alerts/1/annotations/summary"),
        ({"labels": {"alertname": " "}, "annotations": None}, "alerts/1/annotations/summary"),
        ({"labels": {"alertname": 7}}, "alerts/1/labels"),
        ({"labels": ["alertname"]}, "alerts/1/labels"),
        ({"annotations": {"summary": "a\u0000b"}}, "alerts/1/annotations/summary"),
        ({"annotations": {"summary": "a\u001b[31mb"}}, "alerts/1/annotations/summary"),
        ({"annotations": {"summary": "s", "runbook": "a\u0000b"}}, "alerts/1/labels"),
        ({"annotations": {"summary": "s", "runbook": "x" * 40_000}}, "alerts/1/labels"),
        ({"fingerprint": "f" * 256}, "alerts/1/fingerprint"),
        ({"fingerprint": "\u0000"}, "alerts/1/fingerprint"),
        ({"fingerprint": 5}, "alerts/1/fingerprint"),
        ({"generatorURL": {}}, "alerts/1/generatorURL"),
    ],
)
async def test_with_one_wrong_alert_nothing_of_a_group_is_stored(
    prometheus: Sender, wrong: dict[str, Any], place: str
) -> None:
    answer = await prometheus.hands_in(group(alert("a1"), {**alert("b2"), **wrong}, alert("c3")))
    assert (answer.status_code, answer.json()["error"]) == (400, "validation_error")
    assert place in answer.json()["message"]
    assert (await prometheus.sees("/v1/incidents"))["count"] == 0


async def test_a_thousand_alerts_are_taken_at_once_and_no_more(prometheus: Sender) -> None:
    many = [{"status": "firing", "fingerprint": f"f{n % 50}", "labels": {"alertname": "Flood"}} for n in range(1001)]
    refused = await prometheus.hands_in(group(*many))
    assert (refused.status_code, refused.json()["error"]) == (400, "validation_error")
    assert "at most 1000" in refused.json()["message"]
    answer = await prometheus.hands_in(group(*many[:1000]))
    assert answer.json()["accepted"] == 1000
    statuses = [status for _, status in taken(answer)]
    assert (statuses[:50], set(statuses[50:])) == (["accepted"] * 50, {"duplicate"})
    listed = await prometheus.sees("/v1/incidents?limit=100")
    assert listed["count"] == 50
    assert {incident["failureCount"] for incident in await incidents(prometheus)} == {20}


async def test_a_body_over_a_megabyte_is_refused_before_anything_else(prometheus: Sender) -> None:
    huge = json.dumps(group(*(alert(f"f{n}") for n in range(3100)))).encode()
    assert len(huge) > 1_048_576
    answer = await prometheus.sends(huge)
    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "validation_error", "message": "request body must not be larger than 1 MB"},
    )
