"""Finding streams for commands by something other than their names.

Open work is found in the decision tables, which are as new as the log itself. What has ended is asked of the read
models, caught up, to tell "gone" from "never was". Which instance an open job belongs to never changes, so recent
answers are kept.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, Protocol

from commands.context import Value, Work, WorkCriteria
from commands.intents import EntityId
from domain.identity import InstanceId
from domain.messaging.receivers import SignalReceiver, StartDefinition

#: Jobs whose instances are remembered.
REMEMBERED_JOBS = 100_000

Table = Literal["open_jobs", "open_tasks"]

#: What tells the stream: a job's is its instance's, a task may have one of its own.
PLACES: Mapping[Table, str] = {"open_jobs": "process_instance_id", "open_tasks": "stream"}


class Connection(Protocol):
    """A pool or connection to the database of the log."""

    async def fetch(self, query: str, /, *args: Any) -> Sequence[Any]: ...

    async def fetchrow(self, query: str, /, *args: Any) -> Any: ...


class History(Protocol):
    """What read models say of entities that may have ended; each answer is caught up with the log."""

    async def had_job(self, tenant: str, job: EntityId) -> bool: ...

    async def ended_user_task(self, tenant: str, user_task: EntityId) -> str | None: ...

    async def had_incident(self, tenant: str, incident: EntityId) -> bool: ...

    async def element_instance(self, tenant: str, element_instance: EntityId) -> InstanceId | None: ...

    async def running_instances(self, tenant: str, process_ids: Sequence[int]) -> Sequence[InstanceId]: ...

    async def values(self, tenant: str, instance: InstanceId) -> Mapping[tuple[int, str], Value]: ...


class PostgresLookups:
    """Lookups in the decision tables of a database, and in a history."""

    def __init__(self, database: Connection, history: History) -> None:
        self._database = database
        self._jobs: OrderedDict[EntityId, tuple[str, InstanceId]] = OrderedDict()
        self._history = history

    async def job(self, tenant: str, job: EntityId) -> InstanceId | None:
        known = self._jobs.pop(job, None)  # a job is mostly asked for once, to complete it
        if known is None:
            row = await self._database.fetchrow(
                "select tenant, process_instance_id from log.open_jobs where partition = $1 and id = $2", *job
            )
            if row is None:
                return None
            known = (row["tenant"], InstanceId(job.partition, row["process_instance_id"]))
            self._remember(job, known)
        owner, instance = known
        return instance if owner == tenant else None

    async def due_jobs(self, criteria: WorkCriteria, now: datetime, beside: frozenset[Work]) -> Sequence[Work]:
        rows = await self._due("open_jobs", criteria, now, len(beside))
        jobs = [job for job in _jobs_of(rows) if job[0] not in beside][: criteria.limit]
        for work, instance in jobs:
            self._remember(EntityId(instance.partition, work.id), (work.tenant, instance))
        return [work for work, _ in jobs]

    async def locked_jobs(self, tenant: str, worker_id: str, job_id: int, day: date | None) -> Sequence[Work]:
        return [work for work, _ in _jobs_of(await self._locked("open_jobs", tenant, worker_id, job_id, day))]

    async def expired_jobs(self, now: datetime, limit: int) -> Sequence[Work]:
        rows = await self._database.fetch(
            "select partition, id, process_instance_id, tenant from log.open_jobs"
            " where lock_expires_at <= $1 order by lock_expires_at, partition, id limit $2",
            now,
            limit,
        )
        return [work for work, _ in _jobs_of(rows)]

    async def due_tasks(self, criteria: WorkCriteria, now: datetime, beside: frozenset[Work]) -> Sequence[Work]:
        rows = await self._due("open_tasks", criteria, now, len(beside))
        works = (Work(row[2], row[1], row[3]) for row in rows)
        return [work for work in works if work not in beside][: criteria.limit]

    async def locked_tasks(self, tenant: str, engine_id: str, task_id: int, day: date | None) -> Sequence[Work]:
        rows = await self._locked("open_tasks", tenant, engine_id, task_id, day)
        return [Work(row[2], row[1], row[3]) for row in rows]

    async def user_task(self, tenant: str, user_task: EntityId) -> InstanceId | None:
        row = await self._database.fetchrow(
            "select process_instance_id from log.open_user_tasks where partition = $1 and id = $2 and tenant = $3",
            *user_task,
            tenant,
        )
        return None if row is None else InstanceId(user_task.partition, row["process_instance_id"])

    async def message_start(self, tenant: str, name: str) -> StartDefinition | None:
        starts = await self._starts("message", tenant, name)
        return starts[0] if starts else None

    async def signal_starts(self, tenant: str, name: str) -> Sequence[StartDefinition]:
        return await self._starts("signal", tenant, name)

    async def signal_receivers(self, tenant: str, name: str) -> Sequence[SignalReceiver]:
        rows = await self._database.fetch(
            "select id, partition, process_instance_id, process_id, element_id, element, element_instance_id"
            " from log.signal_subscriptions where tenant = $1 and name = $2 order by id",
            tenant,
            name,
        )
        return [SignalReceiver(row[0], InstanceId(row[1], row[2]), *row[3:]) for row in rows]

    async def incident(self, tenant: str, incident: EntityId) -> tuple[str, str] | None:
        row = await self._database.fetchrow(
            "select stream, incident from log.open_incidents where partition = $1 and id = $2 and tenant = $3",
            *incident,
            tenant,
        )
        return None if row is None else (row["stream"], row["incident"])

    async def had_job(self, tenant: str, job: EntityId) -> bool:
        return await self._history.had_job(tenant, job)

    async def ended_user_task(self, tenant: str, user_task: EntityId) -> str | None:
        return await self._history.ended_user_task(tenant, user_task)

    async def had_incident(self, tenant: str, incident: EntityId) -> bool:
        return await self._history.had_incident(tenant, incident)

    async def element_instance(self, tenant: str, element_instance: EntityId) -> InstanceId | None:
        return await self._history.element_instance(tenant, element_instance)

    async def running_instances(self, tenant: str, bpmn_process_id: str) -> Sequence[InstanceId]:
        rows = await self._database.fetch(
            "select process_id from log.deployed_processes where tenant = $1 and bpmn_process_id = $2",
            tenant,
            bpmn_process_id,
        )
        return await self._history.running_instances(tenant, [row[0] for row in rows]) if rows else ()

    async def values(self, tenant: str, instance: InstanceId) -> Mapping[tuple[int, str], Value]:
        return await self._history.values(tenant, instance)

    def _remember(self, job: EntityId, known: tuple[str, InstanceId]) -> None:
        self._jobs[job] = known
        if len(self._jobs) > REMEMBERED_JOBS:
            self._jobs.popitem(last=False)

    async def _starts(self, kind: Literal["message", "signal"], tenant: str, name: str) -> list[StartDefinition]:
        rows = await self._database.fetch(
            "select process_id, bpmn_process_id, version, element_id, element"  # noqa: S608  (our own words)
            f" from log.start_definitions where kind = '{kind}' and tenant = $1 and name = $2 order by element_id",
            tenant,
            name,
        )
        return [StartDefinition(*row) for row in rows]

    async def _due(self, table: Table, criteria: WorkCriteria, now: datetime, more: int) -> Sequence[tuple[Any, ...]]:
        """Ask for ``more`` than needed, by what is reserved, which the caller leaves out: a few rows of an index."""
        conditions, arguments = _conditions(criteria, now)
        columns = f"partition, id, {PLACES[table]}, tenant, due_at"
        due = f"select {columns} from log.{table} where locked_by is null and due_at <= $1{conditions}"  # noqa: S608  (our own names)
        if len(criteria.process_ids) > 1:
            arguments.append(list(criteria.process_ids))
            due = _of_each_process(due, len(arguments) + 1)
        query = f"{due} order by due_at, partition, id limit $2"
        return await self._database.fetch(query, now, criteria.limit + more, *arguments[1:])

    async def _locked(
        self, table: Table, tenant: str, holder: str, work_id: int, day: date | None
    ) -> Sequence[tuple[Any, ...]]:
        return await self._database.fetch(
            f"select partition, id, {PLACES[table]}, tenant from log.{table}"  # noqa: S608  (our own names)
            " where tenant = $1 and locked_by = $2 and ($3 = 0 or id = $3) and ($4::date is null or partition = $4)"
            " order by partition, id",
            tenant,
            holder,
            work_id,
            day,
        )


def _jobs_of(rows: Sequence[Any]) -> list[tuple[Work, InstanceId]]:
    """Turn rows of partition, job, process instance and tenant into jobs, each with its instance."""
    instances = [InstanceId(row[0], row[2]) for row in rows]
    return [(Work(at.stream, row[1], row[3]), at) for row, at in zip(rows, instances, strict=True)]


def _conditions(criteria: WorkCriteria, now: datetime) -> tuple[str, list[Any]]:
    """Return the conditions that are asked for but several processes, as SQL from ``$3`` on, and their arguments.

    These begin with the time, ``$1``; the limit, ``$2``, is not among them.
    """
    asked = {
        "tenant =": criteria.tenant,
        "partition =": criteria.partition,
        "id =": criteria.id or None,
        "process_id =": criteria.process_ids[0] if len(criteria.process_ids) == 1 else None,
        "process_instance_id =": criteria.process_instance_id or None,
        "type =": criteria.type,
    }
    arguments: list[Any] = [now]
    text = ""
    for condition, value in asked.items():
        if value is not None:
            arguments.append(value)
            text += f" and {condition} ${len(arguments) + 1}"
    return text, arguments


def _of_each_process(due: str, argument: int) -> str:
    """Take the first due of each process that the argument names: a few entries of one index, whatever else is due.

    Asked for ``process_id = any(...)``, or by equality, the planner may go through all that is due instead, or sort it.
    """
    return (
        f"select found.* from unnest(${argument}::integer[]) as asked (process_id) cross join lateral ({due}"  # noqa: S608  (our own names)
        " and process_id >= asked.process_id and (process_id, due_at) <= (asked.process_id, $1)"
        " order by process_id, due_at, partition, id limit $2) as found"
    )
