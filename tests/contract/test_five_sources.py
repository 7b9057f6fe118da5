"""One incident of each of the five sources, walked through all APIs in the words of each (incidents.md 0.2, 0.5)."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.contract.working import Client, engine_client

#: What each API shows, by canonical status (contracts/incidents.md 0.2): feed, uptime, alerts.
WORDS = {
    "open": ("open", "open", "open"),
    "acknowledged": ("triaging", "acknowledged", "acknowledged"),
    "triaging": ("triaging", "acknowledged", "acknowledged"),
    "investigating": ("investigating", "acknowledged", "investigating"),
    "awaiting_approval": ("awaiting_approval", "acknowledged", "investigating"),
    "remediating": ("remediating", "acknowledged", "investigating"),
    "resolved": ("resolved", "resolved", "resolved"),
    "closed": ("closed", "closed", "closed"),
    "canceled": ("closed", "closed", "closed"),
}

#: The ways through the life cycle: which API moves the incident into which canonical status.
BY_RESPONDERS = (
    ("uptime", "acknowledged"),
    ("feed", "investigating"),
    ("feed", "awaiting_approval"),
    ("feed", "remediating"),
    ("alerts", "resolved"),
    ("uptime", "closed"),
)
BY_AUTOMATION = (("feed", "triaging"), ("alerts", "investigating"), ("uptime", "resolved"), ("feed", "closed"))


@pytest.fixture
async def node(database: str) -> AsyncIterator[Client]:
    async with engine_client(
        database, roles=("api", "followers", "executor", "rules"), alert_evaluation_seconds=0.2
    ) as client:
        yield client


async def from_process(node: Client) -> str:
    await node.deploy()
    await node.start()
    (job,) = await node.lock()
    await node.complete(job, error="card declined")
    return await only_incident(node)


async def from_alert_rule(node: Client) -> str:
    condition = {"operator": "gt", "threshold": 5}
    rule = {"name": "Errors", "module": "custom", "metric": "error_rate", "condition": condition, "windowMinutes": 5}
    await node.ok("POST", "/api/alerts/rules", rule)
    await node.ok("POST", "/api/alerts/samples", {"metric": "error_rate", "failed": 3, "total": 4})
    async with asyncio.timeout(10):
        while not await has_incident(node):  # noqa: ASYNC110  (nothing tells that a rule was evaluated)
            await asyncio.sleep(0.05)
    return await only_incident(node)


async def from_monitor(node: Client) -> str:
    check = {"name": "Shop", "type": "http", "target_url": "https://shop.example.org/"}
    created = (await node.ok("POST", "/api/checks", check))["data"]["check"]["id"]
    failures = [
        {"region": region, "ok": False, "type": "timeout", "message": "no answer"} for region in ("eu", "us", "eu")
    ]
    answer = await node.ok("POST", f"/api/checks/{created}/results", failures)
    assert answer["data"]["check_status"] == "down"
    incident: str = answer["data"]["incident_id"]
    return incident


async def from_external_alert(node: Client) -> str:
    intake = await node.ok("POST", "/admin/intakes", {"tenantId": "default", "provider": "custom", "name": "disks"})
    body = json.dumps({"title": "Disk is full", "description": "db1 has no space left", "sourceAlertId": "7"}).encode()
    signature = "sha256=" + hmac.digest(intake["secret"].encode(), body, "sha256").hex()
    headers = {"X-Webhook-Signature": signature, "Content-Type": "application/json"}
    answer = await node.http.post("/v1/webhooks/default/custom", content=body, headers=headers)
    assert answer.status_code == 202, answer.text
    incident: str = answer.json()["incidentId"]
    return incident


async def manual(node: Client) -> str:
    opened = await node.ok(
        "POST", "/v1/incidents", {"title": "Checkout is slow", "description": "it has been for hours"}
    )
    incident: str = opened["incidentId"]
    return incident


async def has_incident(node: Client) -> bool:
    return bool((await node.ok("GET", "/v1/incidents"))["incidents"])


async def only_incident(node: Client) -> str:
    (row,) = (await node.ok("GET", "/v1/incidents"))["incidents"]
    incident: str = row["incidentId"]
    return incident


async def views(node: Client, incident: str) -> tuple[Any, Any, Any]:
    """Return the incident as feed, uptime and alerts show it."""
    return (
        await node.ok("GET", f"/v1/incidents/{incident}"),
        (await node.ok("GET", f"/api/incidents/{incident}"))["data"]["incident"],
        (await node.ok("GET", f"/api/alerts/incidents/{incident}"))["incident"],
    )


async def move(node: Client, dialect: str, incident: str, word: str) -> None:
    path, method = {
        "feed": (f"/v1/incidents/{incident}", "PATCH"),
        "uptime": (f"/api/incidents/{incident}/status", "PUT"),
        "alerts": (f"/api/alerts/incidents/{incident}", "PATCH"),
    }[dialect]
    await node.ok(method, path, {"status": word})


SOURCES: dict[str, Callable[[Client], Awaitable[str]]] = {
    "process": from_process,
    "alert_rule": from_alert_rule,
    "monitor": from_monitor,
    "external_alert": from_external_alert,
    "manual": manual,
}

#: Title, severity in each API's words, source in the feed's and in uptime's, uptime's type, the text of the failure.
SHOWN: dict[str, tuple[str, tuple[str, str, str], tuple[str, str], str | None, str]] = {
    "process": (
        "Pay <now> failed in order 1",
        ("medium", "minor", "warning"),
        ("automated", "system"),
        None,
        "card declined",
    ),
    "alert_rule": (
        "Errors: error_rate gt 5",
        ("critical", "critical", "critical"),
        ("automated", "system"),
        None,
        "error_rate was 75 (gt 5)",
    ),
    "monitor": (
        "Shop - timeout",
        ("critical", "critical", "critical"),
        ("automated", "system"),
        "timeout",
        "no answer",
    ),
    "external_alert": (
        "Disk is full",
        ("medium", "minor", "warning"),
        ("automated", "system"),
        None,
        "db1 has no space left",
    ),
    "manual": (
        "Checkout is slow",
        ("medium", "minor", "warning"),
        ("manual", "manual"),
        None,
        "it has been for hours",
    ),
}


@pytest.mark.parametrize("way", [BY_RESPONDERS, BY_AUTOMATION], ids=["by responders", "by automation"])
@pytest.mark.parametrize("source", SOURCES)
async def test_an_incident_of_every_source_goes_through_all_apis_in_their_words(
    node: Client, source: str, way: tuple[tuple[str, str], ...]
) -> None:
    incident = await SOURCES[source](node)
    title, severities, sources, failure, message = SHOWN[source]
    feed, uptime, alerts = await views(node, incident)
    assert (feed["incidentId"], uptime["id"], alerts["_id"]) == (incident,) * 3
    assert (feed["title"], uptime["title"]) == (title, title)
    assert (feed["severity"], uptime["severity"], alerts["severity"]) == severities
    assert (feed["source"], uptime["source"]) == sources
    assert uptime["type"] == failure
    assert uptime["error_message"] == message
    assert (feed["status"], uptime["status"], alerts["status"]) == WORDS["open"]
    for dialect, status in way:
        await move(node, dialect, incident, status)
        feed, uptime, alerts = await views(node, incident)
        assert (feed["status"], uptime["status"], alerts["status"]) == WORDS[status], status
        await listed(node, incident, status)


async def listed(node: Client, incident: str, status: str) -> None:
    """Look for the incident in every list, under the word that it shows and under no other."""
    for number, (path, name) in enumerate(
        (("/v1/incidents", "incidentId"), ("/api/incidents", "id"), ("/api/alerts/incidents", "_id"))
    ):
        for word in {words[number] for words in WORDS.values()}:
            answer = await node.ok("GET", f"{path}?status={word}")
            ids = [row[name] for row in answer.get("data", answer)["incidents"]]
            assert ids == ([incident] if word == WORDS[status][number] else []), (path, word)


async def test_the_engine_and_insight_see_a_process_incident_as_the_others_leave_it(node: Client) -> None:
    incident = await from_process(node)

    async def seen() -> tuple[bool, int, int, int]:
        (row,) = [row for row in await node.rows("incidents") if row["partition"]]
        (activity,) = [
            r for r in await node.ok("GET", "/incidents/heatmap?processKey=order&version=1") if r["actId"] == "pay"
        ]
        counts = (activity["activeIncidents"], activity["completedIncidents"], activity["canceledIncidents"])
        return ("resolvedAt" in row, *counts)

    for dialect, status in BY_RESPONDERS[:-2]:
        await move(node, dialect, incident, status)
        assert await seen() == (False, 1, 0, 0), status
    await move(node, "alerts", incident, "closed")
    assert await seen() == (True, 0, 1, 0)
    (row,) = await node.rows("incidents")
    assert row["resolvedBy"] == "key:bootstrap"


async def test_a_process_incident_whose_instance_ends_is_closed_for_all(node: Client) -> None:
    incident = await from_process(node)
    (instance,) = await node.rows("process-instances")
    path = f"/process-instances/{instance['partition']}/{instance['id']}/cancel"
    await node.ok("PATCH", path, {"workerId": "on-call"})
    feed, uptime, alerts = await views(node, incident)
    assert (feed["status"], uptime["status"], alerts["status"]) == WORDS["canceled"]
    assert (uptime["resolved_at"], alerts["resolvedAt"]) == (None, None)
    for method, path, body, status in (
        ("PATCH", f"/v1/incidents/{incident}", {"status": "resolved"}, 409),
        ("PUT", f"/api/incidents/{incident}/status", {"status": "resolved"}, 409),
        ("PATCH", f"/api/alerts/incidents/{incident}", {"status": "open"}, 400),
    ):
        answer = await node.call(method, path, body)
        assert answer.status_code == status, answer.text
    (activity,) = [
        row for row in await node.ok("GET", "/incidents/heatmap?processKey=order&version=1") if row["actId"] == "pay"
    ]
    assert activity["canceledIncidents"] == 1
