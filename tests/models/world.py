"""A world in which a generated model runs: the commands on a log in memory, and a clock that chance moves."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from commands.context import Cipher
from commands.handling import Asker, Commands
from commands.intents import Timer
from commands.processes import (
    CreateProcess,
    ErrorDefinition,
    EscalationDefinition,
    MessageDefinition,
    SignalDefinition,
    TimerDefinition,
)
from commands.routes import ROUTES
from commands.states import StateCache
from domain.bpmn.graph import EventDefinition, Graph
from domain.bpmn.graph import Timer as GraphTimer
from domain.bpmn.instance import Instance
from domain.event import Actor
from domain.identity import InstanceId, process_stream
from domain.rejection import Rejection, Unavailable
from infra.command_measures import CommandMeasures
from tests.models.generating import GeneratedModel, GeneratedProcess
from tests.models.memory import CountingIds, MemoryLog, MemoryLookups, partition_of

MORNING = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
TENANT = "default"
WORKER = "worker"

#: More than any world has streams: what is dropped from the cache is dropped because it ended.
CACHE = 10_000


class WorldClock:
    """Engine time, which passes only when someone moves it."""

    offset_ms = 0

    def __init__(self) -> None:
        self._now = MORNING

    def now(self) -> datetime:
        return self._now

    def move_to(self, moment: datetime) -> None:
        self._now = max(self._now, moment)

    def move(self, step: timedelta) -> None:
        self._now += step


class Plain(Cipher):
    """No generated variable is encrypted."""

    def encrypt(self, text: str, associated_data: str) -> str:
        return text


class World:
    """One path through a model. ``told`` is what happened so far, ``refused`` how often what was refused."""

    def __init__(self, model: GeneratedModel, chance: Random) -> None:
        self.model = model
        self.chance = chance
        self.clock = WorldClock()
        self.log = MemoryLog()
        self.told: list[str] = []
        self.refused: Counter[str] = Counter()
        self.commands = Commands(
            routes=ROUTES,
            log=self.log,
            lookups=MemoryLookups(self.log),
            ids=CountingIds(),
            clock=self.clock,
            cipher=Plain(),
            cache=StateCache(CACHE),
            watcher=CommandMeasures(),
        )

    def happens(self, percent: int) -> bool:
        return self.chance.randrange(100) < percent

    async def send(self, command: Any, target: Any = None, by: str = WORKER) -> Any:
        """Send a command; return its answer, or the refusal, which is an answer too."""
        actor = Actor("worker" if by == WORKER else "system", by)
        try:
            return (await self.commands.send(command, Asker(TENANT, actor), target)).answer
        except Unavailable:
            raise
        except Rejection as refusal:
            self.refused[f"{type(command).__name__}: {refusal.title}"] += 1
            return refusal

    def graph(self, instance: Instance) -> Graph:
        """Return the graph that an instance walks."""
        graph: Graph = self.log.states[process_stream(TENANT, instance.bpmn_process_id)].graphs[instance.version]
        return graph

    def living(self) -> list[Instance]:
        return [instance for instance in self.log.instances() if not instance.has_ended]

    def is_living(self, beside: Instance, process_instance_id: int) -> bool:
        """Tell whether an instance of the same partition has not ended."""
        other = self.log.states.get(InstanceId(beside.partition, process_instance_id).stream)
        return isinstance(other, Instance) and not other.has_ended

    def due(self, what: str) -> list[tuple[str, Any]]:
        """Return the due ``jobs`` or ``tasks`` of all streams, each with its stream."""
        now = self.clock.now()
        return [(stream, work) for stream, work in self.log.open_work(what) if work.due_at <= now]

    def next_due(self) -> datetime | None:
        """Return when something comes up next that is not due yet."""
        later = [work.due_at for what in ("jobs", "tasks") for _, work in self.log.open_work(what)]
        return min((due_at for due_at in later if due_at > self.clock.now()), default=None)

    def pending_at(self, instance: Instance) -> set[int]:
        """Return the element instances of an instance that a task, or an incident of one, is about."""
        partition, number = instance.identity
        found = {task.element_instance_id for task in instance.tasks.values()}
        found |= {stopped.element_instance_id for stopped in instance.incidents.values()}
        outside = (*self.log.outside_tasks(), *self.log.stopped_outside())
        about = (task for stream, task in outside if partition_of(stream) == partition)
        return found | {task.element_instance_id for task in about if task.process_instance_id == number}

    async def deploy(self, process: GeneratedProcess, version: str = "1") -> Any:
        command = CreateProcess(
            bpmn_process_id=process.id,
            bpmn_xml=self.model.xml,
            version=version,
            worker_id=WORKER,
            parallelism=process.parallelism,
            **_definitions(process),
        )
        return await self.send(command)


def _definitions(process: GeneratedProcess) -> dict[str, Any]:
    """Return the definitions that come with a deployment, by the member of the command that they belong to."""
    members: dict[str, list[Any]] = {"errors": [], "escalations": [], "messages": [], "signals": [], "timers": []}
    for element, given in process.given.items():
        member, definition = _definition(element, given)
        members[member].append(definition)
    return {member: tuple(definitions) for member, definitions in members.items()}


def _definition(element: str, given: EventDefinition) -> tuple[str, Any]:
    if given.timer is not None:
        return "timers", TimerDefinition(element, timer_intent(given.timer))
    if given.message_name:
        return "messages", MessageDefinition(element, given.message_name)
    if given.signal_name:
        return "signals", SignalDefinition(element, given.signal_name)
    if element.startswith("error"):
        return "errors", ErrorDefinition(element, given.error_code)
    return "escalations", EscalationDefinition(element, given.escalation_code)


def timer_intent(timer: GraphTimer) -> Timer:
    """Return a timer as clients send it."""
    return Timer(time=timer.time, time_cycle=timer.cycle, time_duration=timer.duration)
