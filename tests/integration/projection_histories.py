"""Random histories of two tenants: everything a read model can meet, in any interleaving, at times that fall on edges.

A history is made of facts only; nothing here knows what a read model makes of them.
"""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from domain.bpmn.events import (
    ElementCompleted,
    ElementEntered,
    ElementPassed,
    ElementResumed,
    ElementStarted,
    ElementSuspended,
    ElementTerminated,
    InstanceState,
    JobCanceled,
    JobCompleted,
    JobCreated,
    JobFailed,
    JobLocked,
    JobType,
    JobUnlocked,
    ProcessInstanceCompleted,
    ProcessInstanceResumed,
    ProcessInstanceStarted,
    ProcessInstanceSuspended,
    TaskCanceled,
    TaskCompleted,
    TaskCreated,
    TaskFailed,
    TaskLocked,
    TaskType,
    TaskUnlocked,
    VariableDeleted,
    VariableSet,
)
from domain.bpmn.graph import ElementType
from domain.event import Actor, Event, Recorded
from domain.identity import InstanceId, incident_stream, process_stream
from domain.incidents.events import IncidentCanceled, IncidentOpened, IncidentResolved, ProcessCause
from domain.processes.events import DeployedElement, ProcessDeployed

TENANTS = ("alpha", "beta")
KEYS = ("order", "invoice")
VERSIONS = ("1", "10", "2", "007", "final")
TAGS: tuple[dict[str, str], ...] = ({}, {"line": "red"}, {"line": "blue", "urgent": "yes"}, {"urgent": "no"})
NAMES = ("a", "b", "Total")

ELEMENTS = (
    ("start", ElementType.NONE_START_EVENT, ""),
    ("work", ElementType.SERVICE_TASK, "Work hard"),
    ("join", ElementType.PARALLEL_GATEWAY, ""),
    ("sub", ElementType.SUB_PROCESS, "Below"),
    ("end", ElementType.NONE_END_EVENT, ""),
)

#: How time goes on: often not at all, sometimes to the edge of a second, a minute, an hour or a day.
PACES = (0, 0, 0, 1, 1, 7, 250, 999, 1_000, 30_000, 60_000, 1_800_000, 3_600_000, 40_000_000)
EDGES = (1, 1, 1, 1_000, 60_000, 3_600_000)


class Version:
    """A deployed version, and the numbers of its elements."""

    def __init__(self, tenant: str, key: str, version: str, first_id: int) -> None:
        self.tenant, self.key, self.version, self.id = tenant, key, version, first_id // 10
        self.elements = {name: first_id + number for number, (name, _, _) in enumerate(ELEMENTS, start=1)}
        self.elements[key] = first_id


class Run:
    """An instance that goes on."""

    def __init__(self, version: Version, instance: InstanceId, root: int) -> None:
        self.version, self.instance, self.root = version, instance, root
        self.open: dict[int, str] = {root: version.key}
        self.waiting: list[int] = []
        self.jobs: dict[int, int] = {}
        self.tasks: dict[int, int] = {}
        self.incidents: list[tuple[str, int]] = []
        self.variables: dict[tuple[int, str], int] = {}
        self.suspended = False


