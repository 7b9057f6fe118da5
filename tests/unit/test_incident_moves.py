"""Moves of incidents, decided in the words of each API: its own table, the union behind it, and what a move does."""

from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from commands.access import ChangeTenant, RegisterTenant
from commands.incident_moves import MoveIncident, ReturnToOpen
from commands.incident_opening import OpenIncident
from domain.bpmn.events import JobCreated
from domain.event import Event
from domain.identity import incident_stream
from domain.incidents.dialects import DIALECTS, DialectName, RefusedMove
from domain.incidents.events import (
    IncidentAcknowledged,
    IncidentAssigned,
    IncidentClosed,
    IncidentReopened,
    IncidentResolved,
    IncidentStatusChanged,
)
from domain.incidents.incident import Incident
from domain.incidents.status import Status
from domain.rejection import InvalidInput, NotFound
from tests.story import STEP, Stage, Story, bpmn

ONE_TASK = bpmn("s:startEvent work:serviceTask e:endEvent", "s>work work>e")

#: What each API shows (contracts/incidents.md 0.2, first table), by canonical status: feed, uptime, alerts.
SHOWN: dict[str, tuple[str, str, str]] = {
    "open": ("open", "open", "open"),
    "acknowledged": ("triaging", "acknowledged", "acknowledged"),
    "triaging": ("triaging", "acknowledged", "acknowledged"),
    "investigating": ("investigating", "acknowledged", "investigating"),
    "awaiting_approval": ("awaiting_approval", "acknowledged", "investigating"),
    "remediating": ("remediating", "acknowledged", "investigating"),
    "resolved": ("resolved", "resolved", "resolved"),
    "closed": ("closed", "closed", "closed"),
}

FEED_ALLOWED = {
    "open": "triaging investigating awaiting_approval remediating resolved closed",
    "triaging": "investigating awaiting_approval remediating resolved closed",
    "investigating": "awaiting_approval remediating resolved closed",
    "awaiting_approval": "investigating remediating resolved closed",
    "remediating": "resolved closed",
    "resolved": "closed",
    "closed": "",
}
UPTIME_ALLOWED = {
    "open": "acknowledged resolved",
    "acknowledged": "resolved closed",
    "resolved": "closed",
    "closed": "",
}
ALERTS_ALLOWED = {
    "open": "acknowledged investigating resolved closed",
    "acknowledged": "investigating resolved closed",
    "investigating": "resolved closed",
    "resolved": "closed open",
    "closed": "open",
}
ALLOWED: dict[DialectName, dict[str, str]] = {"feed": FEED_ALLOWED, "uptime": UPTIME_ALLOWED, "alerts": ALERTS_ALLOWED}

#: How an incident gets into each canonical status from open, by moves that some API allows.
WAYS: dict[str, tuple[tuple[DialectName, str], ...]] = {
    "open": (),
    "acknowledged": (("uptime", "acknowledged"),),
    "triaging": (("feed", "triaging"),),
    "investigating": (("feed", "investigating"),),
    "awaiting_approval": (("feed", "awaiting_approval"),),
    "remediating": (("feed", "remediating"),),
    "resolved": (("alerts", "resolved"),),
    "closed": (("alerts", "closed"),),
}

CASES = [(status, dialect, word) for status, dialect in product(SHOWN, ALLOWED) for word in ALLOWED[dialect]]


def opened(stage: Stage, **given: Any) -> str:
    ulid: str = stage.send(OpenIncident("Checkout is slow", "since noon", 3, **given))
    return ulid


def moved(stage: Stage, ulid: str, *moves: tuple[DialectName, str]) -> str:
    for dialect, word in moves:
        stage.send(MoveIncident(dialect, word), ulid)
    return ulid


def state(stage: Stage, ulid: str) -> Incident:
    known: Incident = stage.log.states[incident_stream(ulid)]
    return known


def facts(stage: Stage, ulid: str) -> list[Event]:
    return [fact.event for fact in stage.log.streams[incident_stream(ulid)]]


def stopped() -> tuple[Story, str]:
    """Return a story whose only job has failed for good, and its incident."""
    story = Story(ONE_TASK).fails("work")
    ((_, work),) = story.instance.incidents.items()
    return story, work.incident


