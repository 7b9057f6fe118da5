"""Nodes that handle commands against one real log, each with a cache, ids and a clock of its own."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from typing import Any

from commands.context import Value
from commands.handling import Asker, Commands, Outcome
from commands.instances import StartProcessInstance
from commands.intents import EntityId
from commands.jobs import CompleteJob, JobAnswer, LockJobs, UnlockJobs, lock_jobs, unlock_jobs
from commands.processes import CreateProcess
from commands.routes import ROUTES
from commands.states import StateCache
from domain.bpmn.events import VariableDeleted, VariableSet
from domain.bpmn.instance import Instance
from domain.event import Actor
from domain.identity import InstanceId, instance_of
from infra.clock import Clock
from infra.codec import decode
from infra.encryption import VariableCipher
from infra.engine_time import EngineTime
from infra.event_log.log import EventLog
from infra.ids import IdBlocks
from infra.lookups import PostgresLookups
from infra.postgres import Link, Pool, connect_pool
from tests.integration.appending import writers_way
from tests.story import bpmn

ONE_TASK = bpmn("s:startEvent work:serviceTask e:endEvent", "s>work work>e")
TWO_TASKS = bpmn("s:startEvent work:serviceTask more:serviceTask e:endEvent", "s>work work>more more>e")


class LogAsHistory:
    """History as the log itself tells it: what read models say once they are caught up."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def had_job(self, tenant: str, job: EntityId) -> bool:
        return await self._instance("job.created.v1", tenant, job) is not None

    async def had_user_task(self, tenant: str, user_task: EntityId) -> bool:
        return await self._instance("user_task.created.v1", tenant, user_task) is not None

    async def had_incident(self, tenant: str, incident: EntityId) -> bool:
        return await self._instance("job.failed.v1", tenant, incident, "incident_id") is not None

    async def element_instance(self, tenant: str, element_instance: EntityId) -> InstanceId | None:
        return await self._instance("element.entered.v1", tenant, element_instance)

    async def running_instances(self, tenant: str, process_ids: Sequence[int]) -> Sequence[InstanceId]:
        """Return those that started and did not complete; nothing ends them otherwise in these tests."""
        streams = await self._pool.fetch(
            "select originator_id from log.events where tenant = $1 and topic = 'process_instance.started.v1'"
            " and (convert_from(state, 'UTF8')::jsonb ->> 'process_id')::integer = any($2::integer[])"
            " except select originator_id from log.events where topic = 'process_instance.completed.v1'",
            tenant,
            process_ids,
        )
        return sorted(instance_of(row[0]) for row in streams)

    async def values(self, tenant: str, instance: InstanceId) -> dict[tuple[int, str], Value]:
        """Return plain values only: no test of this kind encrypts any."""
        values: dict[tuple[int, str], Value] = {}
        rows = await self._pool.fetch(
            "select topic, state from log.events"
            " where tenant = $1 and originator_id = $2 and topic like 'variable.%' order by originator_version",
            tenant,
            instance.stream,
        )
        for topic, state in rows:
            match decode(topic, state):
                case VariableSet(element_instance_id=scope, name=name, encoding=encoding, value=value):
                    values[scope, name] = Value(encoding, value)
                case VariableDeleted(element_instance_id=scope, name=name):
                    values.pop((scope, name), None)
        return values

    async def _instance(self, topic: str, tenant: str, entity: EntityId, member: str = "id") -> InstanceId | None:
        stream: str | None = await self._pool.fetchval(
            "select originator_id from log.events where topic = $1 and tenant = $2 and originator_id like $3"
            " and (convert_from(state, 'UTF8')::jsonb ->> $4)::bigint = $5",
            topic,
            tenant,
            f"instance-{entity.partition.isoformat()}-%",
            member,
            entity.id,
        )
        return None if stream is None else InstanceId(entity.partition, int(stream[20:]))


class Node:
    """One process's way to commands."""

    def __init__(self, pool: Pool, log: EventLog) -> None:
        self.pool = pool
        self.log = log
        self.clock = Clock()
        self.time = EngineTime(log, self.clock)
        self.cache = StateCache(1000)
        self.ids = IdBlocks(pool)
        self.commands = Commands(
            routes=ROUTES,
            log=log,
            lookups=PostgresLookups(pool, LogAsHistory(pool)),
            ids=self.ids,
            clock=self.clock,
            cipher=VariableCipher(()),
            cache=self.cache,
        )

    @property
    def today(self) -> date:
        return self.clock.now().date()

    async def send(self, command: Any, target: Any = None, **asker: Any) -> Outcome:
        return await self.commands.send(command, asking(**asker), target)

    async def facts(self, stream: str) -> list[Any]:
        """Return what a stream tells, without the envelopes."""
        return [fact.event for fact in await self.log.read(stream)]

    async def deploy(self, xml: str = ONE_TASK, version: str = "1", process_id: str = "p", **asker: Any) -> Outcome:
        return await self.send(CreateProcess(bpmn_process_id=process_id, bpmn_xml=xml, version=version), **asker)

    async def start(self, version: str = "1", process_id: str = "p", **asker: Any) -> Instance:
        outcome = await self.send(StartProcessInstance(bpmn_process_id=process_id, version=version), **asker)
        instance: Instance = outcome.answer
        return instance

    async def lock(self, limit: int = 10, worker: str = "ada", **asker: Any) -> list[JobAnswer]:
        changed = await lock_jobs(self.commands, LockJobs(limit=limit, worker_id=worker), asking(worker, **asker))
        return changed.answer

    async def unlock(self, worker: str = "ada", **asker: Any) -> list[JobAnswer]:
        return (await unlock_jobs(self.commands, UnlockJobs(worker_id=worker), asking(worker, **asker))).answer

    async def complete(self, job: JobAnswer, worker: str = "ada", error: str = "", **asker: Any) -> Outcome:
        where = EntityId(job.instance.partition, job.job.id)
        return await self.send(CompleteJob(worker_id=worker, error=error), where, worker=worker, **asker)


def asking(worker: str = "ada", tenant: str = "default", **more: Any) -> Asker:
    return Asker(tenant, Actor("worker", worker), **more)


@asynccontextmanager
async def nodes_on(dsn: str, number: int = 1) -> AsyncIterator[list[Node]]:
    """Open so many nodes on a database."""
    async with AsyncExitStack() as stack:
        nodes = []
        for _ in range(number):
            pool = await connect_pool(dsn, Link(name="test"))
            stack.push_async_callback(pool.close)
            log = await stack.enter_async_context(EventLog(pool, writers_way(dsn), Clock().wall))
            nodes.append(Node(pool, log))
        yield nodes
