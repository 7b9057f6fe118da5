"""Moving incidents through alerts: its table, reopening, and what stays over (contracts/incidents.md 0.2, 0.6, 4.4)."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.incidents.events import IncidentOpened
from tests.contract.alerting import BREACH, BY_HAND, INCIDENTS, OUTAGE, OUTSIDE, AlertsClient, alerts_client
from tests.contract.tracking import WAYS

WORDS = ("open", "acknowledged", "investigating", "resolved", "closed")

#: The table of section 4.4, as the code of the reference has it.
MOVES = {
    "open": ("acknowledged", "investigating", "resolved", "closed"),
    "acknowledged": ("investigating", "resolved", "closed"),
    "investigating": ("resolved", "closed"),
    "resolved": ("closed", "open"),
    "closed": ("open",),
    "canceled": (),
}

#: How alerts shows each status, by the table of section 0.2.
SHOWN = {
    "open": "open",
    "acknowledged": "acknowledged",
    "triaging": "acknowledged",
    "investigating": "investigating",
    "awaiting_approval": "investigating",
    "remediating": "investigating",
    "resolved": "resolved",
    "closed": "closed",
    "canceled": "closed",
}


@pytest.fixture(scope="module")
async def alerts(shared_database: str) -> AsyncIterator[AlertsClient]:
    async with alerts_client(shared_database) as client:
        yield client


@pytest.mark.parametrize("status", WAYS)
async def test_a_move_is_made_or_refused_by_the_table(alerts: AlertsClient, status: str) -> None:
    allowed = MOVES["canceled" if status == "canceled" else SHOWN[status]]
    for word in WORDS:
        incident = await alerts.opened(BREACH, *WAYS[status])
        assert (await alerts.shown(incident))["status"] == SHOWN[status]
        if word in allowed:
            assert (await alerts.moved(incident, word))["status"] == word
            assert (await alerts.shown(incident))["status"] == word
            continue
        refused = await alerts.error("PATCH", f"{INCIDENTS}/{incident}", {"status": word})
        targets = ", ".join(allowed) or "none"
        assert refused == (400, f"cannot move from {SHOWN[status]} to {word}, allowed targets are: {targets}")
        assert (await alerts.shown(incident))["status"] == SHOWN[status]


@pytest.mark.parametrize("opened", [BREACH, OUTAGE, OUTSIDE, BY_HAND], ids=lambda opened: str(opened.source))
async def test_an_incident_of_any_source_is_worked_on(alerts: AlertsClient, opened: IncidentOpened) -> None:
    incident = await alerts.opened(opened)
    way = ("acknowledged", "investigating", "resolved", "open", "resolved", "closed", "open")
    assert [(await alerts.moved(incident, word))["status"] for word in way] == list(way)
    history = (await alerts.shown(incident))["statusHistory"]
    assert [change["status"] for change in history] == ["open", *way]


@pytest.mark.parametrize(
    "body", [{}, {"status": ""}, {"status": "triaging"}, {"status": "canceled"}, {"status": "Open"}]
)
async def test_an_unknown_word_is_refused_with_the_words_there_are(alerts: AlertsClient, body: Any) -> None:
    incident = await alerts.opened()
    status, text = await alerts.error("PATCH", f"{INCIDENTS}/{incident}", body)
    assert status == 400
    assert text.startswith("fields are invalid: status ")
    assert not body.get("status") or text.endswith(f"must be one of {', '.join(WORDS)}")


async def test_the_stamps_are_those_of_the_current_cycle(alerts: AlertsClient) -> None:
    incident = await alerts.opened()
    fresh = await alerts.shown(incident)
    assert stamps(fresh) == [None, None, None, None]
    acknowledged = await alerts.moved(incident, "acknowledged")
    first = acknowledged["acknowledgedAt"]
    assert first >= fresh["firedAt"]
    assert stamps(await alerts.moved(incident, "investigating")) == [first, None, None, None]
    resolved = await alerts.moved(incident, "resolved")
    assert stamps(resolved) == [first, resolved["updatedAt"], "key:bootstrap", None]
    closed = await alerts.moved(incident, "closed")
    assert stamps(closed) == [first, resolved["updatedAt"], "key:bootstrap", closed["updatedAt"]]
    assert stamps(await alerts.moved(incident, "open")) == [None, None, None, None]
    straight = await alerts.moved(incident, "resolved")
    assert stamps(straight) == [None, straight["updatedAt"], "key:bootstrap", None]
    unresolved = await alerts.moved(await alerts.opened(), "closed")
    assert stamps(unresolved) == [None, None, None, unresolved["updatedAt"]]


def stamps(incident: Any) -> list[Any]:
    return [incident[name] for name in ("acknowledgedAt", "resolvedAt", "resolvedBy", "closedAt")]


async def test_the_history_has_the_changes_of_the_word_that_is_shown(alerts: AlertsClient) -> None:
    incident = await alerts.opened(BREACH, *WAYS["acknowledged"])
    await alerts.happened(incident, *WAYS["triaging"])  # the same word in alerts
    operator = await alerts.key("operator", name="ops")
    moved = await alerts.moved(incident, "investigating", Authorization=operator)
    await alerts.happened(incident, *WAYS["awaiting_approval"], *WAYS["remediating"])  # again the same word
    shown = await alerts.moved(incident, "resolved")
    history = shown["statusHistory"]
    assert [(change["status"], change["changedBy"]) for change in history] == [
        ("open", "system"),
        ("acknowledged", "system"),
        ("investigating", "key:ops"),
        ("resolved", "key:bootstrap"),
    ]
    assert history[0]["changedAt"] == shown["firedAt"]
    assert history[2]["changedAt"] == moved["updatedAt"]
    assert history[3]["changedAt"] == shown["resolvedAt"]


async def test_moves_are_told_apart_by_their_idempotency_key(alerts: AlertsClient) -> None:
    incident = await alerts.opened()
    first = await alerts.moved(incident, "acknowledged", Idempotency_Key="k1")
    assert await alerts.moved(incident, "acknowledged", Idempotency_Key="k1") == first
    assert (await alerts.error("PATCH", f"{INCIDENTS}/{incident}", {"status": "closed"}, Idempotency_Key="k1"))[
        0
    ] == 409
    assert len((await alerts.shown(incident))["statusHistory"]) == 2


@pytest.fixture
async def stopped(database: str) -> AsyncIterator[AlertsClient]:
    """Have a job of a process fail with no retries left, on a node of its own."""
    async with alerts_client(database) as alerts:
        await alerts.deploy()
        await alerts.start()
        (job,) = await alerts.lock()
        await alerts.complete(job, error="no money")
        yield alerts


async def test_resolving_an_incident_of_a_process_has_its_job_tried_again(stopped: AlertsClient) -> None:
    (incident,) = await stopped.listed()
    assert not await stopped.lock()
    moved = await stopped.moved(incident, "resolved")
    assert (moved["status"], moved["resolvedBy"]) == ("resolved", "key:bootstrap")
    assert (await stopped.rows("incidents"))[0]["resolvedBy"] == "key:bootstrap"
    (job,) = await stopped.lock()
    await stopped.complete(job)
    assert [row["state"] for row in await stopped.rows("process-instances")] == ["COMPLETED"]


async def test_closing_an_unresolved_incident_of_a_process_resolves_it_first(stopped: AlertsClient) -> None:
    (incident,) = await stopped.listed()
    closed = await stopped.moved(incident, "closed")
    assert [change["status"] for change in closed["statusHistory"]] == ["open", "resolved", "closed"]
    assert closed["resolvedAt"] == closed["closedAt"]
    assert len(await stopped.lock()) == 1


async def test_an_incident_of_a_process_is_never_reopened(stopped: AlertsClient) -> None:
    (incident,) = await stopped.listed()
    await stopped.moved(incident, "resolved")
    refused = await stopped.error("PATCH", f"{INCIDENTS}/{incident}", {"status": "open"})
    assert refused == (400, "cannot move from resolved to open, allowed targets are: closed")
    await stopped.moved(incident, "closed")
    refused = await stopped.error("PATCH", f"{INCIDENTS}/{incident}", {"status": "open"})
    assert refused == (400, "cannot move from closed to open, allowed targets are: none")
    (job,) = await stopped.lock()
    await stopped.complete(job, error="no money again")
    assert len(await stopped.listed()) == 2


async def test_an_incident_whose_instance_is_ended_is_canceled_and_refuses_every_move(stopped: AlertsClient) -> None:
    (incident,) = await stopped.listed()
    (instance,) = await stopped.rows("process-instances")
    place = f"/process-instances/{instance['partition']}/{instance['id']}"
    await stopped.ok("PATCH", f"{place}/cancel", {"workerId": "ada"})
    shown = await stopped.shown(incident)
    assert (shown["status"], shown["resolvedAt"], shown["resolvedBy"]) == ("closed", None, None)
    assert shown["closedAt"] == shown["updatedAt"]
    for word in WORDS:
        refused = await stopped.error("PATCH", f"{INCIDENTS}/{incident}", {"status": word})
        assert refused == (400, f"cannot move from closed to {word}, allowed targets are: none")
    assert (await stopped.noted(incident, "gone"))["notes"][0]["content"] == "gone"


async def test_the_times_are_those_of_the_engine(database: str) -> None:
    async with alerts_client(database, set_time_enabled=True) as alerts:
        incident = await alerts.opened()
        fired = (await alerts.shown(incident))["firedAt"]
        await alerts.ok("PATCH", "/time", {"timeDuration": "PT2H"})
        moved = await alerts.moved(incident, "acknowledged")
        assert hours_between(fired, moved["acknowledgedAt"]) >= timedelta(hours=2)


def hours_between(before: str, after: str) -> timedelta:
    return datetime.fromisoformat(after) - datetime.fromisoformat(before)
