"""Folding: what a command comes to does not depend on whether its facts are taken in together or one by one."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from commands.decision_rows import JobChange, StartChange, SubscriptionChange
from commands.decision_tables import CHANGES, Changes
from domain.access.events import TenantRegistered
from domain.bpmn.events import (
    ElementCompleted,
    JobCanceled,
    JobCompleted,
    JobCreated,
    JobFailed,
    JobLocked,
    JobLockExpired,
    JobType,
    JobUnlocked,
    SignalSubscribed,
    SignalUnsubscribed,
    TaskCreated,
    TaskType,
)
from domain.bpmn.graph import ElementType, EventDefinition
from domain.event import Event
from domain.messaging.events import SignalSent
from domain.processes.events import DeployedElement, ProcessDeployed

DAY = date(2026, 11, 23)
STREAM = "instance-2026-11-23-17"
DUE = datetime(2026, 11, 23, 9, tzinfo=UTC)

#: Who holds a job and until when, by its key.
Rows = dict[tuple[date, int], tuple[str | None, datetime | None]]


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
    changes = Changes(DUE)
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
            rows[key] = (change.locked_by, change.lock_expires_at)


@st.composite
def lives(draw: st.DrawFn) -> list[Event]:
    """Draw the facts of a few jobs, each in the order of a life, mixed."""
    events: list[list[Event]] = []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        locked = [JobLocked(id=number), JobLocked(id=number, expires_at=DUE)]
        holds = draw(st.lists(st.sampled_from([*locked, JobUnlocked(number), JobLockExpired(number)]), max_size=4))
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
    assert not any(changes.by_table())


def test_a_signal_leaves_nothing_of_those_who_began_to_wait_in_its_command() -> None:
    subscribed = SignalSubscribed(id=1, process_id=4, element_id=5, element="stopped", element_instance_id=6, name="s")
    sent = SignalSent(id=9, name="s", subscriber_count=2, subscriptions=(1, 2))
    assert list(changes_of(subscribed, sent).subscriptions.values()) == [SubscriptionChange("close", 2)]
    assert list(changes_of(SignalUnsubscribed(id=1), sent).subscriptions.values()) == [
        SubscriptionChange("close", 1),
        SubscriptionChange("close", 2),
    ]


def test_of_several_versions_of_a_process_the_last_has_its_start_events() -> None:
    def version(number: int) -> ProcessDeployed:
        definition = EventDefinition(message_name=f"m{number}")
        started_by = DeployedElement(number, "s", ElementType.MESSAGE_START_EVENT, "", "order", definition)
        return ProcessDeployed(number, "order", f"v{number}", "<x/>", (started_by,))

    changes = changes_of(version(1), version(2))
    assert [process.version for process in changes.processes] == ["v1", "v2"]
    assert list(changes.by_table()[-1]) == [
        StartChange("close", "default", "order"),
        StartChange("open", "default", "order", "message", "m2", "v2", 2, 2, "s"),
    ]


def test_a_task_that_is_overdue_already_comes_after_those_that_wait() -> None:
    """Else a hundred cycles with a million ticks to catch up with would keep everyone's tasks from being run."""
    hour = timedelta(hours=1)
    tasks = [TaskCreated(number, TaskType.TRIGGER_EVENT, 1, DUE + hour * (number - 2)) for number in (1, 2, 3)]
    assert [task.due_at for task in changes_of(*tasks).tasks.values()] == [DUE, DUE, DUE + hour]
