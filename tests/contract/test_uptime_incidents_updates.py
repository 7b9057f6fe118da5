"""The timeline of an incident: comments and changes, in uptime's words (contracts/incidents.md 3.6, 0.6)."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest

from tests.contract.uptime import Uptime
from tests.contract.working import engine_client

FIELDS = [
    "id",
    "incident_id",
    "action",
    "user_id",
    "user_email",
    "user_name",
    "message",
    "field",
    "old_value",
    "new_value",
    "created_at",
]


#: Comments that cannot be, and the name of the wrong field.
WRONG_COMMENTS: tuple[tuple[dict[str, Any], str], ...] = (
    ({}, "message"),
    ({"message": ""}, "message"),
    ({"message": " \n\t "}, "message"),
    ({"message": "x" * 1001}, "message"),
    ({"message": "a\u0000b"}, "message"),
    ({"message": "\u001b]0;x\u0007"}, "message"),
    ({"message": None}, "message"),
    ({"message": 5}, "message"),
    ({"message": "x", "action": "resolved"}, "action"),
    ({"message": "x", "user_id": "eve"}, "user_id"),
)


@pytest.fixture
async def uptime(database: str) -> AsyncIterator[Uptime]:
    async with engine_client(database) as client:
        yield Uptime(client)


def told(row: Any) -> tuple[Any, ...]:
    """Return what an entry says, without who and when."""
    return row["action"], row["field"], row["old_value"], row["new_value"], row["message"]


async def test_a_comment_is_answered_as_it_stands_in_the_timeline(uptime: Uptime) -> None:
    incident = (await uptime.opened())["id"]
    added = (await uptime.done("POST", f"/{incident}/updates", {"message": " it is the disk\n "}, 201))["data"]
    assert list(added) == FIELDS
    assert (added["incident_id"], added["action"], added["message"]) == (incident, "comment_added", "it is the disk")
    assert (added["user_id"], added["user_name"], added["user_email"]) == ("key:bootstrap", "bootstrap", None)
    assert datetime.fromisoformat(added["created_at"]).tzinfo is not None
    newest = (await uptime.updates(incident))[0]
    assert newest == added


@pytest.mark.parametrize("message", ["x", "x" * 1000, "zwei\nZeilen: ü€ 🦊"])
async def test_a_comment_has_up_to_a_thousand_characters(uptime: Uptime, message: str) -> None:
    incident = (await uptime.opened())["id"]
    added = (await uptime.done("POST", f"/{incident}/updates", {"message": message}, 201))["data"]
    assert added["message"] == message


async def test_a_comment_that_cannot_be_is_refused_and_nothing_is_added(uptime: Uptime) -> None:
    incident = (await uptime.opened())["id"]
    for body, where in WRONG_COMMENTS:
        status, code, details = await uptime.refused("POST", f"/{incident}/updates", body)
        assert (status, code, list(details)) == (400, "VALIDATION_ERROR", [where]), body
    assert len(await uptime.updates(incident)) == 1


@pytest.mark.parametrize("status", ["open", "acknowledged", "resolved"])
async def test_an_incident_that_is_not_closed_takes_comments(uptime: Uptime, status: str) -> None:
    incident = await uptime.brought_to(status)
    await uptime.done("POST", f"/{incident}/updates", {"message": "hm"}, 201)
    assert (await uptime.shown(incident))["status"] == status


async def test_a_comment_under_one_key_is_added_once(uptime: Uptime) -> None:
    incident = (await uptime.opened())["id"]
    path = f"/api/incidents/{incident}/updates"
    answers = [await uptime.client.call("POST", path, {"message": "once"}, Idempotency_Key="k1") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert len(await uptime.updates(incident)) == 2


async def test_the_timeline_tells_everything_newest_first_with_old_and_new_values(uptime: Uptime) -> None:
    incident = (await uptime.opened(started_at="2026-11-20T10:00:00Z"))["id"]
    await uptime.done("POST", f"/{incident}/acknowledge")
    await uptime.done("PUT", f"/{incident}", {"severity": "critical"})
    await uptime.done("PUT", f"/{incident}", {"error_message": "502 everywhere"})
    await uptime.done("PUT", f"/{incident}", {"affected_regions": ["eu", "us"]})
    await uptime.done("POST", f"/{incident}/updates", {"message": "rolling back"}, 201)
    await uptime.moved(incident, "resolved", note="rolled back", assignee_id="ada")
    await uptime.moved(incident, "closed", assignee_id="ada")
    rows = await uptime.updates(incident)
    assert [told(row) for row in rows] == [
        ("closed", "status", "resolved", "closed", None),
        ("updated", "assignee_id", "key:bootstrap", "ada", None),
        ("resolved", "status", "acknowledged", "resolved", "rolled back"),
        ("comment_added", None, None, None, "rolling back"),
        ("updated", "affected_regions", "[]", '["eu","us"]', None),
        ("updated", "error_message", "expected 200, got 502", "502 everywhere", None),
        ("severity_changed", "severity", "major", "critical", None),
        ("updated", "assignee_id", None, "key:bootstrap", None),
        ("acknowledged", "status", "open", "acknowledged", "acknowledged by key:bootstrap"),
        ("updated", "started_at", None, "2026-11-20T10:00:00Z", None),
        ("created", "status", None, "open", "expected 200, got 502"),
    ]
    assert all(list(row) == FIELDS for row in rows)
    assert {row["incident_id"] for row in rows} == {incident}
    assert len({row["id"] for row in rows}) == len(rows)
    times = [datetime.fromisoformat(row["created_at"]) for row in rows]
    assert times == sorted(times, reverse=True)


async def test_moves_behind_one_word_are_no_changes_of_status(uptime: Uptime) -> None:
    incident = (await uptime.opened())["id"]
    for word in ("triaging", "investigating"):
        await uptime.client.ok("PATCH", f"/v1/incidents/{incident}", {"status": word})
    await uptime.moved(incident, "resolved", assignee_id="ada")
    assert [told(row)[:4] for row in await uptime.updates(incident)] == [
        ("updated", "assignee_id", None, "ada"),
        ("resolved", "status", "acknowledged", "resolved"),
        ("updated", None, None, None),
        ("acknowledged", "status", "open", "acknowledged"),
        ("created", "status", None, "open"),
    ]


async def test_a_severity_behind_the_same_word_is_no_change_of_severity(uptime: Uptime) -> None:
    incident = (await uptime.opened(severity="warning"))["id"]
    for word in ("info", "high"):
        await uptime.client.ok("PATCH", f"/v1/incidents/{incident}/severity", {"severity": word})
    assert [told(row)[:4] for row in await uptime.updates(incident)][:2] == [
        ("severity_changed", "severity", "warning", "major"),
        ("updated", None, None, None),
    ]


async def test_an_incident_that_alerts_reopened_is_told_so_and_its_notes_are_comments(uptime: Uptime) -> None:
    incident = await uptime.brought_to("resolved")
    await uptime.client.ok("POST", f"/api/alerts/incidents/{incident}/notes", {"content": "it is back"})
    await uptime.client.ok("PATCH", f"/api/alerts/incidents/{incident}", {"status": "open"})
    rows = await uptime.updates(incident)
    assert [told(row)[:4] for row in rows[:2]] == [
        ("reopened", "status", "resolved", "open"),
        ("comment_added", None, None, None),
    ]
    assert rows[1]["message"] == "it is back"
    shown = await uptime.shown(incident)
    assert (shown["status"], shown["acknowledged_at"], shown["resolved_at"]) == ("open", None, None)


async def test_what_the_engine_and_workers_did_is_told_in_their_names(uptime: Uptime) -> None:
    incident = await uptime.failed_process()
    (opened,) = await uptime.updates(incident)
    assert (opened["action"], opened["user_id"], opened["message"]) == ("created", "worker", "card declined")


async def test_the_timeline_has_pages(uptime: Uptime) -> None:
    incident = (await uptime.opened())["id"]
    for number in range(2, 6):
        await uptime.done("POST", f"/{incident}/updates", {"message": str(number)}, 201)
    pages = (("limit=2", "54", 1), ("limit=2&offset=2", "32", 2), ("limit=2&offset=4", "1", 3), ("offset=5", "", 1))
    for query, numbers, page in pages:
        envelope = await uptime.done("GET", f"/{incident}/updates?{query}")
        found = [row["id"].rpartition("_")[2] for row in envelope["data"]["updates"]]
        assert found == list(numbers)
        assert (envelope["pagination"]["total"], envelope["pagination"]["page"]) == (5, page)
    for query in ("limit=0", "limit=101", "offset=-1", "limit=x"):
        assert (await uptime.refused("GET", f"/{incident}/updates?{query}"))[:2] == (400, "VALIDATION_ERROR")
