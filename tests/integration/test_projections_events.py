"""What single facts of events, queues and messages do to the lists and figures, told one by one."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import pytest

from domain.bpmn.events import (
    ElementCompleted,
    ElementEntered,
    ElementStarted,
    ElementTerminated,
    EventTriggered,
    InstanceState,
    JobCreated,
    JobLocked,
    JobLockExpired,
    JobType,
    ProcessInstanceCanceled,
    ProcessInstanceDequeued,
    ProcessInstanceStarted,
    TaskCreated,
    TaskLocked,
    TaskType,
    WorkState,
)
from domain.bpmn.graph import ElementType, EventDefinition, Timer
from domain.event import Actor, Event, Recorded
from domain.identity import InstanceId
from domain.messaging.events import MessageClosed, MessageCorrelated, MessageSent
from domain.processes.events import DeployedElement, ProcessDeployed
from projections.criteria import (
    ElementCriteria,
    ElementInstanceCriteria,
    JobCriteria,
    MessageCriteria,
    Page,
    ProcessInstanceCriteria,
    TaskCriteria,
)
from projections.definitions import TaskSubject, serialized_task
from projections.element_instances.queries import find_element_instances
from projections.elements.queries import find_elements
from projections.insight_heatmap.projector import READ_MODEL as HEATMAP
from projections.insight_heatmap.queries import heatmap
from projections.insight_incidents_graph.queries import incidents_graph
from projections.insight_totals.queries import totals
from projections.insight_versions.queries import version_graph
from projections.jobs.queries import find_jobs
from projections.messages.queries import find_messages
from projections.process_instances.queries import find_process_instances
from projections.tasks.queries import find_tasks
from projections.time_spans import Range
from tests.integration.projection_tables import Connection, empty_tables, fill

DAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
STREAM = InstanceId(DAY, 1).stream
PAGE = Page()

LATE, BROKEN, FAILED, WORK = 11, 12, 13, 14
ELEMENTS = (
    DeployedElement(10, "order", ElementType.PROCESS),
    DeployedElement(LATE, "late", ElementType.TIMER_BOUNDARY_EVENT, parent="order"),
    DeployedElement(BROKEN, "broken", ElementType.ERROR_START_EVENT, parent="handler"),
    DeployedElement(FAILED, "failed", ElementType.ERROR_BOUNDARY_EVENT, parent="order"),
    DeployedElement(WORK, "work", ElementType.SERVICE_TASK, parent="order"),
)
ARMED = ElementEntered(5, 1, LATE, "late", 2, state=InstanceState.CREATED, attached_to=3)
FIRED = EventTriggered(5, 1, LATE, "late", timer=True)


class Told(NamedTuple):
    """Read models of a log that is told fact by fact, a minute apart, each of them in a batch of its own."""

    connection: Connection

    async def tell(self, *events: Event, stream: str = STREAM, together: bool = False) -> None:
        at = [NOON + timedelta(minutes=number) for number in range(len(events))]
        facts = [
            Recorded(n, stream, n, event, "alpha", Actor("worker", "ada"), at[n - 1], at[n - 1], "c")
            for n, event in enumerate(events, start=1)
        ]
        await fill(self.connection, [facts] if together else [[fact] for fact in facts])


@pytest.fixture
async def log(database: str) -> AsyncIterator[Told]:
    async with empty_tables(database) as connection:
        told = Told(connection)
        await told.tell(ProcessDeployed(1, "order", "1", "<xml/>", ELEMENTS), stream="process-alpha-order")
        yield told


async def instances_of(log: Told, element: str) -> int:
    rows = await heatmap(log.connection, "alpha", "order", "1", Range()) or []
    return sum(row.instance_count for row in rows if row.act_id == element)


@pytest.mark.parametrize("together", [False, True])
async def test_an_armed_event_counts_when_it_fires_and_never_again(log: Told, *, together: bool) -> None:
    await log.tell(ARMED, FIRED, ElementStarted(5, 1, "late"), ElementCompleted(5), together=together)
    assert await instances_of(log, "late") == 1


@pytest.mark.parametrize("together", [False, True])
async def test_an_armed_event_that_never_fired_is_no_instance_of_its_activity(log: Told, *, together: bool) -> None:
    await log.tell(ARMED, ElementTerminated(5), together=together)
    assert await instances_of(log, "late") == 0
    assert not await log.connection.fetch("select * from insight_heatmap_waiting")


async def test_an_event_that_had_begun_does_not_count_once_more_when_it_happens(log: Told) -> None:
    await log.tell(ElementEntered(5, 1, LATE, "late", 2), FIRED, ElementCompleted(5))
    assert await instances_of(log, "late") == 1


async def test_starts_of_one_second_are_kept_in_the_order_of_the_facts_in_whatever_batches(database: str) -> None:
    at_once = ElementEntered(6, 1, LATE, "late", 2)
    events: list[Event] = [ProcessDeployed(1, "order", "1", "<xml/>", ELEMENTS), ARMED, FIRED, at_once]
    moments = [NOON + timedelta(milliseconds=number) for number in (0, 1, 7, 3)]
    facts = [
        Recorded(n, STREAM, n, event, "alpha", Actor("worker", "ada"), at, at, "c")
        for n, (event, at) in enumerate(zip(events, moments, strict=True), start=1)
    ]
    for parts in ([facts], [facts[:2], facts[2:]], [[fact] for fact in facts]):
        async with empty_tables(database, [HEATMAP]) as connection:
            await fill(connection, parts, [HEATMAP])
            rows = await connection.fetch("select moments from insight_heatmap where moments is not null")
            assert [row["moments"] for row in rows] == [[7, 3]]


@pytest.mark.parametrize("together", [False, True])
async def test_an_event_that_fired_began_when_it_ended_and_one_that_did_not_never_began(
    log: Told, *, together: bool
) -> None:
    other = ElementEntered(6, 1, LATE, "late", 2, state=InstanceState.CREATED)
    await log.tell(ARMED, other, FIRED, ElementCompleted(5), ElementTerminated(6), together=together)
    fired, ended = await find_element_instances(log.connection, "alpha", ElementInstanceCriteria(), PAGE)
    assert (fired.started_at, fired.ended_at) == ("2026-11-20T12:03:00Z", "2026-11-20T12:03:00Z")
    assert (ended.state, ended.started_at, ended.ended_at) == ("TERMINATED", None, "2026-11-20T12:04:00Z")


async def test_only_an_error_that_begins_a_sub_process_is_an_exception(log: Told) -> None:
    await log.tell(
        EventTriggered(7, 1, BROKEN, "broken", error_code="E"),
        EventTriggered(8, 1, FAILED, "failed", error_code="E"),
        FIRED,
    )
    (version,) = await version_graph(log.connection, "alpha", "order")
    assert version.error_start_event_count == 1
    counted = await totals(log.connection, "alpha", "order", "1", Range())
    assert counted is not None
    assert (counted.total_incidents, counted.total_exceptions) == (0, 1)
    (day,) = await incidents_graph(log.connection, "alpha", "order", "1", Range()) or []
    assert (day.incident_type, day.total_instances) == ("errorStartEvent", 1)


@pytest.mark.parametrize("together", [False, True])
async def test_an_instance_counts_for_its_version_when_its_turn_has_come(log: Told, *, together: bool) -> None:
    queued = ProcessInstanceStarted(1, "order", "1", state=InstanceState.QUEUED)
    await log.tell(queued, stream=InstanceId(DAY, 2).stream)
    (version,) = await version_graph(log.connection, "alpha", "order")
    assert version.process_instance_count == 0
    await log.tell(queued, ProcessInstanceDequeued(), together=together)
    (version,) = await version_graph(log.connection, "alpha", "order")
    assert version.process_instance_count == 1
    started, waiting = await find_process_instances(log.connection, "alpha", ProcessInstanceCriteria(), PAGE)
    assert (started.state, started.started_at) == ("STARTED", "2026-11-20T12:01:00Z")
    assert (waiting.state, waiting.started_at) == ("QUEUED", None)


async def test_an_instance_that_was_canceled_in_the_queue_never_started(log: Told) -> None:
    await log.tell(ProcessInstanceStarted(1, "order", "1", state=InstanceState.QUEUED), ProcessInstanceCanceled())
    (instance,) = await find_process_instances(log.connection, "alpha", ProcessInstanceCriteria(), PAGE)
    assert (instance.state, instance.started_at, instance.ended_at) == ("CANCELED", None, "2026-11-20T12:01:00Z")
    (version,) = await version_graph(log.connection, "alpha", "order")
    assert version.process_instance_count == 0
    assert not await log.connection.fetch("select * from insight_versions_queued")


async def test_a_new_version_suspends_what_started_the_ones_before_it_and_nothing_else(log: Told) -> None:
    def version(first: int, key: str) -> ProcessDeployed:
        told = EventDefinition(message_name="told")
        elements = (
            DeployedElement(first, "paid", ElementType.MESSAGE_START_EVENT, parent=key, definition=told),
            DeployedElement(first + 1, "told", ElementType.MESSAGE_START_EVENT, parent="order", definition=told),
            DeployedElement(first + 2, "wait", ElementType.MESSAGE_CATCH_EVENT, parent=key, definition=told),
        )
        return ProcessDeployed(first, key, str(first), "<xml/>", elements)

    await log.tell(version(100, "bill"), version(200, "order"), version(300, "bill"), stream="process-alpha-bill")
    found = await find_elements(log.connection, "alpha", ElementCriteria(), PAGE)
    suspended = [row.id for row in found if row.event_definition is not None and row.event_definition.suspended]
    assert suspended == [100], (
        "the start event of a sub-process called order goes on, as what is caught on the way does"
    )


async def test_a_message_does_not_expire_between_meeting_its_receiver_and_being_closed(log: Told) -> None:
    async def expires_at() -> str | None:
        (message,) = await find_messages(log.connection, "alpha", MessageCriteria(), PAGE, NOON)
        return message.expires_at

    await log.tell(MessageSent(9, "paid", "k", NOON + timedelta(hours=1)), stream="channel-1")
    assert await expires_at() == "2026-11-20T13:00:00Z"
    await log.tell(MessageCorrelated(9), stream="channel-1")
    assert await expires_at() is None
    await log.tell(MessageClosed(9), stream="channel-1")
    assert await expires_at() == "2026-11-20T12:00:00Z"


async def test_a_job_whose_lock_expired_is_free_again(log: Told) -> None:
    await log.tell(JobCreated(4, JobType.EXECUTE, 1, WORK, "work", 3, NOON), JobLocked(4), JobLockExpired(4))
    (job,) = await find_jobs(log.connection, "alpha", JobCriteria(), PAGE, NOON - timedelta(hours=1))
    assert (job.state, job.locked_at, job.locked_by) == (WorkState.CREATED, None, "")


async def test_a_task_of_its_own_stream_lies_in_the_partition_of_that_and_has_an_instance_if_it_says_so(
    log: Told,
) -> None:
    about = TaskCreated(4, TaskType.TRIGGER_EVENT, 1, NOON, process_instance_id=8, message_id=3)
    await log.tell(about, TaskLocked(4), stream="task-2026-11-21-4")
    await log.tell(TaskCreated(5, TaskType.START_PROCESS_INSTANCE, 1, NOON), stream="task-2026-11-21-5")
    known, unknown = await find_tasks(log.connection, "alpha", TaskCriteria(), PAGE, NOON)
    assert (known.partition, known.process_instance_id, known.state) == (date(2026, 11, 21), 8, "LOCKED")
    assert known.serialized_task == '{"MessageId":3}'
    assert (unknown.process_instance_id, unknown.serialized_task) == (0, "")


@pytest.mark.parametrize(
    ("kind", "subject", "text"),
    [
        (
            TaskType.TRIGGER_EVENT,
            TaskSubject(timer=Timer(cycle="@hourly")),
            '{"Timer":{"timeCycle":"@hourly","timeDuration":null}}',
        ),
        (
            TaskType.TRIGGER_EVENT,
            TaskSubject(message_id=3, timer=Timer(time=NOON, duration="PT1H")),
            '{"MessageId":3,"Timer":{"time":"2026-11-20T12:00:00Z","timeDuration":"PT1H"}}',
        ),
        (TaskType.TRIGGER_EVENT, TaskSubject(signal_id=4), '{"SignalId":4}'),
        (TaskType.DEQUEUE_PROCESS_INSTANCE, TaskSubject(bpmn_process_id="p"), '{"BpmnProcessId":"p"}'),
        (TaskType.START_PROCESS_INSTANCE, TaskSubject(bpmn_process_id="p"), ""),
        (TaskType.JOIN_PARALLEL_GATEWAY, TaskSubject(), ""),
    ],
)
def test_a_task_says_what_it_is_about_in_the_words_of_the_reference(
    kind: TaskType, subject: TaskSubject, text: str
) -> None:
    assert serialized_task(kind, subject) == text
