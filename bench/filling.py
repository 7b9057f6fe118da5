"""Filling a log with the lives of process instances, through the same commands as ever, for benchmarks that read it.

Of ten instances six run one service task and four fork into two that join again; each sets variables. In one of the
ten a job fails for good, and half of those incidents are resolved. Workers lock ten jobs at a time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from api.composition import Node
from commands.handling import Asker
from commands.incidents import ResolveIncident
from commands.instances import StartProcessInstance
from commands.intents import Data, EntityId, Intent, ProcessVariable
from commands.job_locks import LockJobs, lock_jobs
from commands.jobs import CompleteJob, JobAnswer
from commands.processes import CreateProcess
from domain.event import Actor
from domain.identity import InstanceId

CLIENTS = 32
STARTED_AT_ONCE = 1_000
LOCKED_AT_ONCE = 10
WORKER = "worker-1"
ASKER = Asker("default", Actor("worker", WORKER))

SERVICE = """<definitions><process id="service" isExecutable="true"><startEvent id="start"/>
<serviceTask id="charge" name="Charge the card"/><endEvent id="end"/>
<sequenceFlow id="f1" sourceRef="start" targetRef="charge"/><sequenceFlow id="f2" sourceRef="charge" targetRef="end"/>
</process></definitions>"""

PARALLEL = """<definitions><process id="parallel" isExecutable="true"><startEvent id="start"/>
<parallelGateway id="fork"/><serviceTask id="pack"/><serviceTask id="bill"/><parallelGateway id="join"/>
<endEvent id="end"/><sequenceFlow id="f1" sourceRef="start" targetRef="fork"/>
<sequenceFlow id="f2" sourceRef="fork" targetRef="pack"/><sequenceFlow id="f3" sourceRef="fork" targetRef="bill"/>
<sequenceFlow id="f4" sourceRef="pack" targetRef="join"/><sequenceFlow id="f5" sourceRef="bill" targetRef="join"/>
<sequenceFlow id="f6" sourceRef="join" targetRef="end"/></process></definitions>"""

MODELS = {"service": SERVICE, "parallel": PARALLEL}

#: Which process each of ten instances in a row runs, and which of them fails.
TURNS = ("service", "parallel", "service", "service", "parallel") * 2
FAILING_TURN = 9
FAILS = "fails"


class Filling:
    """Runs instances on a node, which executes the engine's own tasks meanwhile, so that joins happen."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._failed: set[InstanceId] = set()

    async def run(self, instances: int, on_progress: Callable[[int], None]) -> int:
        """Run so many; return the position of the last fact. ``on_progress`` is told how many are through."""
        for process, xml in MODELS.items():
            await self._send(CreateProcess(bpmn_process_id=process, bpmn_xml=xml, version="1", worker_id=WORKER))
        for begin in range(0, instances, STARTED_AT_ONCE):
            numbers = range(begin, min(begin + STARTED_AT_ONCE, instances))
            await side_by_side(self._start, numbers)
            await self._work_off()
            on_progress(numbers.stop)
        await self._resolve_half()
        await self._work_off()
        while await self._node.pools.commands.fetchval("select exists (select from log.open_tasks)"):  # noqa: ASYNC110  (the engine's own tasks ring no bell)
            await asyncio.sleep(0.05)
        return await self._node.log.head()

    async def _start(self, number: int) -> None:
        order = Data(encoding="application/json", value=f'{{"number":{number},"total":119.90}}')
        command = StartProcessInstance(
            bpmn_process_id=TURNS[number % 10],
            version="1",
            worker_id=WORKER,
            correlation_key=FAILS if number % 10 == FAILING_TURN else f"order-{number}",
            variables=(ProcessVariable("order", order),),
        )
        await self._send(command)

    async def _work_off(self) -> None:
        """Lock and complete jobs until there are none."""

        async def work(_: int) -> None:
            while True:
                locked = await lock_jobs(self._node.commands, LockJobs(limit=LOCKED_AT_ONCE, worker_id=WORKER), ASKER)
                if not locked.answer:
                    return
                for answer in locked.answer:
                    await self._complete(answer)

        await side_by_side(work, range(CLIENTS))

    async def _complete(self, answer: JobAnswer) -> None:
        instance, job = answer.instance, answer.job
        receipt = Data(encoding="text/plain", value=f"receipt {job.id}")
        command = CompleteJob(worker_id=WORKER, process_variables=(ProcessVariable("receipt", receipt),))
        if instance.correlation_key == FAILS and instance.identity not in self._failed:
            self._failed.add(instance.identity)
            command = CompleteJob(worker_id=WORKER, error="the card was refused")
        await self._send(command, EntityId(instance.identity.partition, job.id))

    async def _resolve_half(self) -> None:
        rows = await self._node.pools.commands.fetch("select partition, id from log.open_incidents where id % 2 = 0")
        incidents = [EntityId(*row) for row in rows]
        await side_by_side(lambda incident: self._send(ResolveIncident(worker_id=WORKER), incident), incidents)

    async def _send(self, command: Intent, target: EntityId | None = None) -> None:
        await self._node.commands.send(command, ASKER, target)


async def side_by_side(act: Callable[[Any], Awaitable[object]], items: Iterable[Any]) -> None:
    """Do something to each item, by so many clients at once."""
    left = iter(items)

    async def client() -> None:
        for item in left:
            await act(item)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
