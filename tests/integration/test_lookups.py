"""What commands find in the decision tables: due and held work, receivers, start events, and the way to a stream."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from commands.context import Work, WorkCriteria
from commands.intents import EntityId
from domain.bpmn.events import JobCompleted, JobLocked, TaskLocked, TaskType, UserTaskTerminated
from domain.event import Actor
from domain.identity import InstanceId, incident_stream, process_stream, task_stream
from domain.messaging.receivers import SignalReceiver, StartDefinition
from infra.event_log.log import EventLog
from infra.lookups import PostgresLookups
from infra.postgres import Link, Pool, connect_pool
from tests.integration.appending import DAY, NOW, connected, context, decision, instance, job, open_log
from tests.integration.log_as_history import LogAsHistory
from tests.integration.test_decision_tables import deployed, incident, start, subscribed, task, user_task

LATER = NOW + timedelta(minutes=5)
NOTHING: frozenset[Work] = frozenset()


@pytest.fixture
async def log(database: str) -> AsyncIterator[EventLog]:
    async with open_log(database) as log:
        yield log


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    pool = await connect_pool(database, Link(name="tests"))
    yield pool
    await pool.close()


@pytest.fixture
def lookups(pool: Pool) -> PostgresLookups:
    return PostgresLookups(pool, LogAsHistory(pool))


def asked(limit: int = 10, **criteria: Any) -> WorkCriteria:
    return WorkCriteria(limit, **criteria)


async def test_due_jobs_come_with_their_stream_oldest_first(log: EventLog, lookups: PostgresLookups) -> None:
    jobs = (job(1, due_at=NOW), job(2, due_at=NOW - timedelta(1)), job(3, due_at=LATER), job(4))
    await log.append(decision(instance(17), 0, *jobs, JobLocked(id=4)), context(tenant="acme"))
    found = [Work(instance(17), 2, "acme"), Work(instance(17), 1, "acme")]
    assert await lookups.due_jobs(asked(), NOW, NOTHING) == found
    assert await lookups.due_jobs(asked(1), NOW, frozenset(found[:1])) == found[1:]
    assert await lookups.due_jobs(asked(1, tenant="acme"), NOW, NOTHING) == found[:1]
    assert await lookups.due_jobs(asked(tenant="globex"), NOW, NOTHING) == []


async def test_due_jobs_of_several_processes_come_oldest_first_whosever_they_are(
    log: EventLog, lookups: PostgresLookups
) -> None:
    ages = {1: (7, 3), 2: (8, 2), 3: (9, 1), 4: (7, 5), 5: (8, 4), 6: (7, -1)}
    for number, (process, days) in ages.items():
        opened = job(number, process_id=process, due_at=NOW - timedelta(days))
        await log.append(decision(instance(number), 0, opened), context(f"{number}", tenant="acme"))

    async def found(*processes: int, limit: int = 10, **criteria: Any) -> list[int]:
        works = await lookups.due_jobs(asked(limit, process_ids=processes, tenant="acme", **criteria), NOW, NOTHING)
        return [work.id for work in works]

    assert await found(7, 8) == [4, 5, 1, 2]
    assert await found(8, 7, 99, limit=3) == [4, 5, 1]
    assert await found(7) == [4, 1]
    assert await found(8, 9, partition=DAY, process_instance_id=2) == [2]
    assert await found(7, 9, partition=DAY + timedelta(1)) == []


BACKLOG = """
insert into log.open_jobs (partition, id, process_id, process_instance_id, due_at, tenant)
select '2026-11-01', n, 3, n, '2026-01-01', 'default' from generate_series(1, 20000) as n;
"""

READ = "select sum(idx_tup_read) from pg_stat_user_indexes where relname = 'open_jobs'"


async def test_jobs_of_several_processes_are_asked_for_beside_a_backlog_of_others(database: str) -> None:
    async with open_log(database):
        pass
    async with connected(database) as connection:
        lookups = PostgresLookups(connection, LogAsHistory(connection))
        await connection.execute(BACKLOG)
        for statistics in ("select", "analyze log.open_jobs"):
            await connection.execute(statistics)
            for _ in range(7):  # the first plans are for these very arguments, later ones for any
                await connection.execute("select pg_stat_force_next_flush()")
                before: int = await connection.fetchval(READ)
                assert await lookups.due_jobs(asked(process_ids=(1, 2), tenant="default"), NOW, NOTHING) == []
                await connection.execute("select pg_stat_force_next_flush()")
                assert await connection.fetchval(READ) - before < 100


class Counting:
    """A connection that counts how often it is asked."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.looks = 0

    async def fetch(self, query: str, /, *args: Any) -> Any:
        self.looks += 1
        return await self._pool.fetch(query, *args)

    async def fetchrow(self, query: str, /, *args: Any) -> Any:
        self.looks += 1
        return await self._pool.fetchrow(query, *args)