@pytest.mark.parametrize(("status", "dialect", "word"), CASES)
def test_an_api_moves_an_incident_as_its_own_table_says(status: str, dialect: DialectName, word: str) -> None:
    stage = Stage()
    ulid = moved(stage, opened(stage), *WAYS[status])
    assert state(stage, ulid).status == status
    shown = SHOWN[status][list(ALLOWED).index(dialect)]
    allowed = tuple(ALLOWED[dialect][shown].split())
    before = len(stage.log.facts)
    if word in allowed:
        moved(stage, ulid, (dialect, word))
        assert state(stage, ulid).status == word
    else:
        with pytest.raises(RefusedMove) as refused:
            moved(stage, ulid, (dialect, word))
        assert (refused.value.current, refused.value.asked) == (shown, word)
        assert set(refused.value.allowed) == set(allowed)
        assert len(stage.log.facts) == before


def test_moves_are_told_by_facts_of_their_own() -> None:
    stage = Stage()
    ulid = opened(stage)
    stage.send(MoveIncident("uptime", "acknowledged", "on it", "lee"), ulid)
    moved(stage, ulid, ("feed", "investigating"), ("alerts", "resolved"), ("alerts", "open"))
    moved(stage, ulid, ("alerts", "closed"), ("alerts", "open"))
    assert facts(stage, ulid)[1:] == [
        IncidentAcknowledged(Status.OPEN, "on it"),
        IncidentAssigned("", "lee"),
        IncidentStatusChanged(Status.ACKNOWLEDGED, Status.INVESTIGATING),
        IncidentResolved("manual", Status.INVESTIGATING),
        IncidentReopened(Status.RESOLVED),
        IncidentClosed(Status.OPEN),
        IncidentReopened(Status.CLOSED),
    ]


@pytest.mark.parametrize("dialect", ALLOWED)
def test_resolving_an_incident_of_a_process_through_any_api_tries_its_job_again_once(dialect: DialectName) -> None:
    story, ulid = stopped()
    before = len(story.stage.log.facts)
    moved(story.stage, ulid, (dialect, "resolved"))
    again = [fact for fact in story.stage.log.facts[before:] if isinstance(fact.event, JobCreated)]
    assert len(again) == 1
    assert len({fact.correlation_id for fact in story.stage.log.facts[before:]}) == 1
    assert facts(story.stage, ulid)[1:] == [IncidentResolved("retry")]
    assert not story.instance.incidents
    with pytest.raises(RefusedMove):
        moved(story.stage, ulid, (dialect, "resolved"))
    story.completes("work").has_ended()


@pytest.mark.parametrize(("dialect", "first"), [("feed", ""), ("alerts", ""), ("uptime", "acknowledged")])
def test_closing_an_unresolved_incident_of_a_process_resolves_it_first(dialect: DialectName, first: str) -> None:
    story, ulid = stopped()
    if first:
        moved(story.stage, ulid, (dialect, first))
    moved(story.stage, ulid, (dialect, "closed"))
    resolved, closed = facts(story.stage, ulid)[-2:]
    assert isinstance(resolved, IncidentResolved)
    assert resolved.how == "retry"
    assert closed == IncidentClosed(Status.RESOLVED)
    story.completes("work").has_ended()


def test_an_incident_of_a_process_is_never_reopened() -> None:
    story, ulid = stopped()
    moved(story.stage, ulid, ("alerts", "resolved"))
    with pytest.raises(RefusedMove) as refused:
        moved(story.stage, ulid, ("alerts", "open"))
    assert refused.value.allowed == ("closed",)
    moved(story.stage, ulid, ("alerts", "closed"))
    with pytest.raises(RefusedMove) as refused:
        moved(story.stage, ulid, ("alerts", "open"))
    assert refused.value.allowed == ()


@pytest.mark.parametrize(("dialect", "word"), [(dialect, word) for dialect in ALLOWED for word in ALLOWED[dialect]])
def test_an_incident_whose_subject_is_gone_goes_nowhere(dialect: DialectName, word: str) -> None:
    story, ulid = stopped()
    moved(story.stage, ulid, ("feed", "investigating"))
    story.is_canceled()
    assert state(story.stage, ulid).status is Status.CANCELED
    with pytest.raises(RefusedMove) as refused:
        moved(story.stage, ulid, (dialect, word))
    assert (refused.value.current, refused.value.allowed) == ("closed", ())


