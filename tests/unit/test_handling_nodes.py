"""Commands that meet: on two nodes over one log, and on one node at the same moment."""

import asyncio
from typing import Any

from commands.context import Context, Decision, Work
from commands.handling import Asker, Commands
from commands.instances import StartProcessInstance
from commands.intents import ProcessVariable, Timer
from commands.processes import CreateProcess, TimerDefinition
from commands.routes import ROUTES
from commands.states import StateCache
from commands.tasks import RunTask
from commands.variables import SetProcessVariables
from domain.event import Actor
from domain.identity import process_stream, queue_stream
from domain.processes.process import Process
from domain.processes.queue import Queue
from infra.command_measures import CommandMeasures
from tests.models.memory import MemoryLog, MemoryLookups
from tests.story import MORNING, TENANT, Stage, Unencrypted, bpmn, text


class FarLog(MemoryLog):
    """A log that takes its time: others get on meanwhile."""

    async def append(self, decision: Decision, context: Context) -> int:
        await asyncio.sleep(0)
        return await super().append(decision, context)


ONE_TASK = bpmn("s:startEvent a:serviceTask", "s>a")
BY_TIME = bpmn("s:timerStart a:serviceTask", "s>a")


def node(stage: Stage, log: MemoryLog, cache: StateCache | None = None) -> Commands:
    """Return a node on a log."""
    return Commands(
        routes=ROUTES,
        log=log,
        lookups=MemoryLookups(log),
        ids=stage.ids,
        clock=stage.clock,
        cipher=Unencrypted(),
        cache=StateCache(100) if cache is None else cache,
        watcher=CommandMeasures(),
    )


async def send(commands: Commands, command: Any, target: Any = None) -> Any:
    """Send a command; no time passes."""
    return (await commands.send(command, Asker(TENANT, Actor("worker", "ada")), target)).answer


def deploying(version: str, xml: str = ONE_TASK, **given: Any) -> CreateProcess:
    return CreateProcess(bpmn_process_id="p", bpmn_xml=xml, version=version, worker_id="ada", **given)


async def test_the_time_of_a_version_that_another_node_deployed_a_moment_ago_is_not_lost() -> None:
    stage = Stage()
    here, there = stage.commands, node(stage, stage.log)
    await send(here, deploying("1"))
    await send(here, StartProcessInstance("p", "1", "ada"))
    at_once = TimerDefinition("s", Timer(time=MORNING))
    await send(there, deploying("2", BY_TIME, timers=(at_once,)))
    ((stream, task),) = stage.due_tasks()
    await send(here, RunTask(Work(stream, task.id, TENANT)))
    assert [story.instance.version for story in stage.stories()] == ["1", "2"]


async def test_versions_of_a_limited_process_that_are_deployed_at_once_are_all_deployed() -> None:
    log = FarLog()
    here = node(Stage(), log)
    await send(here, deploying("0", parallelism=1))
    versions = [str(number) for number in range(1, 9)]
    await asyncio.gather(*(send(here, deploying(v, parallelism=int(v))) for v in versions))
    process: Process = log.states[process_stream(TENANT, "p")]
    queue: Queue = log.states[queue_stream(TENANT, "p")]
    assert sorted(process.versions) == ["0", *versions]
    assert queue.parallelism == int(process.latest)


async def test_who_was_not_the_first_to_change_an_instance_need_not_read_its_process_again() -> None:
    stage, cache = Stage(), StateCache(100)
    here, there = node(stage, stage.log, cache), node(stage, stage.log)
    await send(here, deploying("1"))
    instance = await send(here, StartProcessInstance("p", "1", "ada"))
    known = cache.get(process_stream(TENANT, "p"))
    await send(there, SetProcessVariables("ada", (ProcessVariable("v", text("1")),)), instance.identity)
    await send(here, SetProcessVariables("ada", (ProcessVariable("v", text("2")),)), instance.identity)
    assert known is not None
    assert cache.get(process_stream(TENANT, "p")) is known