async def test_a_job_that_was_picked_is_known_without_another_look(log: EventLog, pool: Pool) -> None:
    await log.append(decision(instance(17), 0, job(5)), context(tenant="acme"))
    counting = Counting(pool)
    lookups = PostgresLookups(counting, LogAsHistory(pool))
    await lookups.due_jobs(asked(), NOW, NOTHING)
    assert await lookups.job("acme", EntityId(DAY, 5)) == InstanceId(DAY, 17)
    assert counting.looks == 1
    assert await lookups.job("acme", EntityId(DAY, 5)) == InstanceId(DAY, 17)
    assert counting.looks == 2


async def test_an_open_job_leads_to_its_instance_for_its_tenant_only(log: EventLog, lookups: PostgresLookups) -> None:
    await log.append(decision(instance(17), 0, job(5)), context(tenant="acme"))
    assert await lookups.job("acme", EntityId(DAY, 5)) == InstanceId(DAY, 17)
    assert await lookups.job("globex", EntityId(DAY, 5)) is None
    assert await lookups.job("acme", EntityId(DAY, 6)) is None


async def test_jobs_whose_lock_expired_come_first_that_expired_first(log: EventLog, lookups: PostgresLookups) -> None:
    ends = {1: LATER, 2: NOW, 3: NOW - timedelta(1), 4: None}
    for number, end in ends.items():
        facts = (job(number), JobLocked(id=number, expires_at=end))
        await log.append(decision(instance(number), 0, *facts), context(tenant=f"t{number}"))
    expired = [Work(instance(3), 3, "t3"), Work(instance(2), 2, "t2")]
    assert await lookups.expired_jobs(NOW, 10) == expired
    assert await lookups.expired_jobs(NOW, 1) == expired[:1]
    await log.append(decision(instance(3), 2, JobCompleted(id=3)), context(tenant="t3"))
    assert await lookups.expired_jobs(NOW, 10) == expired[1:]


async def test_due_and_held_tasks_come_with_the_stream_they_stand_in(log: EventLog, lookups: PostgresLookups) -> None:
    own = task_stream(DAY, 9)
    await log.append(decision(instance(17), 0, task(7)), context())
    await log.append(decision(own, 0, task(9, TaskType.TRIGGER_EVENT, instance=17)), context())
    both = [Work(instance(17), 7, "default"), Work(own, 9, "default")]
    assert await lookups.due_tasks(asked(), NOW, NOTHING) == both
    assert await lookups.due_tasks(asked(process_instance_id=17), NOW, frozenset(both[:1])) == both[1:]
    assert await lookups.due_tasks(asked(type=TaskType.TRIGGER_EVENT), NOW, NOTHING) == both[1:]
    await log.append(decision(own, 1, TaskLocked(id=9)), context(actor=Actor("system", "engine-1")))
    assert await lookups.due_tasks(asked(), NOW, NOTHING) == both[:1]
    assert await lookups.locked_tasks("default", "engine-1", 0, DAY) == both[1:]
    assert await lookups.locked_tasks("acme", "engine-1", 0, None) == []