def impatient(minutes: int = 30) -> Stage:
    """Return a stage whose tenant lets acknowledgements be for so many minutes."""
    stage = Stage()
    stage.send(RegisterTenant("default", "Default", "free"))
    stage.send(ChangeTenant(acknowledgement_timeout_minutes=minutes), "default")
    return stage


def stays(stage: Stage, ulid: str) -> bool:
    """Have the policy find that an acknowledgement has run out; tell whether nothing comes of it."""
    before = len(stage.log.facts)
    answer = stage.send(ReturnToOpen(), ulid, by="engine")
    assert (answer is None) is (len(stage.log.facts) == before)
    return answer is None


def test_an_acknowledgement_that_nobody_followed_up_on_is_taken_back_once() -> None:
    stage = impatient()
    ulid = moved(stage, opened(stage), ("uptime", "acknowledged"))
    stage.passes(timedelta(minutes=30) - 2 * STEP)
    assert stays(stage, ulid)
    assert not stays(stage, ulid)
    assert state(stage, ulid).status is Status.OPEN
    moved(stage, ulid, ("feed", "investigating"))
    assert stays(stage, ulid)


def test_an_incident_that_was_acknowledged_again_meanwhile_has_all_of_its_time() -> None:
    stage = impatient()
    ulid = moved(stage, opened(stage), ("uptime", "acknowledged"))
    stage.passes(timedelta(minutes=30))
    moved(stage, ulid, ("alerts", "resolved"), ("alerts", "open"), ("uptime", "acknowledged"))
    assert stays(stage, ulid)
    stage.passes(timedelta(minutes=30))
    assert not stays(stage, ulid)


@pytest.mark.parametrize("minutes", [0, 60])
def test_a_tenant_that_has_just_given_more_time_is_heard(minutes: int) -> None:
    stage = impatient()
    ulid = moved(stage, opened(stage), ("uptime", "acknowledged"))
    stage.passes(timedelta(minutes=30))
    stage.send(ChangeTenant(acknowledgement_timeout_minutes=minutes), "default")
    assert stays(stage, ulid)


def test_another_tenants_incident_is_as_unknown_as_any_other() -> None:
    stage = Stage()
    ulid = opened(stage)
    for foreign in (ulid, "0" * 26):
        with pytest.raises(NotFound, match="could not be found"):
            stage.send(MoveIncident("feed", "resolved"), foreign, tenant="acme")


@pytest.mark.parametrize(
    ("given", "pointer"),
    [
        ({"status": "paused"}, "#/status"),
        ({"status": ""}, "#/status"),
        ({"status": "canceled"}, "#/status"),
        ({"status": "resolved", "note": "x" * 501}, "#/note"),
        ({"status": "resolved", "note": "a\x00b"}, "#/note"),
        ({"status": "resolved", "assignee": "l" * 129}, "#/assignee_id"),
    ],
)
def test_words_and_texts_that_cannot_be_are_refused_with_their_place(given: dict[str, str], pointer: str) -> None:
    stage = Stage()
    ulid = opened(stage)
    with pytest.raises(InvalidInput) as refused:
        stage.send(MoveIncident("uptime", **given), ulid)
    assert [cause.pointer for cause in refused.value.causes] == [pointer]


@pytest.mark.parametrize(
    ("dialect", "shown", "inbound"),
    [
        ("feed", "critical high medium low low", {"critical": 4, "high": 3, "medium": 2, "low": 1, "info": 0}),
        ("uptime", "critical major minor warning warning", {"critical": 4, "major": 3, "minor": 2, "warning": 1}),
        ("alerts", "critical warning warning info info", {"critical": 4, "warning": 3, "info": 1}),
    ],
)
def test_severities_are_shown_and_taken_in_the_words_of_each_api(
    dialect: DialectName, shown: str, inbound: dict[str, int]
) -> None:
    spoken = DIALECTS[dialect]
    assert [spoken.severities[rank] for rank in (4, 3, 2, 1, 0)] == shown.split()
    assert spoken.ranks == inbound


def test_statuses_are_shown_in_the_words_of_each_api() -> None:
    for number, spoken in enumerate(DIALECTS.values()):
        shown = {status.value: word for status, word in spoken.statuses.items()}
        assert shown.pop("canceled") == "closed"
        assert shown == {status: words[number] for status, words in SHOWN.items()}
