"""The append finds rows by index, also with plans that were made while its tables were empty."""

import asyncio
from typing import Any

import pytest

from commands.context import AlreadyDone, Conflict
from domain.bpmn.events import (
    JobCompleted,
    JobLocked,
    TaskCompleted,
    TaskCreated,
    TaskLocked,
    TaskType,
    UserTaskTerminated,
)
from domain.event import Event
from domain.identity import incident_stream, process_stream, signal_stream
from domain.incidents.events import IncidentResolved
from domain.messaging.events import SignalSent
from infra.event_log.log import EventLog
from tests.integration.appending import NOW, connected, context, decision, instance, job, open_log
from tests.integration.test_decision_tables import deployed, incident, start, subscribed, user_task

MANY = 20_000

FILL = f"""
insert into log.streams select 'filler-' || n, 1 from generate_series(1, {MANY}) as n;
insert into log.commands (command_id, attempt, position, recorded_at, fingerprint)
select 'filler-' || n, 0, n, now(), '' from generate_series(1, {MANY}) as n;
insert into log.open_jobs select '2026-11-01', n, 1, n, now(), 'default' from generate_series(1, {MANY}) as n;
insert into log.open_tasks (partition, id, process_id, process_instance_id, due_at, tenant, type, stream)
select '2026-11-01', n, 1, n, now(), 'default', 'X', 'filler-' || n from generate_series(1, {MANY}) as n;
insert into log.open_incidents (partition, id, incident, tenant, stream)
select '2026-11-01', n, 'filler-' || n, 'default', 'filler-' || n from generate_series(1, {MANY}) as n;
insert into log.open_user_tasks select '2026-11-01', n, n, 'default' from generate_series(1, {MANY}) as n;
insert into log.signal_subscriptions
select 1000 + n, '2026-11-01', n, 1, 2, 3, 'default', 'stop', 'stopped' from generate_series(1, {MANY}) as n;
insert into log.start_definitions
select 1000 + n, n, 'default', 'message', 'filler-' || n, 'filler-' || n, '1', 's' from generate_series(1, {MANY}) as n;
"""

#: Rows and index entries that statements have read, the one row of the head left out.
READ = """
select coalesce((select sum(seq_tup_read) from pg_stat_user_tables where schemaname = 'log' and relname <> 'head'), 0)
     + coalesce((select sum(idx_tup_read) from pg_stat_user_indexes where schemaname = 'log'), 0)
"""

SESSION = "select from pg_stat_activity where application_name = 'annals writer' and datname = current_database()"


async def live(log: EventLog, number: int) -> None:
    """Open, hold and close work, lose a race and repeat a command: every statement of the append runs."""
    task = TaskCreated(id=number, type=TaskType.JOIN_PARALLEL_GATEWAY, process_id=1, due_at=NOW)
    steps: list[tuple[Event, ...]] = [
        (job(number), task, user_task(number), subscribed(number)),
        (JobLocked(id=number), TaskLocked(id=number)),
        (JobCompleted(id=number), TaskCompleted(id=number), UserTaskTerminated(id=number)),
    ]
    for version, events in zip((0, 4, 6), steps, strict=True):
        await log.append(decision(instance(number), version, *events), context(f"{number} {version}"))
    sent = SignalSent(id=number, name="stop", subscriber_count=1, subscriptions=(number,))
    await log.append(decision(signal_stream(number), 0, sent), context())
    for version in range(2):
        key = 2 * number + version
        process = deployed(key, start(key, f"m{number}", parent=f"p{number}"), bpmn_process_id=f"p{number}")
        await log.append(decision(process_stream("default", f"p{number}"), version, process), context())
    await log.append(decision(incident_stream(f"{number}"), 0, incident(number)), context())
    await log.append(decision(incident_stream(f"{number}"), 1, IncidentResolved(how="retry")), context())
    with pytest.raises(Conflict):
        await log.append(decision(instance(number), 0, job(number)), context())
    with pytest.raises(AlreadyDone):
        await log.append(decision(instance(number), 9), context(f"{number} 0"))


async def rows_read(connection: Any) -> int:
    """Return the count once the writer's session, which reports its share when it ends, is gone."""
    while await connection.fetch(SESSION):  # noqa: ASYNC110  (a session of the server has no event to wait for)
        await asyncio.sleep(0.01)
    read: int = await connection.fetchval(READ)
    return read


async def test_an_append_reads_as_little_from_full_tables_as_from_empty_ones(database: str) -> None:
    async with connected(database) as connection:
        async with open_log(database) as log:
            await asyncio.gather(*(live(log, number) for number in range(1, 4)))
            await connection.execute("analyze")  # the planner knows now how small the tables are, and plans anew
            await asyncio.gather(*(live(log, number) for number in range(4, 7)))
            await connection.execute(FILL)
            await connection.execute("select pg_stat_force_next_flush()")
            before: int = await connection.fetchval(READ)
            await asyncio.gather(*(live(log, number) for number in range(7, 27)))
        assert await rows_read(connection) - before < MANY