class History:
    """``facts`` grows by one move at a time; the same seed gives the same history."""

    def __init__(self, seed: int, moves: int = 600) -> None:
        self.chance = random.Random(seed)
        self.facts: list[Recorded] = []
        self.now = datetime(2026, 11, 20, 22, 59, 58, 995_000, tzinfo=UTC)
        self.versions: list[Version] = []
        self.runs: list[Run] = []
        self._numbers: dict[tuple[str, date | None], int] = {}
        self._lengths: dict[str, int] = {}
        for _ in range(moves):
            self._tick()
            self._move()

    # What goes on between moves

    def _tick(self) -> None:
        edge = self.chance.choice(EDGES)
        self.now += timedelta(milliseconds=self.chance.choice(PACES))
        since = (self.now - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
        self.now += timedelta(milliseconds=-since % edge - self.chance.choice((0, 0, 1)))

    def _move(self) -> None:
        if not self.versions or self.chance.random() < 0.02:
            self._deploy()
        elif not self.runs or self.chance.random() < 0.2 / len(self.runs):
            self._start()
        else:
            run = self.chance.choice(self.runs)
            self.chance.choice(MOVES)(self, run)

    def _number(self, kind: str, day: date | None = None) -> int:
        number = self._numbers.get((kind, day), 0) + self.chance.choice((1, 1, 1, 5))
        self._numbers[kind, day] = number
        return number

    def _record(self, stream: str, tenant: str, event: Event) -> None:
        length = self._lengths[stream] = self._lengths.get(stream, 0) + 1
        actor = Actor("worker", self.chance.choice(("ada", "bob", "key:ops")))
        position = len(self.facts) + 1
        self.facts.append(
            Recorded(position, stream, length, event, tenant, actor, self.now, self.now + timedelta(hours=1), "c")
        )

    def _say(self, run: Run, event: Event) -> None:
        self._record(run.instance.stream, run.version.tenant, event)

    # Moves

    def _deploy(self) -> None:
        taken = {(version.tenant, version.key, version.version) for version in self.versions}
        free = [(t, k, v) for t in TENANTS for k in KEYS for v in VERSIONS if (t, k, v) not in taken]
        if not free:
            return
        tenant, key, version = self.chance.choice(free)
        deployed = Version(tenant, key, version, 10 * self._number("process"))
        elements = [DeployedElement(deployed.elements[key], key, ElementType.PROCESS, f"The {key}")]
        elements += [DeployedElement(deployed.elements[name], name, kind, title, key) for name, kind, title in ELEMENTS]
        event = ProcessDeployed(
            deployed.id, key, version, f"<xml {key} {version}/>", tuple(elements), self.chance.choice(TAGS)
        )
        self._record(process_stream(tenant, key), tenant, event)
        self.versions.append(deployed)

    def _start(self) -> None:
        version, day = self.chance.choice(self.versions), self.now.date()
        instance = InstanceId(day, self._number("process_instance", day))
        run = Run(version, instance, self._number("element_instance", day))
        key, tags = self.chance.choice(("", "k-1")), self.chance.choice(TAGS)
        self._say(run, ProcessInstanceStarted(version.id, version.key, version.version, key, tags))
        self._say(run, ElementEntered(run.root, version.id, version.elements[version.key], version.key))
        self.runs.append(run)
        self._pass(run)

    def _pass(self, run: Run) -> None:
        name, version = self.chance.choice(("start", "end")), run.version
        number = self._number("element_instance", run.instance.partition)
        self._say(run, ElementPassed(number, version.id, version.elements[name], name, self._scope(run)))

    def _scope(self, run: Run) -> int:
        return self.chance.choice([number for number, name in run.open.items() if name in (run.version.key, "sub")])

    def _enter(self, run: Run) -> None:
        name, version = self.chance.choice(("work", "work", "work", "join", "sub")), run.version
        number = self._number("element_instance", run.instance.partition)
        parent = self._scope(run)
        state = InstanceState.SUSPENDED if run.suspended else InstanceState.STARTED
        self._say(run, ElementEntered(number, version.id, version.elements[name], name, parent, "start", state))
        run.open[number] = name
        if run.suspended:
            run.waiting.append(number)
        else:
            self._work(run, number)

    def _work(self, run: Run, number: int, *, retries: int = 0, resolved: int = 0) -> None:
        name, version = run.open.get(number, "work"), run.version
        due = self.now + timedelta(seconds=self.chance.choice((0, 0, 90)))
        day, element = run.instance.partition, version.elements[name]
        if name == "join":
            task = self._number("task", day)
            kind = TaskType.JOIN_PARALLEL_GATEWAY
            self._say(run, TaskCreated(task, kind, version.id, due, element, name, number, retries, resolved))
            run.tasks[task] = number
        elif name == "work":
            job = self._number("job", day)
            kind_of_job = JobType.EXECUTE
            self._say(
                run, JobCreated(job, kind_of_job, version.id, element, name, number, due, "k-1", retries, resolved)
            )
            run.jobs[job] = number

    def _engine_task(self, run: Run) -> None:
        task = self._number("task", run.instance.partition)
        self._say(run, TaskCreated(task, TaskType.START_PROCESS_INSTANCE, run.version.id, self.now))
        run.tasks[task] = 0

    def _go_on(self, run: Run) -> None:
        """Let what was suspended on arrival begin, or let an element instance that never has a job end."""
        if run.suspended or not run.waiting:
            return
        number = run.waiting.pop()
        self._say(run, ElementStarted(number, run.version.id, run.open[number]))
        self._work(run, number)

    def _job(self, run: Run) -> None:
        if not run.jobs:
            return
        job = self.chance.choice(list(run.jobs))
        what = self.chance.choice(("lock", "lock", "unlock", "complete", "retry", "incident", "cancel"))
        if what in ("lock", "unlock"):
            self._say(run, JobLocked(job) if what == "lock" else JobUnlocked(job))
            return
        number = run.jobs.pop(job)
        if what == "complete":
            self._say(run, JobCompleted(job))
            self._end(run, number, terminated=False)
        elif what == "cancel":
            self._say(run, JobCanceled(job))
        elif what == "retry":
            self._say(run, JobFailed(job, "again"))
            self._work(run, number, retries=1)
        else:
            incident, ulid = self._incident(run)
            self._say(run, JobFailed(job, "broken", incident, ulid))
            self._open_incident(run, (incident, ulid), number, job=job)

    def _task(self, run: Run) -> None:
        if not run.tasks:
            return
        task = self.chance.choice(list(run.tasks))
        what = self.chance.choice(("lock", "lock", "unlock", "complete", "retry", "incident", "cancel"))
        if what in ("lock", "unlock"):
            self._say(run, TaskLocked(task) if what == "lock" else TaskUnlocked(task))
            return
        number = run.tasks.pop(task)
        if what == "complete":
            self._say(run, TaskCompleted(task))
            self._end(run, number, terminated=False)
        elif what == "cancel":
            self._say(run, TaskCanceled(task))
        elif what == "retry":
            self._say(run, TaskFailed(task, "again"))
        else:
            incident, ulid = self._incident(run)
            self._say(run, TaskFailed(task, "broken", incident, ulid))
            self._open_incident(run, (incident, ulid), number, task=task)

    def _incident(self, run: Run) -> tuple[int, str]:
        incident = self._number("incident", run.instance.partition)
        return incident, f"{self.chance.randrange(10**12):026d}"

    def _open_incident(self, run: Run, ids: tuple[int, str], number: int, *, job: int = 0, task: int = 0) -> None:
        (incident, ulid), version = ids, run.version
        element = ("work" if job else "join") if number else ""
        activity = {"work": "Work hard", "join": "join", "": ""}[element]
        cause = ProcessCause(
            partition=run.instance.partition.isoformat(),
            incident_id=incident,
            incident_type="failedJob" if job else "failedTask",
            process_id=version.id,
            bpmn_process_id=version.key,
            version=version.version,
            process_instance_id=run.instance.id,
            element=element,
            activity=activity,
            element_id=version.elements.get(element, 0),
            element_instance_id=number,
            job_id=job,
            task_id=task,
        )
        opened = IncidentOpened("process", 2, "It failed", "broken", cause)
        self._record(incident_stream(ulid), version.tenant, opened)
        run.incidents.append((ulid, number))

    def _end_incident(self, run: Run) -> None:
        if not run.incidents:
            return
        ulid, number = run.incidents.pop(self.chance.randrange(len(run.incidents)))
        if self.chance.random() < 0.7:
            if number:
                self._work(run, number, resolved=1)
            else:
                self._engine_task(run)
            self._record(incident_stream(ulid), run.version.tenant, IncidentResolved("retry"))
        else:
            self._record(incident_stream(ulid), run.version.tenant, IncidentCanceled())

    def _incident_by_hand(self, run: Run) -> None:
        """Open and resolve an incident that no process raised: the views of processes do not know it."""
        stream = incident_stream(f"M{self._number('manual'):025d}")
        self._record(stream, run.version.tenant, IncidentOpened("manual", 4, "Fire", "it burns"))
        self._record(stream, run.version.tenant, IncidentResolved("manual"))

    def _end(self, run: Run, number: int, *, terminated: bool) -> None:
        if number in run.open and number != run.root:
            self._say(run, ElementTerminated(number) if terminated else ElementCompleted(number))
            del run.open[number]

    def _terminate(self, run: Run) -> None:
        leaves = [number for number, name in run.open.items() if name == "work" and number not in run.waiting]
        if leaves:
            self._end(run, self.chance.choice(leaves), terminated=True)

    def _suspend_or_resume(self, run: Run) -> None:
        if not run.suspended and self.chance.random() < 0.7:
            return
        scopes = [number for number, name in run.open.items() if name in (run.version.key, "sub")]
        run.suspended = not run.suspended
        self._say(run, ProcessInstanceSuspended() if run.suspended else ProcessInstanceResumed())
        for number in scopes:
            if number not in run.waiting:
                self._say(run, ElementSuspended(number) if run.suspended else ElementResumed(number))

    def _set(self, run: Run) -> None:
        scope, name = self.chance.choice([0, *run.open]), self.chance.choice(NAMES)
        number = run.variables.get((scope, name)) or self._number("variable", run.instance.partition)
        element = run.version.elements[run.open[scope]] if scope else 0
        value, encrypted = self.chance.choice(("1", '{"x": 2}')), self.chance.random() < 0.2
        self._say(run, VariableSet(number, run.version.id, name, "json", value, encrypted, element, scope))
        run.variables[scope, name] = number

    def _delete(self, run: Run) -> None:
        if run.variables:
            scope, name = self.chance.choice(list(run.variables))
            self._say(run, VariableDeleted(run.variables.pop((scope, name)), name, scope))

    def _complete(self, run: Run) -> None:
        if self.chance.random() < 0.3 and not run.suspended:
            for number in [number for number in run.open if number != run.root]:
                self._end(run, number, terminated=True)
            self._say(run, ElementCompleted(run.root))
            self._say(run, ProcessInstanceCompleted())
            self.runs.remove(run)


MOVES: tuple[Callable[[History, Run], None], ...] = (
    *(History._enter,) * 3,
    *(History._job,) * 6,
    *(History._task,) * 3,
    *(History._set,) * 2,
    History._pass,
    History._engine_task,
    History._go_on,
    History._end_incident,
    History._incident_by_hand,
    History._terminate,
    History._suspend_or_resume,
    History._delete,
    History._complete,
)
