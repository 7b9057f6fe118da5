"""What random histories are made of: versions of processes, instances that go on, and a log that grows in time."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from domain.bpmn.graph import ElementType, EventDefinition, Timer
from domain.event import Actor, Event, Recorded
from domain.identity import InstanceId
from domain.incidents.status import Status
from domain.processes.events import DeployedElement

TENANTS = ("alpha", "beta")

TAGS: tuple[dict[str, str], ...] = ({}, {"line": "red"}, {"line": "blue", "urgent": "yes"}, {"urgent": "no"})

#: How time goes on: often not at all, sometimes to the edge of a second, a minute, an hour or a day.
PACES = (0, 0, 0, 1, 1, 7, 250, 999, 1_000, 30_000, 60_000, 1_800_000, 3_600_000, 40_000_000)
EDGES = (1, 1, 1, 1_000, 60_000, 3_600_000)

#: The same where time is to go on by little.
BRISK_PACES, BRISK_EDGES = PACES[:10], EDGES[:4]

HOURLY = Timer(cycle="0 * * * *", time=datetime(2026, 12, 24, 18, 0, 0, 250_000, tzinfo=UTC))


class Part(NamedTuple):
    """An element of every version; without a parent it lies in the process itself."""

    name: str
    type: ElementType
    title: str = ""
    parent: str = ""
    definition: EventDefinition | None = None
    multi_instance: bool = False


PARTS = (
    Part("start", ElementType.NONE_START_EVENT),
    Part("paid", ElementType.MESSAGE_START_EVENT, definition=EventDefinition(message_name="paid")),
    Part("daily", ElementType.TIMER_START_EVENT, definition=EventDefinition(timer=HOURLY)),
    Part("work", ElementType.SERVICE_TASK, "Work hard"),
    Part("each", ElementType.SERVICE_TASK, "One by one", multi_instance=True),
    Part("review", ElementType.USER_TASK),
    Part("join", ElementType.PARALLEL_GATEWAY),
    Part("sub", ElementType.SUB_PROCESS, "Below"),
    Part("late", ElementType.TIMER_BOUNDARY_EVENT, definition=EventDefinition(timer=Timer(duration="PT1H"))),
    Part("failed", ElementType.ERROR_BOUNDARY_EVENT, definition=EventDefinition()),
    Part("wait", ElementType.SIGNAL_CATCH_EVENT),
    Part("handler", ElementType.EVENT_SUB_PROCESS),
    Part("broken", ElementType.ERROR_START_EVENT, parent="handler", definition=EventDefinition(error_code="E")),
    Part("listener", ElementType.EVENT_SUB_PROCESS),
    Part("told", ElementType.MESSAGE_START_EVENT, parent="listener", definition=EventDefinition(message_name="told")),
    Part("end", ElementType.NONE_END_EVENT),
)


class Version:
    """A deployed version, and the numbers of its elements."""

    def __init__(self, tenant: str, key: str, version: str, first_id: int) -> None:
        self.tenant, self.key, self.version, self.id = tenant, key, version, first_id // 100
        self.elements = {part.name: first_id + number for number, part in enumerate(PARTS, start=1)}
        self.elements[key] = first_id

    @property
    def deployed(self) -> tuple[DeployedElement, ...]:
        process = DeployedElement(self.elements[self.key], self.key, ElementType.PROCESS, f"The {self.key}")
        return (process, *map(self._element, PARTS))

    def _element(self, part: Part) -> DeployedElement:
        place = (self.elements[part.name], part.name, part.type, part.title, part.parent or self.key)
        return DeployedElement(*place, part.definition, part.multi_instance)


class Run:
    """An instance that goes on."""

    def __init__(self, version: Version, instance: InstanceId, root: int) -> None:
        self.version, self.instance, self.root = version, instance, root
        self.root_instance = instance.id
        self.open: dict[int, str] = {root: version.key}
        self.waiting: list[int] = []
        self.armed: dict[int, str] = {}
        self.jobs: dict[int, int] = {}
        self.tasks: dict[int, int] = {}
        self.user_tasks: dict[int, int] = {}
        self.incidents: list[tuple[Case, int]] = []
        self.variables: dict[tuple[int, str], int] = {}
        self.signals: dict[int, str] = {}
        self.suspended = False


class Case:
    """An incident, as far as what may happen to it depends on it."""

    def __init__(self, stream: str, tenant: str, *, of_process: bool = False) -> None:
        self.stream, self.tenant, self.of_process = stream, tenant, of_process
        self.status = Status.OPEN
        self.severity = 2
        self.message = "broken"
        self.assignee = ""
        self.regions: tuple[str, ...] = ()


class Watched:
    """An alert rule or a check, as far as what may happen to it depends on it."""

    def __init__(self, stream: str, tenant: str) -> None:
        self.stream, self.tenant = stream, tenant


class Channel:
    """What is open in a channel: messages that nobody received, those that were but are not closed, and who waits."""

    def __init__(self) -> None:
        self.buffered: list[int] = []
        self.met: list[int] = []
        self.waiting: list[int] = []


class Chronicle:
    """``facts`` is the log; the same seed gives the same chances. While it ``is_brisk``, time goes on by little."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.facts: list[Recorded] = []
        self.now = datetime(2026, 11, 20, 22, 59, 58, 995_000, tzinfo=UTC)
        self.is_brisk = False
        self.versions: list[Version] = []
        self.runs: list[Run] = []
        self.queue: list[Run] = []
        self.channels: dict[str, Channel] = {}
        self.cases: list[Case] = []
        self.rules: list[Watched] = []
        self.checks: list[Watched] = []
        self.webhooks: list[Watched] = []
        self._numbers: dict[tuple[str, date | None], int] = {}
        self._lengths: dict[str, int] = {}

    def tick(self) -> None:
        """Let time go on, or not."""
        edge = self.chance.choice(BRISK_EDGES if self.is_brisk else EDGES)
        self.now += timedelta(milliseconds=self.chance.choice(BRISK_PACES if self.is_brisk else PACES))
        since = (self.now - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
        self.now += timedelta(milliseconds=-since % edge - self.chance.choice((0, 0, 1)))

    def number(self, kind: str, day: date | None = None) -> int:
        """Return a fresh number; some are left out."""
        number = self._numbers.get((kind, day), 0) + self.chance.choice((1, 1, 1, 5))
        self._numbers[kind, day] = number
        return number

    def record(self, stream: str, tenant: str, event: Event, actor: Actor | None = None) -> None:
        length = self._lengths[stream] = self._lengths.get(stream, 0) + 1
        actor = actor or Actor("worker", self.chance.choice(("ada", "bob", "key:ops")))
        position = len(self.facts) + 1
        self.facts.append(
            Recorded(position, stream, length, event, tenant, actor, self.now, self.now + timedelta(hours=1), "c")
        )

    def say(self, run: Run, event: Event) -> None:
        self.record(run.instance.stream, run.version.tenant, event)

    def scope(self, run: Run) -> int:
        """Return an element instance that others can lie in."""
        scopes = (run.version.key, "sub", "handler")
        return self.chance.choice([number for number, name in run.open.items() if name in scopes])

    def fresh(self, run: Run) -> int:
        """Return the number of a new element instance."""
        return self.number("element_instance", run.instance.partition)
