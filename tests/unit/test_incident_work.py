"""What people do with incidents beside moving them: open, change, annotate, merge."""

from datetime import timedelta
from typing import Any

import pytest

from commands.incident_changes import AddNote, ChangeIncident, NoteAnswer
from commands.incident_merging import MergeIncident
from commands.incident_moves import MoveIncident
from commands.incident_opening import OpenIncident
from domain.event import Event
from domain.identity import incident_stream
from domain.incidents.dialects import DialectName
from domain.incidents.events import (
    DuplicateMerged,
    IncidentClosed,
    IncidentFieldChanged,
    IncidentMerged,
    IncidentNoteAdded,
    IncidentOpened,
    IncidentResolved,
    IncidentSeverityChanged,
    IncidentStartBackdated,
)
from domain.incidents.status import Status
from domain.rejection import InvalidInput, InvalidState, NotFound
from tests.story import Stage, Story, bpmn


def opened(stage: Stage, **given: Any) -> str:
    ulid: str = stage.send(OpenIncident("Checkout is slow", "since noon", 3, **given))
    return ulid


def facts(stage: Stage, ulid: str) -> list[Event]:
    return [fact.event for fact in stage.log.streams[incident_stream(ulid)]]


def refused(stage: Stage, command: Any, ulid: str | None = None) -> list[str]:
    """Return the places of what is wrong with a command."""
    before = len(stage.log.facts)
    with pytest.raises(InvalidInput) as refusal:
        stage.send(command, ulid)
    assert len(stage.log.facts) == before
    return [cause.pointer for cause in refusal.value.causes]


def test_a_manual_incident_is_opened_with_what_is_known() -> None:
    stage = Stage()
    ulid = opened(stage, type="timeout", affected_regions=("eu",), affected_monitors=("chk-1",), failure_count=4)
    assert facts(stage, ulid) == [
        IncidentOpened(
            "manual",
            3,
            "Checkout is slow",
            "since noon",
            type="timeout",
            affected_regions=("eu",),
            affected_monitors=("chk-1",),
            failure_count=4,
        )
    ]


def test_a_start_is_back_dated_by_a_later_fact() -> None:
    stage = Stage()
    began = stage.clock.now() - timedelta(hours=2)
    assert facts(stage, opened(stage, started_at=began))[1:] == [IncidentStartBackdated(began)]


@pytest.mark.parametrize(
    ("given", "pointers"),
    [
        ({"title": "  "}, ["#/title"]),
        ({"title": "x" * 256}, ["#/title"]),
        ({"title": "bell \x07"}, ["#/title"]),
        ({"description": ""}, ["#/description"]),
        ({"description": "x" * 4001}, ["#/description"]),
        ({"affected_regions": ("eu", "")}, ["#/affected_regions/1"]),
        ({"affected_regions": ("eu",) * 101}, ["#/affected_regions"]),
        ({"affected_monitors": ("m",) * 101}, ["#/affected_monitor_ids"]),
        ({"affected_monitors": ("m" * 129,)}, ["#/affected_monitor_ids/0"]),
        ({"status_page_update": "x" * 1001}, ["#/status_page_update"]),
        ({"title": "", "description": ""}, ["#/title", "#/description"]),
    ],
)
def test_what_cannot_be_opened_is_told_place_by_place(given: dict[str, Any], pointers: list[str]) -> None:
    fields: dict[str, Any] = {"title": "Checkout is slow", "description": "since noon", "severity": 3} | given
    assert refused(Stage(), OpenIncident(**fields)) == pointers


def test_a_start_that_is_yet_to_come_is_refused() -> None:
    stage = Stage()
    later = stage.clock.now() + timedelta(days=1)
    assert refused(stage, OpenIncident("Later", "much later", 3, started_at=later)) == ["#/started_at"]


def test_changes_are_told_one_by_one_and_only_where_something_changes() -> None:
    stage = Stage()
    ulid = opened(stage)
    change = ChangeIncident("uptime", "critical", "since eleven", ("eu", "us"))
    stage.send(change, ulid)
    assert facts(stage, ulid)[1:] == [
        IncidentSeverityChanged(3, 4),
        IncidentFieldChanged("error_message", "since noon", "since eleven"),
        IncidentFieldChanged("affected_regions", (), ("eu", "us")),
    ]
    before = len(stage.log.facts)
    stage.send(change, ulid)
    assert len(stage.log.facts) == before


def test_a_severity_that_is_shown_by_the_same_word_is_no_change() -> None:
    stage = Stage()
    ulid: str = stage.send(OpenIncident("Disk", "filling up", 0))
    stage.send(ChangeIncident("uptime", "warning"), ulid)
    assert len(facts(stage, ulid)) == 1
    stage.send(ChangeIncident("alerts", "warning"), ulid)
    assert facts(stage, ulid)[1:] == [IncidentSeverityChanged(0, 3)]


