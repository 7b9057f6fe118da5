"""A log in memory, and lookups derived from its facts: what commands need of the world, without a database.

After every append the states of its streams are folded anew from the recorded facts, through JSON as the log keeps
them; the states that the decider came to have to be the same, to the byte.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import msgspec

from commands.context import Conflict, Context, Decision, Snapshot, Stored, Value, Work, WorkCriteria
from commands.intents import EntityId
from commands.states import Versioned, fold
from domain.bpmn.engine_task import EngineTask
from domain.bpmn.events import (
    JobCreated,
    SignalSubscribed,
    SignalUnsubscribed,
    UserTaskCompleted,
    UserTaskTerminated,
    VariableDeleted,
    VariableSet,
)
from domain.bpmn.graph import ElementType
from domain.bpmn.instance import Instance, Task
from domain.event import Event, Recorded
from domain.identity import IdKind, InstanceId, instance_of
from domain.incidents.events import IncidentOpened
from domain.messaging.channel import Channel
from domain.messaging.events import MessageCorrelated, MessageSubscribed, MessageUnsubscribed, SignalSent
from domain.messaging.receivers import SignalReceiver, StartDefinition
from domain.processes.events import DeployedElement, ProcessDeployed
from domain.processes.queue import Queue

#: Streams whose states are compared; a process holds graphs, which are made from its facts and nothing else.
COMPARED = (
    "instance-",
    "channel-",
    "queue-",
    "task-",
    "signal-",
    "incident-",
    "check-",
    "alert-",
    "intake-",
    "intakes-",
    "register-",
    "rule-",
)


class NotReplayed(AssertionError):
    """A state folded anew from the recorded facts is not the one that was decided on."""


class CountingIds:
    """Ids from 1 for each kind and day, and ULIDs that count too, so that a run can be repeated."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, date | None], int] = {}

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Take back what is drawn inside when that fails."""
        before = dict(self._last)
        try:
            yield
        except BaseException:
            self._last = before
            raise

    def next(self, kind: IdKind, day: date | None, above: int = 0) -> int:
        self._last[kind, day] = self._last.get((kind, day), 0) + 1
        return self._last[kind, day]

    def ulid(self) -> str:
        return f"{self.next('incident', date.min):026d}"

    async def reserve(self, kind: IdKind, day: date | None, blocks: int = 1) -> None:
        """There are always more."""


class MemoryLog:
    """Streams with a version check. ``changed`` are the streams appended to since someone last took them."""

    def __init__(self) -> None:
        self.facts: list[Recorded] = []
        self.streams: dict[str, list[Recorded]] = defaultdict(list)
        self.states: dict[str, Any] = {}
        self.changed: set[str] = set()
        #: Who waits for messages and signals, as the facts of subscribing tell: by subscription, signals with stream.
        self.message_subscriptions: dict[int, MessageSubscribed] = {}
        self.signal_subscriptions: dict[int, tuple[str, SignalSubscribed]] = {}
        #: How often each message met a receiver.
        self.correlations: Counter[int] = Counter()

    async def append(self, decision: Decision, context: Context) -> int:
        for append in decision.appends:
            if len(self.streams[append.stream]) != append.expected:
                raise Conflict
        for append in decision.appends:
            for event in append.events:
                self._record(append.stream, event, context)
        for append in decision.appends:
            self._fold_anew(append.stream, decision.states.get(append.stream))
        return len(self.facts)

    async def read(self, stream: str, after: int = 0, limit: int | None = None) -> Sequence[Recorded]:
        return self.streams[stream][after:][:limit]

    async def find_command(self, command_id: str) -> Stored | None:
        return None

    async def load_snapshot(self, stream: str, shape: str) -> Snapshot | None:
        return None

    async def save_snapshot(self, stream: str, shape: str, snapshot: Snapshot) -> None:
        """Keep none: everything is folded from the facts."""

    def instances(self) -> Iterator[Instance]:
        """Yield the state of every instance, in the order in which they began."""
        return (state for stream, state in self.states.items() if stream.startswith("instance-"))

    def queues(self) -> Iterator[tuple[str, Queue]]:
        """Yield the queues of processes that limit their instances, each with its stream."""
        return ((stream, state) for stream, state in self.states.items() if stream.startswith("queue-"))

    def channels(self) -> Iterator[Channel]:
        """Yield where messages meet who waits for them."""
        return (state for stream, state in self.states.items() if stream.startswith("channel-"))

    def open_work(self, what: str) -> Iterator[tuple[str, Any]]:
        """Yield the open ``jobs`` or ``tasks`` of all streams, each with its stream."""
        for stream, state in self.states.items():
            if stream.startswith("instance-"):
                yield from ((stream, work) for work in getattr(state, what).values())
        if what == "tasks":
            yield from self.outside_tasks()

    def outside_tasks(self) -> Iterator[tuple[str, Task]]:
        """Yield the open tasks that have a stream of their own."""
        for stream, state in self._outside():
            if state.task is not None:
                yield stream, state.task

    def stopped_outside(self) -> list[tuple[str, Task]]:
        """Return the tasks with a stream of their own that stopped in an incident."""
        return [
            (stream, stopped.task)
            for stream, state in self._outside()
            for stopped in state.incidents.values()
            if stopped.task is not None
        ]

    def incidents(self) -> list[EntityId]:
        """Return all unresolved incidents of processes."""
        inside = [
            EntityId(instance.partition, number)
            for instance in self.instances()
            for number, stopped in instance.incidents.items()
            if not stopped.outside
        ]
        outside = [EntityId(partition_of(stream), number) for stream, s in self._outside() for number in s.incidents]
        return inside + outside

    def _outside(self) -> Iterator[tuple[str, EngineTask]]:
        return ((stream, state) for stream, state in self.states.items() if stream.startswith("task-"))

    def _record(self, stream: str, event: Event, context: Context) -> None:
        kept = msgspec.json.decode(msgspec.json.encode(event), type=type(event))
        facts = self.streams[stream]
        happened = (context.tenant, context.actor, context.now, context.now, context.command_id)
        fact = Recorded(len(self.facts) + 1, stream, len(facts) + 1, kept, *happened)
        facts.append(fact)
        self.facts.append(fact)
        self._note_subscriptions(stream, kept)

    def _note_subscriptions(self, stream: str, event: Event) -> None:
        match event:
            case MessageSubscribed():
                self.message_subscriptions[event.id] = event
            case MessageUnsubscribed(id=subscription):
                self.message_subscriptions.pop(subscription, None)
            case MessageCorrelated():
                self.message_subscriptions.pop(event.subscription_id, None)
                self.correlations[event.id] += 1
            case SignalSubscribed():
                self.signal_subscriptions[event.id] = (stream, event)
            case SignalUnsubscribed(id=subscription):
                self.signal_subscriptions.pop(subscription, None)
            case SignalSent(subscriptions=subscriptions):
                for subscription in subscriptions:
                    self.signal_subscriptions.pop(subscription, None)
            case _:
                pass

    def _fold_anew(self, stream: str, decided: Any) -> None:
        state = fold(stream, Versioned(0, None), self.streams[stream]).state
        self.states[stream] = state
        self.changed.add(stream)
        if not stream.startswith(COMPARED):
            return
        replayed = msgspec.json.encode(state)
        if msgspec.json.encode(msgspec.json.decode(replayed, type=type(state))) != replayed:
            raise NotReplayed(f"a snapshot of {stream} is not what it was made from")
        if decided is not None and msgspec.json.encode(decided) != replayed:
            raise NotReplayed(f"{stream} is not what its facts say")


class MemoryLookups:
    """Everything that the decision tables and the history tell, read off the facts of a ``MemoryLog``."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def job(self, tenant: str, job: EntityId) -> InstanceId | None:
        return self._instance_with("jobs", job)

    async def had_job(self, tenant: str, job: EntityId) -> bool:
        return any(
            isinstance(fact.event, JobCreated)
            and fact.event.id == job.id
            and partition_of(fact.stream) == job.partition
            for fact in self._log.facts
        )

    async def due_jobs(self, criteria: WorkCriteria, now: datetime, beside: frozenset[Work]) -> Sequence[Work]:
        return self._due("jobs", criteria, now)

    async def locked_jobs(self, tenant: str, worker_id: str, job_id: int, day: date | None) -> Sequence[Work]:
        return ()

    async def due_tasks(self, criteria: WorkCriteria, now: datetime, beside: frozenset[Work]) -> Sequence[Work]:
        return self._due("tasks", criteria, now)

    async def locked_tasks(self, tenant: str, engine_id: str, task_id: int, day: date | None) -> Sequence[Work]:
        return ()

    async def expired_jobs(self, now: datetime, limit: int) -> Sequence[Work]:
        return ()

    async def user_task(self, tenant: str, user_task: EntityId) -> InstanceId | None:
        return self._instance_with("user_tasks", user_task)

    async def ended_user_task(self, tenant: str, user_task: EntityId) -> str | None:
        for fact in self._log.facts:
            match fact.event:
                case UserTaskCompleted(id=user_task.id) | UserTaskTerminated(id=user_task.id):
                    if partition_of(fact.stream) == user_task.partition:
                        return "COMPLETED" if isinstance(fact.event, UserTaskCompleted) else "TERMINATED"
                case _:
                    pass
        return None

    async def message_start(self, tenant: str, name: str) -> StartDefinition | None:
        starts = (
            start
            for start, element in self._starts(ElementType.MESSAGE_START_EVENT)
            if element.definition is not None and element.definition.message_name == name
        )
        return next(starts, None)

    async def signal_starts(self, tenant: str, name: str) -> Sequence[StartDefinition]:
        return [
            start
            for start, element in self._starts(ElementType.SIGNAL_START_EVENT)
            if element.definition is not None and element.definition.signal_name == name
        ]

    async def signal_receivers(self, tenant: str, name: str) -> Sequence[SignalReceiver]:
        return [
            SignalReceiver(
                event.id,
                instance_of(stream),
                event.process_id,
                event.element_id,
                event.element,
                event.element_instance_id,
            )
            for stream, event in self._log.signal_subscriptions.values()
            if event.name == name
        ]

    async def running_instances(self, tenant: str, bpmn_process_id: str) -> Sequence[InstanceId]:
        return [
            instance.identity
            for instance in self._log.instances()
            if instance.bpmn_process_id == bpmn_process_id and not instance.has_ended
        ]

    async def values(self, tenant: str, instance: InstanceId) -> Mapping[tuple[int, str], Value]:
        values: dict[tuple[int, str], Value] = {}
        for fact in self._log.streams[instance.stream]:
            match fact.event:
                case VariableSet() as event:
                    values[event.element_instance_id, event.name] = Value(event.encoding, event.value)
                case VariableDeleted() as event:
                    values.pop((event.element_instance_id, event.name), None)
                case _:
                    pass
        return values

    async def incident(self, tenant: str, incident: EntityId) -> tuple[str, str] | None:
        for stream, state in self._log.states.items():
            if stream.startswith(("instance-", "task-")) and partition_of(stream) == incident.partition:
                stopped = state.incidents.get(incident.id)
                if stopped is not None and not stopped.outside:
                    return stream, stopped.incident
        return None

    async def had_incident(self, tenant: str, incident: EntityId) -> bool:
        place = (incident.partition.isoformat(), incident.id)
        causes = (fact.event.process for fact in self._log.facts if isinstance(fact.event, IncidentOpened))
        return any(cause is not None and (cause.partition, cause.incident_id) == place for cause in causes)

    async def element_instance(self, tenant: str, element_instance: EntityId) -> InstanceId | None:
        return self._instance_with("elements", element_instance)

    def _instance_with(self, what: str, entity: EntityId) -> InstanceId | None:
        for instance in self._log.instances():
            if instance.partition == entity.partition and entity.id in getattr(instance, what):
                return instance.identity
        return None

    def _due(self, what: str, criteria: WorkCriteria, now: datetime) -> list[Work]:
        """Return due and unlocked work of all instances, and of tasks with a stream of their own."""
        due = [
            (work.due_at, number, Work(stream, work.id, "default"))
            for number, (stream, work) in enumerate(self._log.open_work(what))
            if work.due_at <= now and not work.locked_by and criteria.id in (0, work.id)
        ]
        return [work for _, _, work in sorted(due)][: criteria.limit]

    def _starts(self, wanted: ElementType) -> Iterator[tuple[StartDefinition, DeployedElement]]:
        """Yield the start events of the last version of each process."""
        latest = {fact.stream: fact.event for fact in self._log.facts if isinstance(fact.event, ProcessDeployed)}
        for deployed in latest.values():
            process = (deployed.process_id, deployed.bpmn_process_id, deployed.version)
            for element in deployed.elements:
                if element.type is wanted and element.parent == deployed.bpmn_process_id:
                    yield StartDefinition(*process, element.id, element.bpmn_element_id), element


def partition_of(stream: str) -> date:
    """Return the partition in the name of an instance's or a task's stream."""
    return date.fromisoformat(stream.partition("-")[2][:10])
