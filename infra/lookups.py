"""Finding streams for commands by something other than their names.

Open work is found in the decision tables, which are as new as the log itself. What has ended is asked of the read
models, caught up, to tell "gone" from "never was". Which instance an open job belongs to never changes, so recent
answers are kept.
"""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Protocol

from commands.context import Work, WorkCriteria
from commands.intents import EntityId
from domain.identity import InstanceId

#: Jobs whose instances are remembered.
REMEMBERED_JOBS = 100_000


class Connection(Protocol):
    """A pool or connection to the database of the log."""

    async def fetch(self, query: str, /, *args: Any) -> Sequence[Any]: ...

    async def fetchrow(self, query: str, /, *args: Any) -> Any: ...


class History(Protocol):
    """What read models say of entities that may have ended; each answer is caught up with the log."""

    async def had_job(self, tenant: str, job: EntityId) -> bool: ...

    async def had_incident(self, tenant: str, incident: EntityId) -> bool: ...

    async def element_instance(self, tenant: str, element_instance: EntityId) -> InstanceId | None: ...


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
        picked = await self._due("open_jobs", criteria, now, beside)
        for work in picked:
            self._remember(EntityId(work.instance.partition, work.id), (work.tenant, work.instance))
        return picked

    async def locked_jobs(self, tenant: str, worker_id: str, job_id: int, day: date | None) -> Sequence[Work]:
        return await self._locked("open_jobs", tenant, worker_id, job_id, day)

    async def due_tasks(self, criteria: WorkCriteria, now: datetime, beside: frozenset[Work]) -> Sequence[Work]:
        return await self._due("open_tasks", criteria, now, beside)

    async def locked_tasks(self, tenant: str, engine_id: str, task_id: int, day: date | None) -> Sequence[Work]:
        return await self._locked("open_tasks", tenant, engine_id, task_id, day)

    async def incident(self, tenant: str, incident: EntityId) -> tuple[InstanceId, str] | None:
        row = await self._database.fetchrow(
            "select process_instance_id, incident from log.open_incidents"
            " where partition = $1 and id = $2 and tenant = $3",
            *incident,
            tenant,
        )
        return None if row is None else (InstanceId(incident.partition, row["process_instance_id"]), row["incident"])

    async def had_job(self, tenant: str, job: EntityId) -> bool:
        return await self._history.had_job(tenant, job)

    async def had_incident(self, tenant: str, incident: EntityId) -> bool:
        return await self._history.had_incident(tenant, incident)

    async def element_instance(self, tenant: str, element_instance: EntityId) -> InstanceId | None:
        return await self._history.element_instance(tenant, element_instance)

    def _remember(self, job: EntityId, known: tuple[str, InstanceId]) -> None:
        self._jobs[job] = known
        if len(self._jobs) > REMEMBERED_JOBS:
            self._jobs.popitem(last=False)

    async def _due(self, table: str, criteria: WorkCriteria, now: datetime, beside: frozenset[Work]) -> Sequence[Work]:
        """Ask for more than needed by what is reserved, and leave that out here: it is a few rows of an index."""
        conditions, arguments = _conditions(criteria, now)
        rows = await self._database.fetch(
            f"select partition, id, process_instance_id, tenant from log.{table}"  # noqa: S608  (our own names)
            f" where locked_by is null and due_at <= $1{conditions}"
            " order by due_at, partition, id limit $2",
            *arguments[:1],
            criteria.limit + len(beside),
            *arguments[1:],
        )
        works = (Work(InstanceId(row[0], row[2]), row[1], row[3]) for row in rows)
        return [work for work in works if work not in beside][: criteria.limit]

    async def _locked(self, table: str, tenant: str, holder: str, work_id: int, day: date | None) -> Sequence[Work]:
        rows = await self._database.fetch(
            f"select partition, id, process_instance_id, tenant from log.{table}"  # noqa: S608  (our own names)
            " where tenant = $1 and locked_by = $2 and ($3 = 0 or id = $3) and ($4::date is null or partition = $4)"
            " order by partition, id",
            tenant,
            holder,
            work_id,
            day,
        )
        return [Work(InstanceId(row[0], row[2]), row[1], row[3]) for row in rows]


def _conditions(criteria: WorkCriteria, now: datetime) -> tuple[str, list[Any]]:
    """Return the conditions that are asked for, as SQL from ``$3`` on, and all arguments but the limit."""
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
    if len(criteria.process_ids) > 1:
        arguments.append(list(criteria.process_ids))
        text += f" and process_id = any(${len(arguments) + 1}::integer[])"
    return text, arguments