@pytest.mark.parametrize(
    ("given", "pointers"),
    [
        ({}, []),
        ({"severity": "high"}, ["#/severity"]),
        ({"severity": ""}, ["#/severity"]),
        ({"error_message": " "}, ["#/error_message"]),
        ({"error_message": "x" * 1001}, ["#/error_message"]),
        ({"affected_regions": ("r" * 65,)}, ["#/affected_regions/0"]),
    ],
)
def test_changes_that_cannot_be_are_told_place_by_place(given: dict[str, Any], pointers: list[str]) -> None:
    stage = Stage()
    ulid = opened(stage)
    assert refused(stage, ChangeIncident("uptime", **given), ulid) == pointers


def test_a_note_is_kept_without_the_blanks_around_it() -> None:
    stage = Stage()
    ulid = opened(stage)
    answer = stage.send(AddNote("uptime", "  restarted \n"), ulid)
    assert answer == NoteAnswer(ulid, 2)
    assert facts(stage, ulid)[1:] == [IncidentNoteAdded("restarted")]
    for blank in ("", " \n\t"):
        assert refused(stage, AddNote("alerts", blank), ulid) == ["#/text"]


@pytest.mark.parametrize("dialect", ["uptime", "feed"])
def test_a_closed_incident_takes_no_changes_and_notes_only_where_the_api_allows_it(dialect: DialectName) -> None:
    stage = Stage()
    ulid = opened(stage)
    stage.send(MoveIncident("alerts", "closed"), ulid)
    for command in (ChangeIncident(dialect, "critical"), AddNote(dialect, "still")):
        with pytest.raises(InvalidState, match="is closed"):
            stage.send(command, ulid)
    stage.send(AddNote("alerts", "it was the cache"), ulid)
    assert facts(stage, ulid)[-1] == IncidentNoteAdded("it was the cache")


def test_merging_links_both_and_closes_the_duplicate() -> None:
    stage = Stage()
    duplicate, original = opened(stage), opened(stage)
    stage.send(MergeIncident(original), duplicate)
    assert facts(stage, duplicate)[1:] == [
        IncidentClosed(Status.OPEN, f"merged into inc_{original}"),
        IncidentMerged(original),
    ]
    assert facts(stage, original)[1:] == [DuplicateMerged(duplicate)]
    assert stage.log.facts[-1].correlation_id == stage.log.facts[-3].correlation_id
    with pytest.raises(InvalidState, match="is merged into"):
        stage.send(MergeIncident(opened(stage)), duplicate)


def test_merging_an_incident_of_a_process_tries_its_job_again() -> None:
    story = Story(bpmn("s:startEvent work:serviceTask e:endEvent", "s>work work>e")).fails("work")
    ((_, work),) = story.instance.incidents.items()
    story.stage.send(MergeIncident(opened(story.stage)), work.incident)
    resolved, closed, merged = facts(story.stage, work.incident)[1:]
    assert resolved == IncidentResolved("retry")
    assert isinstance(closed, IncidentClosed)
    assert isinstance(merged, IncidentMerged)
    story.completes("work").has_ended()


def test_what_is_reopened_is_a_duplicate_no_longer() -> None:
    stage = Stage()
    duplicate, original = opened(stage), opened(stage)
    stage.send(MergeIncident(original), duplicate)
    stage.send(MoveIncident("alerts", "open"), duplicate)
    assert stage.log.states[incident_stream(duplicate)].merged_into == ""
    stage.send(MergeIncident(original), duplicate)


def test_what_is_over_is_not_merged_and_nothing_is_merged_into_it() -> None:
    stage = Stage()
    over, current = opened(stage), opened(stage)
    stage.send(MoveIncident("feed", "closed"), over)
    for duplicate, into in ((over, current), (current, over)):
        with pytest.raises(InvalidState, match=f"incident inc_{over} is closed"):
            stage.send(MergeIncident(into), duplicate)


def test_merging_needs_two_incidents_of_the_tenant() -> None:
    stage = Stage()
    ulid = opened(stage)
    with pytest.raises(InvalidInput, match="into itself"):
        stage.send(MergeIncident(ulid), ulid)
    foreign: str = stage.send(OpenIncident("Elsewhere", "in another tenant", 3), tenant="acme")
    for unknown in (foreign, "0" * 26):
        with pytest.raises(NotFound):
            stage.send(MergeIncident(unknown), ulid)
        with pytest.raises(NotFound):
            stage.send(MergeIncident(ulid), unknown)
