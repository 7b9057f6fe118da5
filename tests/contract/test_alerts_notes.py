"""Notes on incidents: what is kept, who wrote it, and who else sees it (contracts/incidents.md 0.6, 4.2)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.incidents.events import IncidentNoteAdded
from tests.contract.alerting import BREACH, INCIDENTS, AlertsClient, alerts_client
from tests.contract.tracking import WAYS

REQUIRED = (400, "note content is required")


@pytest.fixture(scope="module")
async def alerts(shared_database: str) -> AsyncIterator[AlertsClient]:
    async with alerts_client(shared_database) as client:
        yield client


async def test_a_note_is_kept_without_the_blanks_around_it(alerts: AlertsClient) -> None:
    incident = await alerts.opened()
    before = await alerts.shown(incident)
    shown = await alerts.noted(incident, " \n The provider confirmed it.\nIt is theirs. \t")
    (note,) = shown["notes"]
    assert note["createdAt"] == shown["updatedAt"] >= before["updatedAt"]
    assert note == {
        "userId": "key:bootstrap",
        "userEmail": None,
        "userName": "key:bootstrap",
        "content": "The provider confirmed it.\nIt is theirs.",
        "createdAt": shown["updatedAt"],
    }
    assert await alerts.shown(incident) == shown
    assert (shown["status"], shown["statusHistory"]) == ("open", before["statusHistory"])


async def test_notes_come_in_the_order_in_which_they_were_written_with_their_authors(alerts: AlertsClient) -> None:
    incident = await alerts.opened()
    await alerts.noted(incident, "first", Authorization=await alerts.key("operator", name="ops"))
    await alerts.happened(incident, IncidentNoteAdded("second", "ada@example.org"))
    notes = (await alerts.noted(incident, "third"))["notes"]
    assert [note["content"] for note in notes] == ["first", "second", "third"]
    assert [note["userId"] for note in notes] == ["key:ops", "system", "key:bootstrap"]
    assert (notes[1]["userEmail"], notes[1]["userName"]) == ("ada@example.org", "ada@example.org")


async def test_an_incident_comes_with_its_latest_notes_and_in_a_list_with_fewer(alerts: AlertsClient) -> None:
    incident = await alerts.opened()
    await alerts.happened(incident, *(IncidentNoteAdded(f"{number}") for number in range(510)))
    shown = (await alerts.shown(incident))["notes"]
    assert [note["content"] for note in shown] == [f"{number}" for number in range(10, 510)]
    listed = (await alerts.ok("GET", INCIDENTS))["incidents"]
    (notes,) = [row["notes"] for row in listed if row["_id"] == incident]
    assert notes == shown[-20:]


async def test_a_note_is_taken_in_every_status(alerts: AlertsClient) -> None:
    for way in WAYS.values():
        incident = await alerts.opened(BREACH, *way)
        assert [note["content"] for note in (await alerts.noted(incident, "noted"))["notes"]] == ["noted"]


async def test_what_is_no_text_or_says_nothing_is_refused(alerts: AlertsClient) -> None:
    incident = await alerts.opened()
    bodies: list[Any] = [{}, *({"content": content} for content in ("", " \n\t  ", None, 5, ["a"]))]
    for body in bodies:
        assert await alerts.error("POST", f"{INCIDENTS}/{incident}/notes", body) == REQUIRED
    assert (await alerts.shown(incident))["notes"] == []


async def test_a_note_has_at_most_4000_characters_and_none_that_cannot_be_seen(alerts: AlertsClient) -> None:
    incident = await alerts.opened()
    path = f"{INCIDENTS}/{incident}/notes"
    assert len((await alerts.noted(incident, "ü" * 4000))["notes"][0]["content"]) == 4000
    for content, reason in (
        ("x" * 4001, "must have at most 4000 characters"),
        ("a\0b", "must not contain control characters"),
        ("a\x1b[2Jb", "must not contain control characters"),
    ):
        answer = await alerts.error("POST", path, {"content": content})
        assert answer == (400, f"note content is invalid: content {reason}")
    assert len((await alerts.shown(incident))["notes"]) == 1


async def test_a_note_under_an_idempotency_key_is_kept_once(alerts: AlertsClient) -> None:
    incident = await alerts.opened()
    first = await alerts.noted(incident, "once", Idempotency_Key="n1")
    assert await alerts.noted(incident, "once", Idempotency_Key="n1") == first
    path = f"{INCIDENTS}/{incident}/notes"
    assert (await alerts.error("POST", path, {"content": "twice"}, Idempotency_Key="n1"))[0] == 409
    assert [note["content"] for note in (await alerts.shown(incident))["notes"]] == ["once"]
