"""Nodes that handle commands against one real log, each with a cache, ids and a clock of its own."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from typing import Any

from commands.handling import Asker, Commands, Outcome
from commands.instances import StartProcessInstance
from commands.intents import EntityId
from commands.job_locks import LockJobs, UnlockJobs, lock_jobs, unlock_jobs
from commands.jobs import CompleteJob, JobAnswer
from commands.processes import CreateProcess
from commands.routes import ROUTES
from commands.states import StateCache
from domain.bpmn.instance import Instance
from domain.event import Actor
from infra.clock import Clock
from infra.command_measures import CommandMeasures
from infra.encryption import VariableCipher
from infra.engine_time import EngineTime
from infra.event_log.log import EventLog
from infra.ids import IdBlocks
from infra.lookups import PostgresLookups
from infra.postgres import Link, Pool, connect_pool
from tests.integration.appending import writers_way
from tests.integration.log_as_history import LogAsHistory
from tests.story import bpmn

ONE_TASK = bpmn("s:startEvent work:serviceTask e:endEvent", "s>work work>e")
TWO_TASKS = bpmn("s:startEvent work:serviceTask more:serviceTask e:endEvent", "s>work work>more more>e")


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
            watcher=CommandMeasures(),
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
