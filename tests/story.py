"""Stories about processes: what they wait at, what workers and people do, what happens to them, where they end.

They send the commands that clients send, over a log in memory. After every command the states folded anew from the
recorded facts must equal the live ones (reliability: replay equality), so each scenario is a replay test too.
"""

from collections import Counter
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from commands.context import Cipher, Work
from commands.handling import Asker, Commands
from commands.incidents import ResolveIncident
from commands.instances import (
    CancelProcessInstance,
    ResumeProcessInstance,
    StartProcessInstance,
    SuspendProcessInstance,
)
from commands.intents import Data, ElementVariable, EntityId, Intent, ProcessVariable, Tag, Timer
from commands.job_locks import LockJobsOf
from commands.jobs import CompleteJob, JobAnswer, JobCompletion
from commands.messages import MessageAnswer, SendMessage
from commands.processes import CreateProcess
from commands.routes import ROUTES
from commands.signals import SendSignal, SignalAnswer
from commands.states import StateCache
from commands.tasks import RunTask, TaskAnswer
from commands.user_tasks import UpdateUserTask, UserTaskAnswer
from commands.variables import SetElementVariables, SetProcessVariables
from domain.bpmn.events import ElementCompleted, ElementEntered, ElementPassed, ElementTerminated, InstanceState
from domain.bpmn.execution import ExecutionError
from domain.bpmn.graph import Graph
from domain.bpmn.instance import ElementInstance, Instance, Job, Task, UserTask
from domain.event import Actor, Event
from domain.identity import InstanceId, process_stream
from infra.command_measures import CommandMeasures
from tests.modelling import bpmn as bpmn  # noqa: PLC0414  (stories come with their models)
from tests.models.memory import CountingIds, MemoryLog, MemoryLookups

#: Time passes between two steps.
STEP = timedelta(seconds=1)
MORNING = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
TENANT = "default"


class StageClock:
    """Engine time, which passes when someone says so."""

    offset_ms = 0

    def __init__(self) -> None:
        self.time = MORNING

    def now(self) -> datetime:
        return self.time


class Unencrypted(Cipher):
    """Nothing in a story is secret."""

    def encrypt(self, text: str, associated_data: str) -> str:
        return text


class Stage:
    """Where processes are deployed, instances run and messages are sent."""

    def __init__(self) -> None:
        self.clock = StageClock()
        self.log = MemoryLog()
        self.ids = CountingIds()
        self.commands = Commands(
            routes=ROUTES,
            log=self.log,
            lookups=MemoryLookups(self.log),
            ids=self.ids,
            clock=self.clock,
            cipher=Unencrypted(),
            cache=StateCache(10_000),
            watcher=CommandMeasures(),
        )

    def send(self, command: Any, target: Any = None, by: str = "worker", tenant: str = TENANT) -> Any:
        """Send a command a second after the last one; return its answer, or raise its refusal."""
        self.clock.time += STEP
        asker = Asker(tenant, Actor("system" if by == "engine" else "worker", by))
        return _at_once(self.commands.send(command, asker, target)).answer

    def deploys(self, xml: str, process_id: str = "p", version: str = "1", **given: Any) -> "Stage":
        """Deploy a process; ``given`` are further members of ``CreateProcess``."""
        self.send(CreateProcess(bpmn_process_id=process_id, bpmn_xml=xml, version=version, worker_id="worker", **given))
        return self

    def starts(self, process_id: str = "p", version: str = "1", **given: Any) -> "Story":
        """Start an instance; ``given`` are further members of ``StartProcessInstance``."""
        command = StartProcessInstance(bpmn_process_id=process_id, version=version, worker_id="worker", **given)
        return Story.of(self, self.send(command).identity)

    def sends_message(self, name: str, key: str, lasts: str = "PT1H", **given: Any) -> MessageAnswer:
        """Send a message that lasts that long (empty: not at all)."""
        timer = Timer(time_duration=lasts) if lasts else None
        answer: MessageAnswer = self.send(
            SendMessage(name=name, correlation_key=key, worker_id="sender", expiration_timer=timer, **given),
            by="sender",
        )
        return answer

    def sends_signal(self, name: str, **given: Any) -> SignalAnswer:
        answer: SignalAnswer = self.send(SendSignal(name=name, worker_id="sender", **given), by="sender")
        return answer

    def passes(self, time: timedelta) -> "Stage":
        """Let time pass."""
        self.clock.time += time
        return self

    def due_tasks(self) -> list[tuple[str, Task]]:
        """Return the due tasks of all streams, those first that are due first."""
        due = [(stream, task) for stream, task in self.log.open_work("tasks") if task.due_at <= self.clock.now()]
        return sorted(due, key=lambda found: (found[1].due_at, found[1].id))

    def runs(self, stream: str, task: Task) -> TaskAnswer:
        """Have the engine run a task."""
        answer: TaskAnswer = self.send(RunTask(Work(stream, task.id, TENANT)), by="engine")
        return answer

    def runs_due_tasks(self, at_most: int = 100) -> "Stage":
        """Have the engine run what is due, and what becomes due by that."""
        for _ in range(at_most):
            due = self.due_tasks()
            if not due:
                return self
            self.runs(*due[0])
        raise AssertionError(f"still due after {at_most} tasks: {self.due_tasks()}")

    def stories(self, process_id: str = "p") -> list["Story"]:
        """Return the stories of all instances of a process, in the order in which they began."""
        found = [i.identity for i in self.log.instances() if i.bpmn_process_id == process_id]
        return [Story.of(self, identity) for identity in found]


