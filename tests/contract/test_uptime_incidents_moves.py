"""Every move of uptime's table of transitions, and every one that is none (contracts/incidents.md 3.4)."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.following import advance
from tests.contract.uptime import STATUSES, TABLE, Uptime
from tests.contract.working import engine_client

PAIRS = [(before, after) for before in STATUSES for after in STATUSES]
REFUSED = [(before, after) for before, after in PAIRS if after not in TABLE[before]]


@pytest.fixture(scope="module")
async def uptime(shared_database: str) -> AsyncIterator[Uptime]:
    async with engine_client(shared_database, set_time_enabled=True) as client:
        yield Uptime(client)


@pytest.fixture
async def alone(database: str) -> AsyncIterator[Uptime]:
    """Return a client of a node on which nobody else has processes."""
    async with engine_client(database) as client:
        yield Uptime(client)


@pytest.mark.parametrize(("before", "after"), [pair for pair in PAIRS if pair not in REFUSED])
async def test_a_move_of_the_table_is_made(uptime: Uptime, before: str, after: str) -> None:
    incident = await uptime.brought_to(before)
    assert (await uptime.moved(incident, after))["status"] == after
    assert (await uptime.shown(incident))["status"] == after


@pytest.mark.parametrize(("before", "after"), REFUSED)
async def test_any_other_move_is_a_conflict_that_lists_the_allowed_ones(
    uptime: Uptime, before: str, after: str
) -> None:
    incident = await uptime.brought_to(before)
    as_it_was = await uptime.shown(incident)
    refusal = await uptime.refused("PUT", f"/{incident}/status", {"status": after})
    assert refusal == (409, "CONFLICT", {"allowed": list(TABLE[before])})
    assert await uptime.shown(incident) == as_it_was


def test_the_table_has_the_five_moves_of_the_contract_and_no_others() -> None:
    assert len(PAIRS) - len(REFUSED) == 5
    assert len(PAIRS) == 16


async def test_acknowledging_takes_an_open_incident_once_with_a_note_of_its_own(uptime: Uptime) -> None:
    incident = (await uptime.opened())["id"]
    taken = (await uptime.done("POST", f"/{incident}/acknowledge"))["data"]
    assert (taken["incident"]["status"], taken["incident"]["assignee_id"]) == ("acknowledged", "key:bootstrap")
    assert taken["recovery_time_seconds"] is None
    again = await uptime.refused("POST", f"/{incident}/acknowledge")
    assert again == (409, "CONFLICT", {"allowed": ["resolved", "closed"]})
    (row,) = [row for row in await uptime.updates(incident) if row["action"] == "acknowledged"]
    assert "key:bootstrap" in row["message"]


@pytest.mark.parametrize("before", ["resolved", "closed"])
async def test_what_is_over_is_acknowledged_no_more(uptime: Uptime, before: str) -> None:
    incident = await uptime.brought_to(before)
    assert await uptime.refused("POST", f"/{incident}/acknowledge") == (
        409,
        "CONFLICT",
        {"allowed": list(TABLE[before])},
    )


@pytest.mark.parametrize("body", [b"", b"{}"])
async def test_an_acknowledgement_has_no_body_or_an_empty_one(uptime: Uptime, body: bytes) -> None:
    incident = (await uptime.opened())["id"]
    assert (await uptime.done("POST", f"/{incident}/acknowledge", body))["data"]["incident"]["status"] == "acknowledged"


@pytest.mark.parametrize("body", [b'{"note": "mine"}', b"[]", b"null", b"x"])
async def test_an_acknowledgement_that_says_something_is_refused(uptime: Uptime, body: bytes) -> None:
    incident = (await uptime.opened())["id"]
    assert (await uptime.refused("POST", f"/{incident}/acknowledge", body))[:2] == (400, "VALIDATION_ERROR")
    assert (await uptime.shown(incident))["status"] == "open"


async def test_a_move_has_a_note_and_an_assignee_who_is_the_caller_by_default(uptime: Uptime) -> None:
    incident = (await uptime.opened())["id"]
    given = await uptime.moved(incident, "acknowledged", note="looking", assignee_id="ada")
    assert given["assignee_id"] == "ada"
    assert (await uptime.moved(incident, "resolved", note=None, assignee_id=None))["assignee_id"] == "key:bootstrap"
    rows = await uptime.updates(incident)
    assert [row["message"] for row in rows if row["field"] == "status"] == [None, "looking", "expected 200, got 502"]
    named = [(row["old_value"], row["new_value"]) for row in rows if row["field"] == "assignee_id"]
    assert named == [("ada", "key:bootstrap"), (None, "ada")]


async def test_stamps_are_set_as_it_moves_and_the_recovery_time_is_counted_from_the_start(uptime: Uptime) -> None:
    opened = await uptime.opened()
    incident = opened["id"]
    assert (opened["acknowledged_at"], opened["resolved_at"]) == (None, None)
    await advance(uptime.client, "PT1M")
    acknowledged = await uptime.moved(incident, "acknowledged")
    assert acknowledged["acknowledged_at"] >= opened["started_at"] + 60_000
    assert acknowledged["updated_at"] == acknowledged["acknowledged_at"]
    await advance(uptime.client, "PT1H")
    done = (await uptime.done("PUT", f"/{incident}/status", {"status": "resolved"}))["data"]
    resolved = done["incident"]
    assert resolved["acknowledged_at"] == acknowledged["acknowledged_at"]
    assert done["recovery_time_seconds"] == (resolved["resolved_at"] - resolved["started_at"]) / 1000 > 3660
    await uptime.moved(incident, "closed")
    detail = (await uptime.done("GET", f"/{incident}"))["data"]
    assert detail["recovery_time_seconds"] == done["recovery_time_seconds"]
    assert detail["incident"]["resolved_at"] == resolved["resolved_at"]


async def test_an_incident_resolved_at_once_was_never_acknowledged(uptime: Uptime) -> None:
    incident = await uptime.brought_to("resolved")
    assert (await uptime.shown(incident))["acknowledged_at"] is None


async def test_an_incident_closed_without_being_resolved_never_recovered(uptime: Uptime) -> None:
    incident = await uptime.brought_to("acknowledged")
    closed = (await uptime.done("PUT", f"/{incident}/status", {"status": "closed"}))["data"]
    assert (closed["incident"]["resolved_at"], closed["recovery_time_seconds"]) == (None, None)


async def test_resolving_the_incident_of_a_process_has_its_job_tried_again(alone: Uptime) -> None:
    incident = await alone.failed_process()
    await alone.moved(incident, "resolved")
    (job,) = await alone.client.lock()
    await alone.client.complete(job)
    (row,) = await alone.client.rows("incidents")
    assert (row["resolvedBy"], "resolvedAt" in row) == ("key:bootstrap", True)


async def test_closing_an_unresolved_incident_of_a_process_resolves_it_first(alone: Uptime) -> None:
    incident = await alone.failed_process()
    await alone.moved(incident, "acknowledged")
    closed = await alone.moved(incident, "closed")
    assert closed["resolved_at"] is not None
    assert [row["new_value"] for row in await alone.updates(incident) if row["field"] == "status"] == [
        "closed",
        "resolved",
        "acknowledged",
        "open",
    ]
    assert len(await alone.client.lock()) == 1


async def test_the_incident_of_a_process_that_was_ended_is_closed_without_having_been_resolved(alone: Uptime) -> None:
    incident = await alone.failed_process()
    (instance,) = await alone.client.rows("process-instances")
    path = f"/process-instances/{instance['partition']}/{instance['id']}/cancel"
    await alone.client.ok("PATCH", path, {"workerId": "ada"})
    shown = await alone.shown(incident)
    assert (shown["status"], shown["resolved_at"]) == ("closed", None)
    for status in STATUSES:
        refusal = await alone.refused("PUT", f"/{incident}/status", {"status": status})
        assert refusal == (409, "CONFLICT", {"allowed": []})


async def test_a_move_under_one_key_is_made_once(uptime: Uptime) -> None:
    incident = (await uptime.opened())["id"]
    path, body = f"/api/incidents/{incident}/status", {"status": "acknowledged", "note": "mine"}
    first, again = [await uptime.client.call("PUT", path, body, Idempotency_Key="k1") for _ in range(2)]
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    other = await uptime.refused("PUT", f"/{incident}/status", {"status": "resolved"}, Idempotency_Key="k1")
    assert other[:2] == (409, "CONFLICT")
