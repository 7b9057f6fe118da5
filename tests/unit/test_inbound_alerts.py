"""Alerts of other systems: what opens an incident, what is one more sign of it, what resolves it (incidents.md 0.6)."""

from datetime import timedelta
from typing import Any

import pytest

from commands.inbound_alerts import AcknowledgeAlert, AlertAnswer, RaiseAlert, ResolveAlert
from commands.incident_merging import MergeIncident
from commands.incident_moves import MoveIncident
from commands.incident_opening import OpenIncident
from domain.event import Event
from domain.identity import incident_stream
from domain.incidents.dialects import RefusedMove
from domain.incidents.events import (
    AlertCause,
    IncidentAcknowledged,
    IncidentOpened,
    IncidentRecurred,
    IncidentResolved,
    IncidentStartBackdated,
)
from domain.incidents.incident import Incident
from domain.incidents.status import Status
from tests.story import MORNING, Stage

DISK = RaiseAlert(
    "custom", "disk-7", "Disk full", "0 bytes left", 3, "billing", "production", '{"tags":{"host":"db1"}}'
)
OVER = ResolveAlert("custom", "disk-7")
SEEN = AcknowledgeAlert("custom", "disk-7")


def sent(stage: Stage, command: Any, tenant: str = "default") -> AlertAnswer:
    answer: AlertAnswer = stage.send(command, tenant=tenant)
    return answer


def facts(stage: Stage, ulid: str) -> list[Event]:
    return [fact.event for fact in stage.log.streams[incident_stream(ulid)]]


def state(stage: Stage, ulid: str) -> Incident:
    known: Incident = stage.log.states[incident_stream(ulid)]
    return known


def test_the_first_alert_opens_an_incident_with_all_that_it_says() -> None:
    stage = Stage()
    first = sent(stage, DISK)
    assert first.outcome == "accepted"
    cause = AlertCause("custom", "disk-7", "billing", "production", '{"tags":{"host":"db1"}}')
    assert facts(stage, first.incident) == [
        IncidentOpened("external_alert", 3, "Disk full", "0 bytes left", alert=cause),
    ]


def test_opening_and_noting_which_incident_it_was_are_one_append() -> None:
    stage = Stage()
    sent(stage, DISK)
    assert len({fact.correlation_id for fact in stage.log.facts}) == 1
    assert len(stage.log.facts) == 2


def test_it_comes_again_while_its_incident_is_unresolved() -> None:
    stage = Stage()
    first = sent(stage, DISK)
    for status in ("acknowledged", "investigating"):
        stage.send(MoveIncident("alerts", status), first.incident)
        assert sent(stage, DISK) == AlertAnswer(first.incident, "duplicate")
    assert state(stage, first.incident).failure_count == 3
    assert len(stage.log.states) == 2


def test_what_it_says_is_kept_where_it_says_something_new() -> None:
    stage = Stage()
    first = sent(stage, DISK)
    sent(stage, DISK)
    sent(stage, RaiseAlert("custom", "disk-7", "Disk full", "it is worse now", 3))
    assert facts(stage, first.incident)[1:] == [IncidentRecurred(), IncidentRecurred("it is worse now")]


def test_after_each_end_a_new_incident_begins_that_is_linked_to_the_last() -> None:
    stage = Stage()
    last = sent(stage, DISK).incident
    for dialect, status in (("feed", "resolved"), ("alerts", "closed")):
        stage.send(MoveIncident(dialect, status), last)  # type: ignore[arg-type]  # words of the table above
        again = sent(stage, DISK)
        assert again.outcome == "accepted"
        assert again.incident != last
        opened = facts(stage, again.incident)[0]
        assert isinstance(opened, IncidentOpened)
        assert opened.previous_incident == last
        last = again.incident


def test_an_incident_that_was_reopened_gets_the_next_alert() -> None:
    stage = Stage()
    first = sent(stage, DISK).incident
    stage.send(MoveIncident("alerts", "resolved"), first)
    stage.send(MoveIncident("alerts", "open"), first)
    assert sent(stage, DISK) == AlertAnswer(first, "duplicate")


def test_an_older_incident_is_not_reopened_while_a_newer_one_of_its_alert_is_unresolved() -> None:
    stage = Stage()
    older = sent(stage, DISK).incident
    sent(stage, OVER)
    newer = sent(stage, DISK).incident
    other = stage.send(OpenIncident("Storage is down", "all of it", 4))
    stage.send(MergeIncident(other), newer)
    before = len(stage.log.facts)
    with pytest.raises(RefusedMove, match=f"since inc_{other} about the same is unresolved"):
        stage.send(MoveIncident("alerts", "open"), older)
    assert len(stage.log.facts) == before
    stage.send(MoveIncident("alerts", "open"), newer)
    assert sent(stage, DISK) == AlertAnswer(newer, "duplicate")


