"""Folding: what a command comes to does not depend on whether its facts are taken in together or one by one."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from commands.decision_tables import CHANGES, Changes, JobChange
from domain.access.events import TenantRegistered
from domain.bpmn.events import (
    ElementCompleted,
    JobCanceled,
    JobCompleted,
    JobCreated,
    JobFailed,
    JobLocked,
    JobType,
    JobUnlocked,
)
from domain.event import Event

DAY = date(2026, 11, 23)
STREAM = "instance-2026-11-23-17"
DUE = datetime(2026, 11, 23, 9, tzinfo=UTC)

Rows = dict[tuple[date, int], str | None]


def job(number: int) -> JobCreated:
    return JobCreated(
        id=number,
        type=JobType.EXECUTE,
        process_id=1,
        element_id=2,
        element="task",
        element_instance_id=3,
        due_at=DUE,
    )


def changes_of(*events: Event, actor: str = "bob") -> Changes:
    changes = Changes()
    for event in events:
        changes.add(STREAM, event, "default", actor)
    return changes


def apply(rows: Rows, changes: Sequence[JobChange]) -> None:
    """Do to a table of holders by key what ``log.change_open_jobs`` does to its own."""
    for change in changes:
        key = (change.partition, change.id)
        if change.action == "close":
            rows.pop(key, None)
        elif change.action == "open" or key in rows:
            rows[key] = change.locked_by


@st.composite
def lives(draw: st.DrawFn) -> list[Event]:
    """Draw the facts of a few jobs, each in the order of a life, mixed."""
    events: list[list[Event]] = []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        holds = draw(st.lists(st.sampled_from([JobLocked(id=number), JobUnlocked(id=number)]), max_size=4))
        ends: list[Event] = [JobCompleted(id=number), JobFailed(id=number, error="no"), JobCanceled(id=number)]
        end = draw(st.lists(st.sampled_from(ends), max_size=1))
        events.append([job(number), *holds, *end])
    mixed: list[Event] = []
    while any(events):
        mixed.append(draw(st.sampled_from([life for life in events if life])).pop(0))
    return mixed


@given(lives(), st.data())
def test_facts_taken_in_together_change_what_they_change_one_by_one(events: list[Event], data: st.DataObject) -> None:
    one_by_one: Rows = {}
    for event in events:
        apply(one_by_one, list(changes_of(event).jobs.values()))
    cut = data.draw(st.integers(0, len(events)))
    in_two_commands: Rows = {}
    for part in (events[:cut], events[cut:]):
        apply(in_two_commands, list(changes_of(*part).jobs.values()))
    assert in_two_commands == one_by_one


def test_a_command_comes_to_one_change_of_a_row_at_most() -> None:
    assert list(changes_of(job(1), JobLocked(id=1)).jobs.values()) == [
        JobChange("open", DAY, 1, "default", 1, 17, DUE, "bob")
    ]
    assert list(changes_of(JobLocked(id=1), JobCompleted(id=1)).jobs.values()) == [JobChange("close", DAY, 1)]
    assert not changes_of(job(1), JobLocked(id=1), JobCompleted(id=1)).jobs


def test_most_facts_change_no_decision_table() -> None:
    assert TenantRegistered not in CHANGES
    changes = changes_of(ElementCompleted(id=1))
    assert not any([changes.jobs, changes.tasks, changes.incidents, changes.processes, changes.keys])
