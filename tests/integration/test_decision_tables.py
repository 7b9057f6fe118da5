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
    JobUnlocked,
    TaskCompleted,
    TaskCreated,
    TaskLocked,
    TaskType,
    TaskUnlocked,
)
from domain.event import Actor, Append, Event
from domain.identity import incident_stream, key_stream, process_stream
from domain.incidents.events import IncidentCanceled, IncidentOpened, IncidentResolved, ProcessCause
from domain.processes.events import ProcessDeployed
from infra.event_log.log import EventLog
from infra.event_log.rebuilding import TABLES, differences
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


def task(number: int, task_type: TaskType = TaskType.JOIN_PARALLEL_GATEWAY) -> TaskCreated:
    return TaskCreated(id=number, type=task_type, process_id=4, due_at=NOW)


def incident(number: int) -> IncidentOpened:
    cause = ProcessCause(
        partition=DAY.isoformat(),
        incident_id=number,
        incident_type="failedJob",
        process_id=4,
        bpmn_process_id="order",
        version="1",
        process_instance_id=17,
    )
    return IncidentOpened(source="process", severity=3, title="it broke", error_message="broken", process=cause)


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
    }
    assert await rows(connection, "open_jobs") == [opened]
    await log.append(decision(stream, 1, JobLocked(id=5)), context(actor=Actor("worker", "bob")))
    assert await rows(connection, "open_jobs") == [opened | {"locked_by": "bob"}]
    await log.append(decision(stream, 2, JobUnlocked(id=5)), context())
    assert await rows(connection, "open_jobs") == [opened]
    await log.append(decision(stream, 3, JobFailed(id=5, error="no"), job(6, due_at=NOW + timedelta(1))), context())
    assert [(row["id"], row["due_at"]) for row in await rows(connection, "open_jobs")] == [(6, NOW + timedelta(1))]


async def test_what_begins_and_ends_in_one_command_leaves_no_row(log: EventLog, connection: Any) -> None:
    events = (task(1), TaskLocked(id=1), TaskCompleted(id=1), job(1), job(2), JobLocked(id=2), JobCanceled(id=1))
    await log.append(decision(instance(1), 0, *events), context(actor=Actor("system", "engine-1")))
    assert await rows(connection, "open_tasks") == []
    assert [(row["id"], row["locked_by"]) for row in await rows(connection, "open_jobs")] == [(2, "engine-1")]


async def test_a_task_is_open_with_its_type_and_may_stand_without_an_instance(log: EventLog, connection: Any) -> None:
    await log.append(decision("task-2026-11-23-9", 0, task(9, TaskType.PURGE_MESSAGES)), context())
    (row,) = await rows(connection, "open_tasks")
    assert (row["partition"], row["id"], row["type"], row["process_instance_id"]) == (DAY, 9, "PURGE_MESSAGES", 0)


async def test_an_incident_of_a_process_is_known_by_its_number_until_it_ends(log: EventLog, connection: Any) -> None:
    for ulid, end in (("A", IncidentResolved(how="retry")), ("B", IncidentCanceled())):
        await log.append(decision(incident_stream(ulid), 0, incident(3)), context())
        (row,) = await rows(connection, "open_incidents")
        assert (row["partition"], row["id"], row["process_instance_id"], row["incident"]) == (DAY, 3, 17, ulid)
        await log.append(decision(incident_stream(ulid), 1, end), context())
        assert await rows(connection, "open_incidents") == []
    other = IncidentOpened(source="manual", severity=1, title="look", error_message="")
    await log.append(decision(incident_stream("C"), 0, other), context())
    assert await rows(connection, "open_incidents") == []


async def test_a_key_opens_by_its_hash_until_it_is_revoked(log: EventLog, connection: Any) -> None:
    issued = KeyIssued(tenant="acme", role="worker", name="ci", key_hash="00ff")
    await log.append(decision(key_stream("k1"), 0, issued), context(tenant="acme"))
    key = {"key_hash": "00ff", "key_id": "k1", "tenant": "acme", "role": "worker", "name": "ci"}
    assert await rows(connection, "api_keys") == [key]
    await log.append(decision(key_stream("k1"), 1, KeyRevoked()), context())
    assert await rows(connection, "api_keys") == []


async def test_the_process_behind_a_number_is_known(log: EventLog, connection: Any) -> None:
    deployed = ProcessDeployed(process_id=4, bpmn_process_id="order", version="2", xml="<x/>", elements=())
    await log.append(decision(process_stream("acme", "order"), 0, deployed), context(tenant="acme"))
    process = {"process_id": 4, "tenant": "acme", "bpmn_process_id": "order", "version": "2"}
    assert await rows(connection, "deployed_processes") == [process]


async def test_a_command_that_is_refused_changes_no_table_beside_one_that_is_not(
    log: EventLog, connection: Any
) -> None:
    await log.append(decision(instance(1), 0), context())
    await asyncio.gather(
        log.append(decision(instance(1), 0, job(1), task(1)), context()),
        log.append(decision(instance(2), 0, job(2), task(2)), context()),
        return_exceptions=True,
    )
    assert [row["id"] for row in await rows(connection, "open_jobs")] == [2]
    assert [row["id"] for row in await rows(connection, "open_tasks")] == [2]


class Life:
    """An instance that goes on at random: each step is a command that some other copy of it may be quicker to take."""

    def __init__(self, number: int, rng: random.Random) -> None:
        self.number = number
        self.version = 0
        self.open: list[int] = []
        self._rng = rng
        self._made = 0

    def step(self) -> Decision:
        events: list[Event] = [passed()]
        for _ in range(self._rng.randint(0, 3)):
            self._made += 1
            work = self.number * 1000 + self._made
            self.open.append(work)
            events += [job(work), task(work)]
        for work in self._rng.sample(self.open, len(self.open) // 2):
            events += self._rng.choice(self._moves(work))
        appends = [Append(instance(self.number), self.version, tuple(events))]
        self.version += len(events)
        if self._rng.random() < 0.3:
            ulid = f"{self.number}-{self.version}"
            appends.append(Append(incident_stream(ulid), 0, (incident(self.number * 1000 + self.version),)))
        return Decision(tuple(appends))

    def _moves(self, work: int) -> Sequence[tuple[Event, ...]]:
        return (
            (JobLocked(id=work), TaskLocked(id=work)),
            (JobUnlocked(id=work), TaskUnlocked(id=work)),
            (self._end(work), TaskCompleted(id=work)),
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
    assert all([len(await rows(connection, table)) > 20 for table in TABLES[:3]])
    assert await differences(connection) == []
    await connection.execute(
        "update log.open_jobs set locked_by = 'nobody' where id = (select min(id) from log.open_jobs)"
    )
    async with connection.transaction():
        await connection.execute("discard temp")
        assert len(await differences(connection)) == 2