def test_an_older_incident_that_is_reopened_gets_the_next_alert() -> None:
    stage = Stage()
    older = sent(stage, DISK).incident
    sent(stage, OVER)
    newer = sent(stage, DISK).incident
    sent(stage, OVER)
    stage.send(MoveIncident("alerts", "open"), older)
    assert stage.log.facts[-1].correlation_id == stage.log.facts[-2].correlation_id
    with pytest.raises(RefusedMove):
        stage.send(MoveIncident("alerts", "open"), newer)
    assert sent(stage, DISK) == AlertAnswer(older, "duplicate")
    assert sent(stage, OVER) == AlertAnswer(older, "resolved")


def test_what_was_merged_gets_its_next_alert_where_it_is_worked_on_now() -> None:
    stage = Stage()
    first = sent(stage, DISK).incident
    second = stage.send(OpenIncident("Storage is down", "all of it", 4))
    third = stage.send(OpenIncident("The data centre is down", "all of it", 4))
    stage.send(MergeIncident(second), first)
    assert sent(stage, DISK) == AlertAnswer(second, "duplicate")
    stage.send(MergeIncident(third), second)
    assert sent(stage, DISK) == AlertAnswer(third, "duplicate")
    stage.send(MoveIncident("feed", "resolved"), third)
    again = sent(stage, DISK)
    assert again.outcome == "accepted"
    opened = facts(stage, again.incident)[0]
    assert isinstance(opened, IncidentOpened)
    assert opened.previous_incident == first


def test_alerts_of_another_id_or_provider_or_tenant_have_incidents_of_their_own() -> None:
    stage = Stage()
    others = (
        RaiseAlert("custom", "disk-8", "Disk full", "0 bytes left", 3),
        RaiseAlert("pagerduty", "disk-7", "Disk full", "0 bytes left", 3),
    )
    answers = [sent(stage, command) for command in (DISK, *others)]
    answers.append(sent(stage, DISK, tenant="acme"))
    assert {answer.outcome for answer in answers} == {"accepted"}
    assert len({answer.incident for answer in answers}) == 4
    assert sent(stage, ResolveAlert("custom", "disk-7"), tenant="rival") == AlertAnswer("", "ignored")


def test_one_that_began_before_it_came_in_has_its_start_put_back() -> None:
    stage = Stage()
    began = MORNING - timedelta(hours=2)
    early = RaiseAlert("alertmanager", "f00", "Slow", "p95", 2, started_at=began)
    answer = sent(stage, early)
    assert facts(stage, answer.incident)[1:] == [IncidentStartBackdated(began)]


def test_it_resolves_by_itself_once() -> None:
    stage = Stage()
    first = sent(stage, DISK).incident
    stage.send(MoveIncident("feed", "investigating"), first)
    assert sent(stage, OVER) == AlertAnswer(first, "resolved")
    assert facts(stage, first)[-1] == IncidentResolved("automatic", Status.INVESTIGATING)
    before = len(stage.log.facts)
    assert sent(stage, OVER) == AlertAnswer(first, "ignored")
    assert sent(stage, ResolveAlert("custom", "unheard of")) == AlertAnswer("", "ignored")
    assert len(stage.log.facts) == before


def test_it_is_acknowledged_only_where_nobody_has_taken_it_up() -> None:
    stage = Stage()
    first = sent(stage, DISK).incident
    assert sent(stage, SEEN) == AlertAnswer(first, "acknowledged")
    assert facts(stage, first)[-1] == IncidentAcknowledged(Status.OPEN)
    assert sent(stage, SEEN) == AlertAnswer(first, "ignored")
    stage.send(MoveIncident("feed", "investigating"), first)
    assert sent(stage, SEEN) == AlertAnswer(first, "ignored")
    assert state(stage, first).status is Status.INVESTIGATING
    assert sent(stage, AcknowledgeAlert("custom", "unheard of")) == AlertAnswer("", "ignored")


def test_what_was_merged_is_not_resolved_with_one_of_its_alerts() -> None:
    stage = Stage()
    first = sent(stage, DISK).incident
    second = stage.send(OpenIncident("Storage is down", "all of it", 4))
    stage.send(MergeIncident(second), first)
    assert sent(stage, OVER) == AlertAnswer(first, "ignored")
    assert sent(stage, SEEN) == AlertAnswer(first, "ignored")
    assert state(stage, second).status is Status.OPEN