class Story:
    """One instance, from its start."""

    stage: Stage
    identity: InstanceId

    def __init__(
        self, xml: str, process_id: str = "p", variables: tuple[ProcessVariable, ...] = (), **given: Any
    ) -> None:
        """Deploy a process on a stage of its own and start it; ``given`` are further members of the deployment."""
        self.stage = Stage().deploys(xml, process_id, **given)
        self.identity = self.stage.starts(process_id, variables=variables).identity

    @classmethod
    def of(cls, stage: Stage, identity: InstanceId) -> "Story":
        """Return the story of an instance on a stage."""
        story = cls.__new__(cls)
        story.stage, story.identity = stage, identity
        return story

    @property
    def instance(self) -> Instance:
        state: Instance = self.stage.log.states[self.identity.stream]
        return state

    @property
    def graph(self) -> Graph:
        process = self.stage.log.states[process_stream(TENANT, self.instance.bpmn_process_id)]
        graph: Graph = process.graphs[self.instance.version]
        return graph

    @property
    def facts(self) -> list[Event]:
        """All facts of the instance so far."""
        return [fact.event for fact in self.stage.log.streams[self.identity.stream]]

    def completes(self, element: str, *, decision: str = "", **completion: Any) -> "Story":
        """Have a worker complete the oldest job at an element; ``completion`` are members of ``JobCompletion``.

        Raises ``ExecutionError`` with the job's error where the engine cannot go on with it.
        """
        said = JobCompletion(exclusive_gateway_decision=decision, **completion)
        answer = self.reports(element, completion=said if decision or completion else None)
        if answer.error:
            raise ExecutionError(answer.error)
        return self

    def fails(self, element: str, error: str = "out of order", **given: Any) -> "Story":
        """Have a worker report that the oldest job at an element failed."""
        self.reports(element, error=error, **given)
        return self

    def reports(self, element: str, **given: Any) -> JobAnswer:
        """Have a worker lock the oldest job at an element and report; ``given`` are members of ``CompleteJob``."""
        job = self.job_at(element)
        if not job.locked_by:
            self.stage.send(LockJobsOf(self.identity, (job.id,)))
        target = EntityId(self.identity.partition, job.id)
        answer: JobAnswer = self.stage.send(CompleteJob(worker_id="worker", **given), target)
        return answer

    def updates(self, element: str, **given: Any) -> UserTaskAnswer:
        """Have a person change the user task at an element; ``given`` are members of ``UpdateUserTask``."""
        task = self.user_task_at(element)
        given.setdefault("revision", task.revision)
        target = EntityId(self.identity.partition, task.id)
        answer: UserTaskAnswer = self.stage.send(UpdateUserTask(worker_id="person", **given), target, "person")
        return answer

    def sets(self, element: str = "", **values: str | None) -> "Story":
        """Set variables of the instance, or of the element instance at an element; None deletes one."""
        data = {name: None if value is None else Data("text", value=value) for name, value in values.items()}
        command: Intent
        if element:
            command = SetElementVariables("worker", tuple(ElementVariable(n, d) for n, d in data.items()))
            self.stage.send(command, EntityId(self.identity.partition, self.at(element).id))
        else:
            command = SetProcessVariables("worker", tuple(ProcessVariable(n, d) for n, d in data.items()))
            self.stage.send(command, self.identity)
        return self

    def runs_task_at(self, element: str) -> "Story":
        """Have the engine run the oldest task at an element; raises ``ExecutionError`` with the task's error."""
        answer = self.stage.runs(*self._stream_and_task_at(element))
        if answer.error:
            raise ExecutionError(answer.error)
        return self

    def runs_all_tasks(self) -> "Story":
        """Have the engine run whatever is due, on the whole stage."""
        self.stage.runs_due_tasks()
        return self

    def resolves(self) -> "Story":
        """Have someone resolve the oldest incident."""
        number = next(iter(self.instance.incidents))
        self.stage.send(ResolveIncident("person"), EntityId(self.identity.partition, number))
        return self

    def is_suspended(self) -> "Story":
        self.stage.send(SuspendProcessInstance("person"), self.identity)
        return self

    def is_resumed(self) -> "Story":
        self.stage.send(ResumeProcessInstance("person"), self.identity)
        return self

    def is_canceled(self) -> "Story":
        self.stage.send(CancelProcessInstance("person"), self.identity)
        return self

    def waits_at(self, *elements: str) -> "Story":
        """Check that exactly these elements have a token that is neither a scope's nor ended.

        Events that are armed at an activity, a scope or a gateway are no tokens.
        """
        scopes = {element.parent_id for element in self.instance.elements.values() if not element.attached_to}
        waiting = Counter(
            e.element for e in self.instance.elements.values() if e.id not in scopes and not e.attached_to
        )
        assert waiting == Counter(elements)
        return self

    def is_armed_with(self, *elements: str) -> "Story":
        """Check that exactly these events are armed."""
        armed = Counter(e.element for e in self.instance.elements.values() if e.attached_to)
        assert armed == Counter(elements)
        return self

    def has_ended(self, state: InstanceState = InstanceState.COMPLETED) -> "Story":
        """Check that nothing lives in the instance any more, and that no work is left but for what was interrupted.

        Such jobs and timers are canceled when they come up (contracts/engine.md 2.5, 2.8).
        """
        assert self.instance.state is state
        assert not self.instance.elements
        assert not self.instance.user_tasks
        interrupted = {fact.id for fact in self.facts if isinstance(fact, ElementTerminated)}
        left: list[Job | Task] = [*self.instance.jobs.values(), *self.instance.tasks.values()]
        assert {work.element_instance_id for work in left} <= interrupted
        return self

    def at(self, element: str) -> ElementInstance:
        """Return the oldest living element instance at an element."""
        return next(e for e in self.instance.elements.values() if e.element == element)

    def state_of(self, element: str) -> InstanceState:
        return self.at(element).state

    def job_at(self, element: str) -> Job:
        return next(job for job in self.instance.jobs.values() if job.element == element)

    def task_at(self, element: str) -> Task:
        return self._stream_and_task_at(element)[1]

    def user_task_at(self, element: str) -> UserTask:
        return next(task for task in self.instance.user_tasks.values() if task.element == element)

    def called_by(self, element: str) -> "Story":
        """Return the story of the instance that the call activity called."""
        return Story.of(self.stage, InstanceId(self.identity.partition, self.at(element).called))

    def values(self) -> dict[str, str]:
        """Return the variables of the instance itself."""
        known = _at_once(self.stage.commands.lookups.values(TENANT, self.identity))
        return {name: value.value for (scope, name), value in known.items() if not scope}

    def ends_of(self, element: str) -> list[str]:
        """Tell how the element instances at an element ended, in order of their ends."""
        entered = {e.id: e.element for e in self.facts if isinstance(e, ElementEntered | ElementPassed)}
        ends = [e for e in self.facts if isinstance(e, ElementPassed | ElementCompleted | ElementTerminated)]
        return ["TERMINATED" if type(e) is ElementTerminated else "COMPLETED" for e in ends if entered[e.id] == element]

    def names(self) -> list[str]:
        """Return the names of all facts so far."""
        return [type(fact).__name__ for fact in self.facts]

    def _stream_and_task_at(self, element: str) -> tuple[str, Task]:
        """Return the oldest task at an element, of the instance itself or from outside."""
        number = self.identity.id
        for stream, task in self.stage.log.open_work("tasks"):
            own = stream == self.identity.stream
            if task.element == element and (own or task.process_instance_id == number):
                return stream, task
        raise AssertionError(f"no task at {element}")


def text(value: str) -> Data:
    return Data("text", value=value)


def tags(**values: str) -> tuple[Tag, ...]:
    return tuple(Tag(name, value) for name, value in values.items())


def _at_once(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that waits for nothing: a log in memory answers at once."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("a command waited for something that is not there")