async def test_the_jobs_that_a_worker_holds_are_found_by_number_and_day(
    log: EventLog, lookups: PostgresLookups
) -> None:
    facts = (job(1), job(2), job(3), JobLocked(id=1), JobLocked(id=2))
    await log.append(decision(instance(17), 0, *facts), context(actor=Actor("worker", "bob")))
    held = [Work(instance(17), 1, "default"), Work(instance(17), 2, "default")]
    assert await lookups.locked_jobs("default", "bob", 0, None) == held
    assert await lookups.locked_jobs("default", "bob", 2, DAY) == held[1:]
    assert await lookups.locked_jobs("default", "bob", 0, DAY - timedelta(1)) == []
    assert await lookups.locked_jobs("default", "ada", 0, None) == []


async def test_an_open_user_task_leads_to_its_instance_and_one_that_ended_is_history(
    log: EventLog, lookups: PostgresLookups
) -> None:
    approval = EntityId(DAY, 3)
    await log.append(decision(instance(17), 0, user_task(3)), context(tenant="acme"))
    assert await lookups.user_task("acme", approval) == InstanceId(DAY, 17)
    assert await lookups.user_task("globex", approval) is None
    await log.append(decision(instance(17), 1, UserTaskTerminated(id=3)), context(tenant="acme"))
    assert await lookups.user_task("acme", approval) is None
    assert await lookups.ended_user_task("acme", approval) == "TERMINATED"
    assert await lookups.ended_user_task("globex", approval) is None


async def test_messages_and_signals_find_the_start_events_of_their_tenant(
    log: EventLog, lookups: PostgresLookups
) -> None:
    process = deployed(1, start(8, "opened", "signal"), start(2, "opened"), start(3, "opened", "signal"))
    await log.append(decision(process_stream("acme", "order"), 0, process), context(tenant="acme"))
    other = deployed(4, start(5, "opened", "signal", parent="pay"), bpmn_process_id="pay")
    await log.append(decision(process_stream("acme", "pay"), 0, other), context(tenant="acme"))
    assert await lookups.message_start("acme", "opened") == StartDefinition(1, "order", "v1", 2, "start-2")
    assert await lookups.signal_starts("acme", "opened") == [
        StartDefinition(1, "order", "v1", 3, "start-3"),
        StartDefinition(4, "pay", "v4", 5, "start-5"),
        StartDefinition(1, "order", "v1", 8, "start-8"),
    ]
    assert await lookups.message_start("acme", "closed") is None
    assert await lookups.message_start("globex", "opened") is None
    assert await lookups.signal_starts("globex", "opened") == []


async def test_a_signal_finds_all_who_wait_for_it(log: EventLog, lookups: PostgresLookups) -> None:
    await log.append(decision(instance(18), 0, subscribed(2)), context(tenant="acme"))
    await log.append(decision(instance(17), 0, subscribed(1), subscribed(3, "go")), context(tenant="acme"))
    await log.append(decision(instance(19), 0, subscribed(4)), context(tenant="globex"))
    assert await lookups.signal_receivers("acme", "stop") == [
        SignalReceiver(1, InstanceId(DAY, 17), 4, 5, "stopped", 6),
        SignalReceiver(2, InstanceId(DAY, 18), 4, 5, "stopped", 6),
    ]


async def test_an_unresolved_incident_leads_to_the_stream_of_what_stopped(
    log: EventLog, lookups: PostgresLookups
) -> None:
    await log.append(decision(incident_stream("A"), 0, incident(3)), context(tenant="acme"))
    stopped = incident(4, task_id=9, own_stream=True)
    await log.append(decision(incident_stream("B"), 0, stopped), context(tenant="acme"))
    assert await lookups.incident("acme", EntityId(DAY, 3)) == (instance(17), "A")
    assert await lookups.incident("acme", EntityId(DAY, 4)) == (task_stream(DAY, 9), "B")
    assert await lookups.incident("globex", EntityId(DAY, 3)) is None
