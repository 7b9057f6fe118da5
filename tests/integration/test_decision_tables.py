"""The decision tables say at all times what the log says."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from commands.context import Conflict, Decision
from domain.access.events import KeyIssued, KeyRevoked
from domain.bpmn.events import (
    JobCanceled,
    JobCompleted,
    JobFailed,
    JobLocked,
    JobLockExpired,
    JobUnlocked,
    SignalSubscribed,
    SignalUnsubscribed,
    TaskCompleted,
    TaskCreated,
    TaskLocked,
    TaskType,
    TaskUnlocked,
    UserTaskCompleted,
    UserTaskCreated,
    UserTaskTerminated,
)
from domain.bpmn.graph import ElementType, EventDefinition
from domain.event import Actor, Append, Event
from domain.identity import incident_stream, key_stream, process_stream, signal_stream, task_stream
from domain.incidents.events import IncidentCanceled, IncidentOpened, IncidentResolved, ProcessCause
from domain.messaging.events import SignalSent
from domain.processes.events import DeployedElement, ProcessDeployed
from domain.rejection import InvalidState
from infra.event_log.log import EventLog
from infra.event_log.rebuilding import differences, fill_tables, make_tables
from infra.event_log.request import TABLES
from tests.integration.appending import DAY, NOW, connected, context, decision, instance, job, open_log, passed


@pytest.fixture
async def log(database: str) -> AsyncIterator[EventLog]:
    async with open_log(database) as log:
        yield log


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Any]:
    async with connected(database) as connection:
        yield connection


async def rows(connection: Any, table: str) -> list[dict[str, Any]]:
    return [dict(row) for row in await connection.fetch(f"table log.{table}")]


def task(number: int, task_type: TaskType = TaskType.JOIN_PARALLEL_GATEWAY, instance: int = 0) -> TaskCreated:
    return TaskCreated(id=number, type=task_type, process_id=4, due_at=NOW, process_instance_id=instance)


def user_task(number: int) -> UserTaskCreated:
    return UserTaskCreated(id=number, process_id=4, element_id=5, element="approve", element_instance_id=6)


def subscribed(number: int, name: str = "stop") -> SignalSubscribed:
    return SignalSubscribed(id=number, process_id=4, element_id=5, element="stopped", element_instance_id=6, name=name)


def incident(number: int, **cause: Any) -> IncidentOpened:
    fields: dict[str, Any] = {
        "partition": DAY.isoformat(),
        "incident_id": number,
        "incident_type": "failedJob",
        "process_id": 4,
        "bpmn_process_id": "order",
        "version": "1",
        "process_instance_id": 17,
    }
    process = ProcessCause(**(fields | cause))
    return IncidentOpened(source="process", severity=3, title="it broke", error_message="broken", process=process)


def start(number: int, name: str, kind: str = "message", parent: str = "order") -> DeployedElement:
    definition = EventDefinition(message_name=name) if kind == "message" else EventDefinition(signal_name=name)
    element_type = ElementType.MESSAGE_START_EVENT if kind == "message" else ElementType.SIGNAL_START_EVENT
    return DeployedElement(number, f"start-{number}", element_type, parent=parent, definition=definition)


def deployed(number: int, *starts: DeployedElement, bpmn_process_id: str = "order") -> ProcessDeployed:
    return ProcessDeployed(
        process_id=number, bpmn_process_id=bpmn_process_id, version=f"v{number}", xml="<x/>", elements=starts
    )


async def test_a_job_is_open_then_held_then_gone(log: EventLog, connection: Any) -> None:
    stream = instance(17)
    await log.append(decision(stream, 0, job(5, process_id=4)), context(tenant="acme"))
    opened = {
        "partition": DAY,
        "id": 5,
        "process_id": 4,
        "process_instance_id": 17,
        "due_at": NOW,
        "tenant": "acme",
        "locked_by": None,
        "lock_expires_at": None,
    }
    assert await rows(connection, "open_jobs") == [opened]
    await log.append(decision(stream, 1, JobLocked(id=5)), context(actor=Actor("worker", "bob")))
    assert await rows(connection, "open_jobs") == [opened | {"locked_by": "bob"}]
    await log.append(decision(stream, 2, JobUnlocked(id=5)), context())
    assert await rows(connection, "open_jobs") == [opened]
    await log.append(decision(stream, 3, JobFailed(id=5, error="no"), job(6, due_at=NOW + timedelta(1))), context())
    assert [(row["id"], row["due_at"]) for row in await rows(connection, "open_jobs")] == [(6, NOW + timedelta(1))]


@pytest.mark.parametrize("end", [JobUnlocked(id=5), JobLockExpired(id=5)])
async def test_a_lock_has_its_end_until_it_is_over(log: EventLog, connection: Any, end: Event) -> None:
    until = NOW + timedelta(minutes=5)
    await log.append(decision(instance(17), 0, job(5), JobLocked(id=5, expires_at=until)), context())
    (row,) = await rows(connection, "open_jobs")
    assert row["lock_expires_at"] == until
    await log.append(decision(instance(17), 2, end), context())
    (row,) = await rows(connection, "open_jobs")
    assert (row["locked_by"], row["lock_expires_at"]) == (None, None)
    await log.append(decision(instance(17), 3, JobLocked(id=5, expires_at=until)), context())
    await log.append(decision(instance(17), 4, JobLocked(id=5)), context())
    (row,) = await rows(connection, "open_jobs")
    assert row["lock_expires_at"] is None


async def test_what_begins_and_ends_in_one_command_leaves_no_row(log: EventLog, connection: Any) -> None:
    events = (task(1), TaskLocked(id=1), TaskCompleted(id=1), job(1), job(2), JobLocked(id=2), JobCanceled(id=1))
    await log.append(decision(instance(1), 0, *events), context(actor=Actor("system", "engine-1")))
    assert await rows(connection, "open_tasks") == []
    assert [(row["id"], row["locked_by"]) for row in await rows(connection, "open_jobs")] == [(2, "engine-1")]


async def test_a_task_leads_to_its_stream_and_its_instance(log: EventLog, connection: Any) -> None:
    own = task_stream(DAY, 9)
    await log.append(decision(instance(17), 0, task(7)), context())
    await log.append(decision(task_stream(DAY, 8), 0, task(8, TaskType.PURGE_MESSAGES)), context())
    await log.append(decision(own, 0, task(9, TaskType.TRIGGER_EVENT, instance=17)), context())
    found = {
        row["id"]: (row["stream"], row["type"], row["process_instance_id"]) for row in await open_tasks(connection)
    }
    assert found == {
        7: (instance(17), "JOIN_PARALLEL_GATEWAY", 17),
        8: (task_stream(DAY, 8), "PURGE_MESSAGES", 0),
        9: (own, "TRIGGER_EVENT", 17),
    }
    await log.append(decision(own, 1, TaskLocked(id=9)), context(actor=Actor("system", "engine-1")))
    assert [row["id"] for row in await open_tasks(connection) if row["locked_by"] == "engine-1"] == [9]
    await log.append(decision(own, 2, TaskCompleted(id=9)), context())
    assert [row["id"] for row in await open_tasks(connection)] == [7, 8]


async def open_tasks(connection: Any) -> list[dict[str, Any]]:
    return sorted(await rows(connection, "open_tasks"), key=lambda row: int(row["id"]))


async def test_an_incident_of_a_process_is_known_by_its_number_until_it_ends(log: EventLog, connection: Any) -> None:
    for ulid, end in (("A", IncidentResolved(how="retry")), ("B", IncidentCanceled())):
        await log.append(decision(incident_stream(ulid), 0, incident(3)), context())
        (row,) = await rows(connection, "open_incidents")
        assert (row["partition"], row["id"], row["stream"], row["incident"]) == (DAY, 3, instance(17), ulid)
        await log.append(decision(incident_stream(ulid), 1, end), context())
        assert await rows(connection, "open_incidents") == []
    other = IncidentOpened(source="manual", severity=1, title="look", error_message="")
    await log.append(decision(incident_stream("C"), 0, other), context())
    assert await rows(connection, "open_incidents") == []


@pytest.mark.parametrize("process_instance_id", [0, 17])
async def test_an_incident_of_a_task_leads_to_the_stream_of_the_task(
    log: EventLog, connection: Any, process_instance_id: int
) -> None:
    stopped = incident(3, task_id=9, own_stream=True, process_instance_id=process_instance_id)
    await log.append(decision(incident_stream("A"), 0, stopped), context())
    (row,) = await rows(connection, "open_incidents")
    assert row["stream"] == task_stream(DAY, 9)


@pytest.mark.parametrize("end", [UserTaskCompleted(id=3, revision=2), UserTaskTerminated(id=3)])
async def test_a_user_task_is_open_until_it_ends(log: EventLog, connection: Any, end: Event) -> None:
    await log.append(decision(instance(17), 0, user_task(3)), context(tenant="acme"))
    opened = {"partition": DAY, "id": 3, "process_instance_id": 17, "tenant": "acme"}
    assert await rows(connection, "open_user_tasks") == [opened]
    await log.append(decision(instance(17), 1, end), context(tenant="acme"))
    assert await rows(connection, "open_user_tasks") == []


async def test_an_event_waits_for_a_signal_until_it_gives_up_or_one_is_sent(log: EventLog, connection: Any) -> None:
    beyond_int32 = 2**40
    await log.append(decision(instance(17), 0, *map(subscribed, (1, 2, 3, beyond_int32))), context(tenant="acme"))
    waiting = {
        "id": beyond_int32,
        "partition": DAY,
        "process_instance_id": 17,
        "process_id": 4,
        "element_id": 5,
        "element_instance_id": 6,
        "tenant": "acme",
        "name": "stop",
        "element": "stopped",
    }
    assert (await rows(connection, "signal_subscriptions"))[-1] == waiting
    await log.append(decision(instance(17), 4, SignalUnsubscribed(id=2)), context(tenant="acme"))
    sent = SignalSent(id=1, name="stop", subscriber_count=2, subscriptions=(1, 2, beyond_int32))
    await log.append(decision(signal_stream(1), 0, sent), context(tenant="acme"))
    assert [row["id"] for row in await rows(connection, "signal_subscriptions")] == [3]


async def test_a_new_version_of_a_process_takes_the_place_of_all_start_events_before(
    log: EventLog, connection: Any
) -> None:
    async def starts() -> list[tuple[Any, ...]]:
        found = await rows(connection, "start_definitions")
        return sorted((row["bpmn_process_id"], row["kind"], row["name"], row["element"]) for row in found)

    inner = start(3, "inner", parent="event sub-process")
    first = deployed(1, start(1, "ordered"), start(2, "opened", "signal"), inner)
    await log.append(decision(process_stream("acme", "order"), 0, first), context(tenant="acme"))
    other = deployed(2, start(5, "paid", parent="pay"), bpmn_process_id="pay")
    await log.append(decision(process_stream("acme", "pay"), 0, other), context(tenant="acme"))
    of_pay = ("pay", "message", "paid", "start-5")
    of_first = [("order", "message", "ordered", "start-1"), ("order", "signal", "opened", "start-2")]
    assert await starts() == [*of_first, of_pay]
    (row,) = [row for row in await rows(connection, "start_definitions") if row["name"] == "opened"]
    assert (row["tenant"], row["process_id"], row["version"], row["element_id"]) == ("acme", 1, "v1", 2)
    second = deployed(6, start(7, "ordered"))
    await log.append(decision(process_stream("acme", "order"), 1, second), context(tenant="acme"))
    assert await starts() == [("order", "message", "ordered", "start-7"), of_pay]
    await log.append(decision(process_stream("acme", "order"), 2, deployed(8)), context(tenant="acme"))
    assert await starts() == [of_pay]


async def test_of_two_processes_deployed_at_once_one_gets_the_message_they_both_start_with(
    database: str, log: EventLog, connection: Any
) -> None:
    def deploy(to: EventLog, number: int, tenant: str) -> Any:
        process = f"process-{number}"
        fact = deployed(number, start(number, "ordered", parent=process), bpmn_process_id=process)
        return to.append(decision(process_stream(tenant, process), 0, fact), context(tenant=tenant))

    async with open_log(database) as other:
        outcomes = await asyncio.gather(
            *(deploy((log, other)[number % 2], number, "acme") for number in range(1, 9)),
            deploy(log, 9, "globex"),
            return_exceptions=True,
        )
    assert sorted(type(outcome).__name__ for outcome in outcomes[:8]) == [InvalidState.__name__] * 7 + ["int"]
    assert isinstance(outcomes[8], int)
    assert sorted(row["tenant"] for row in await rows(connection, "start_definitions")) == ["acme", "globex"]


async def test_a_key_opens_by_its_hash_until_it_is_revoked(log: EventLog, connection: Any) -> None:
    issued = KeyIssued(tenant="acme", role="worker", name="ci", key_hash="00ff")
    await log.append(decision(key_stream("k1"), 0, issued), context(tenant="acme"))
    key = {"key_hash": "00ff", "key_id": "k1", "tenant": "acme", "role": "worker", "name": "ci"}
    assert await rows(connection, "api_keys") == [key]
    await log.append(decision(key_stream("k1"), 1, KeyRevoked()), context())
    assert await rows(connection, "api_keys") == []


async def test_the_process_behind_a_number_is_known(log: EventLog, connection: Any) -> None:
    await log.append(decision(process_stream("acme", "order"), 0, deployed(4)), context(tenant="acme"))
    process = {"process_id": 4, "tenant": "acme", "bpmn_process_id": "order", "version": "v4"}
    assert await rows(connection, "deployed_processes") == [process]


async def test_a_command_that_is_refused_changes_no_table_beside_one_that_is_not(
    log: EventLog, connection: Any
) -> None:
    await log.append(decision(instance(1), 0), context())

    def all_of(number: int) -> tuple[Event, ...]:
        process = deployed(number, start(number, f"m{number}", parent=f"p{number}"), bpmn_process_id=f"p{number}")
        return (job(number), task(number), user_task(number), subscribed(number), incident(number), process)

    await asyncio.gather(
        log.append(all_on(1, all_of(1)), context()),
        log.append(all_on(2, all_of(2)), context()),
        return_exceptions=True,
    )
    for table in TABLES:
        key = {"deployed_processes": "process_id", "start_definitions": "element_id"}.get(table, "id")
        if table != "api_keys":
            assert [row[key] for row in await rows(connection, table)] == [2], table


def all_on(number: int, events: tuple[Event, ...]) -> Decision:
    """Append to an instance what it may tell, and the rest to streams of their own."""
    *of_instance, broken, process = events
    return Decision(
        (
            Append(instance(number), 0, tuple(of_instance)),
            Append(incident_stream(str(number)), 0, (broken,)),
            Append(process_stream("default", f"p{number}"), 0, (process,)),
        )
    )


class Life:
    """An instance that goes on at random: each step is a command that some other copy of it may be quicker to take."""

    def __init__(self, number: int, rng: random.Random) -> None:
        self.number = number
        self.version = 0
        self.open: list[int] = []
        self._rng = rng
        self._made = 0
        self._versions = 0

    def step(self) -> Decision:
        events: list[Event] = [passed()]
        for _ in range(self._rng.randint(0, 3)):
            self._made += 1
            work = self.number * 1000 + self._made
            self.open.append(work)
            events += [job(work), task(work), user_task(work), subscribed(work)]
        for work in self._rng.sample(self.open, len(self.open) // 2):
            events += self._rng.choice(self._moves(work))
        appends = [Append(instance(self.number), self.version, tuple(events))]
        self.version += len(events)
        if self._rng.random() < 0.3:
            appends += self._beside(self.number * 1000 + self.version)
        return Decision(tuple(appends))

    def _beside(self, number: int) -> list[Append]:
        """Return appends to other streams: a task and its incident, a signal, and a new version of a process."""
        process, own = f"process-{self.number}", 500_000 + number
        stopped = incident(number, task_id=own, own_stream=self._rng.random() < 0.5)
        sent = SignalSent(id=number, name="stop", subscriber_count=1, subscriptions=tuple(self.open[:1]))
        starts = [start(number, f"m{number % 3}-{self.number}", parent=process)][: self._rng.randint(0, 3)]
        version = deployed(number, *starts, bpmn_process_id=process)
        self._versions += 1
        return [
            Append(task_stream(DAY, own), 0, (task(own, TaskType.TRIGGER_EVENT, instance=self.number),)),
            Append(incident_stream(f"{number}"), 0, (stopped,)),
            Append(signal_stream(number), 0, (sent,)),
            Append(process_stream("acme", process), self._versions - 1, (version,)),
        ]

    def _moves(self, work: int) -> Sequence[tuple[Event, ...]]:
        return (
            (JobLocked(id=work, expires_at=NOW), TaskLocked(id=work)),
            (JobUnlocked(id=work), TaskUnlocked(id=work), SignalUnsubscribed(id=work)),
            (JobLockExpired(id=work),),
            (self._end(work), TaskCompleted(id=work), UserTaskTerminated(id=work)),
        )

    def _end(self, work: int) -> Event:
        self.open.remove(work)
        return JobCompleted(id=work)


async def test_live_tables_equal_those_rebuilt_from_the_log(
    log: EventLog, connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.event_log.rebuilding.CHUNK", 97)  # so that work is opened and closed in different ones
    rng = random.Random(20261123)
    lives = [Life(number, rng) for number in range(1, 21)]
    for _ in range(10):
        steps = [log.append(life.step(), context(tenant=f"tenant-{life.number % 3}")) for life in lives]
        stale = [log.append(decision(instance(n), 0, job(n), task(n)), context()) for n in range(1, 21)]
        outcomes = await asyncio.gather(*steps, *stale, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [int] * 20 + [Conflict] * 20
    counts = {table: len(await rows(connection, table)) for table in TABLES}
    assert {table for table, count in counts.items() if count < 8} == {"api_keys"}
    assert await differences(connection) == []
    await connection.execute(
        "update log.open_jobs set locked_by = 'nobody' where id = (select min(id) from log.open_jobs)"
    )
    async with connection.transaction():
        await connection.execute("discard temp")
        assert len(await differences(connection)) == 2


async def test_large_facts_are_read_one_by_one_for_a_rebuild(
    log: EventLog, connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.event_log.rebuilding.CHUNK_BYTES", 1)
    life = Life(1, random.Random(20261121))
    for _ in range(5):
        await log.append(life.step(), context())
    await make_tables(connection)
    assert [await fill_tables(connection, after, 5) for after in range(4)] == [1, 2, 3, 4]
    await connection.execute("discard temp")
    assert await differences(connection) == []
