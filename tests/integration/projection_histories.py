"""Random histories of two tenants: everything a read model can meet, in any interleaving, at times that fall on edges.

A history is made of facts only; nothing here knows what a read model makes of them.
"""

from collections.abc import Callable
from datetime import date, timedelta

from msgspec import structs

from domain.access.events import AcknowledgementTimeoutSet
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
    JobLockExpired,
    JobType,
    JobUnlocked,
    ProcessCalled,
    ProcessInstanceCanceled,
    ProcessInstanceCompleted,
    ProcessInstanceDequeued,
    ProcessInstanceResumed,
    ProcessInstanceStarted,
    ProcessInstanceSuspended,
    ProcessInstanceTerminated,
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
from domain.event import Actor, Event
from domain.identity import InstanceId, incident_stream, process_stream, tenant_stream
from domain.incidents.events import IncidentOpened, ProcessCause
from domain.processes.events import ProcessDeployed
from tests.integration.projection_alerts import ALERT_MOVES
from tests.integration.projection_checks import CHECK_MOVES
from tests.integration.projection_events import EVENT_MOVES
from tests.integration.projection_incidents import INCIDENT_MOVES, end_case
from tests.integration.projection_runs import TAGS, TENANTS, Case, Chronicle, Run, Version
from tests.integration.projection_webhooks import WEBHOOK_MOVES

KEYS = ("order", "invoice")
VERSIONS = ("1", "10", "2", "007", "final")
#: Beyond these no instance calls another one: a history with many of them has a short story of each.
MOST_RUNS = 15

NAMES = ("a", "b", "Total")


class History(Chronicle):
    """``facts`` grows by one move at a time; the same seed gives the same history.

    In the last moves, a share ``brisk`` of them, time goes on by little.
    """

    def __init__(self, seed: int, moves: int = 1600, brisk: float = 0.1) -> None:
        super().__init__(seed)
        for minutes, tenant in enumerate(TENANTS):
            self.record(tenant_stream(tenant), tenant, AcknowledgementTimeoutSet(minutes), Actor("system", "system"))
        for number in range(moves):
            self.is_brisk = number >= moves * (1 - brisk)
            self.tick()
            self._move()

    def _move(self) -> None:
        if len({version.tenant for version in self.versions}) < len(TENANTS) or self.chance.random() < 0.02:
            self._deploy()
        elif not self.runs or self.chance.random() < 0.3 / len(self.runs):
            self._start()
        else:
            run = self.chance.choice(self.runs)
            self.chance.choice(MOVES)(self, run)

    # Moves

    def _deploy(self) -> None:
        taken = {(version.tenant, version.key, version.version) for version in self.versions}
        free = [(t, k, v) for t in TENANTS for k in KEYS for v in VERSIONS if (t, k, v) not in taken]
        if not free:
            return
        tenant, key, version = self.chance.choice(free)
        deployed = Version(tenant, key, version, 100 * self.number("process"))
        event = ProcessDeployed(
            deployed.id,
            key,
            version,
            f"<xml {key} {version}/>",
            deployed.deployed,
            self.chance.choice(TAGS),
            parallelism=self.chance.choice((0, 2)),
        )
        self.record(process_stream(tenant, key), tenant, event)
        self.versions.append(deployed)

    def _start(self) -> None:
        version, day = self.chance.choice(self.versions), self.now.date()
        self._start_instance(version, day)

    def _call(self, run: Run) -> None:
        """Start an instance from another one, which may have been called itself."""
        if len(self.runs) > MOST_RUNS:
            return
        versions = [version for version in self.versions if version.tenant == run.version.tenant]
        called = self._start_instance(self.chance.choice(versions), run.instance.partition, run)
        self.say(run, ProcessCalled(run.root, called.instance.id))

    def _start_instance(self, version: Version, day: date, parent: Run | None = None) -> Run:
        run = Run(version, InstanceId(day, self.number("process_instance", day)), self.number("element_instance", day))
        state = self.chance.choice(
            (*(InstanceState.STARTED,) * 4, InstanceState.QUEUED, InstanceState.QUEUED, InstanceState.SUSPENDED)
        )
        run.suspended = state is InstanceState.SUSPENDED
        started = ProcessInstanceStarted(
            version.id,
            version.key,
            version.version,
            self.chance.choice(("", "k-1")),
            self.chance.choice(TAGS),
            state,
        )
        if parent is not None:
            run.root_instance = parent.root_instance
            started = structs.replace(
                started, parent_id=parent.instance.id, root_id=parent.root_instance, caller_id=parent.root
            )
        self.say(run, started)
        self.say(run, ElementEntered(run.root, version.id, version.elements[version.key], version.key, state=state))
        if state is InstanceState.QUEUED:
            self._queue_start(run)
        else:
            self.runs.append(run)
            self._pass(run)
        return run

    def _queue_start(self, run: Run) -> None:
        number, element = self.fresh(run), run.version.elements["start"]
        state = InstanceState.QUEUED
        self.say(run, ElementEntered(number, run.version.id, element, "start", run.root, state=state))
        run.open[number] = "start"
        self.queue.append(run)

    def _leave_queue(self, _run: Run) -> None:
        """Let an instance that waits for its turn begin, or end it before."""
        if not self.queue or self.chance.random() < 0.7:
            return
        run = self.queue.pop(0)
        if self.chance.random() < 0.3:
            self._end_all(run)
            self.say(run, self.chance.choice((ProcessInstanceTerminated(), ProcessInstanceCanceled())))
            return
        self.say(run, ProcessInstanceDequeued())
        for number, name in [*run.open.items()]:
            self.say(run, ElementStarted(number, run.version.id, name))
            self._end(run, number, terminated=False)
        self.runs.append(run)

    def _pass(self, run: Run) -> None:
        name, version = self.chance.choice(("start", "end")), run.version
        number = self.fresh(run)
        self.say(run, ElementPassed(number, version.id, version.elements[name], name, self.scope(run)))

    def _enter(self, run: Run) -> None:
        name, version = self.chance.choice(("work", "work", "work", "each", "join", "sub")), run.version
        number, parent = self.fresh(run), self.scope(run)
        state = InstanceState.SUSPENDED if run.suspended else InstanceState.STARTED
        entered = ElementEntered(number, version.id, version.elements[name], name, parent, "start", state)
        self.say(run, structs.replace(entered, multi_instance=name == "each"))
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
            task = self.number("task", day)
            kind = TaskType.JOIN_PARALLEL_GATEWAY
            self.say(run, TaskCreated(task, kind, version.id, due, element, name, number, retries, resolved))
            run.tasks[task] = number
        elif name == "work":
            job = self.number("job", day)
            kind_of_job = JobType.EXECUTE
            self.say(
                run, JobCreated(job, kind_of_job, version.id, element, name, number, due, "k-1", retries, resolved)
            )
            run.jobs[job] = number

    def _engine_task(self, run: Run) -> None:
        task = self.number("task", run.instance.partition)
        self.say(run, TaskCreated(task, TaskType.START_PROCESS_INSTANCE, run.version.id, self.now))
        run.tasks[task] = 0

    def _go_on(self, run: Run) -> None:
        """Let what was suspended on arrival begin, or let an element instance that never has a job end."""
        if run.suspended or not run.waiting:
            return
        number = run.waiting.pop()
        if self.chance.random() < 0.3:
            self.say(run, ElementResumed(number, InstanceState.CREATED))
        self.say(run, ElementStarted(number, run.version.id, run.open[number]))
        self._work(run, number)

    def _job(self, run: Run) -> None:
        if not run.jobs:
            return
        job = self.chance.choice(list(run.jobs))
        what = self.chance.choice(("lock", "lock", "unlock", "expire", "complete", "retry", "incident", "cancel"))
        if what in BACK_AND_FORTH:
            self.say(run, BACK_AND_FORTH[what](job))
            return
        number = run.jobs.pop(job)
        if what == "complete":
            self.say(run, JobCompleted(job))
            self._end(run, number, terminated=False)
        elif what == "cancel":
            self.say(run, JobCanceled(job))
        elif what == "retry":
            self.say(run, JobFailed(job, "again"))
            self._work(run, number, retries=1)
        else:
            incident, ulid = self._incident(run)
            self.say(run, JobFailed(job, "broken", incident, ulid))
            self._open_incident(run, (incident, ulid), number, job=job)

    def _task(self, run: Run) -> None:
        if not run.tasks:
            return
        task = self.chance.choice(list(run.tasks))
        what = self.chance.choice(("lock", "lock", "unlock", "complete", "retry", "incident", "cancel"))
        if what in ("lock", "unlock"):
            self.say(run, TaskLocked(task) if what == "lock" else TaskUnlocked(task))
            return
        number = run.tasks.pop(task)
        if what == "complete":
            self.say(run, TaskCompleted(task))
            self._end(run, number, terminated=False)
        elif what == "cancel":
            self.say(run, TaskCanceled(task))
        elif what == "retry":
            self.say(run, TaskFailed(task, "again"))
        else:
            incident, ulid = self._incident(run)
            self.say(run, TaskFailed(task, "broken", incident, ulid))
            self._open_incident(run, (incident, ulid), number, task=task)

    def _incident(self, run: Run) -> tuple[int, str]:
        incident = self.number("incident", run.instance.partition)
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
        case = Case(incident_stream(ulid), version.tenant, of_process=True)
        self.record(case.stream, version.tenant, opened)
        self.cases.append(case)
        run.incidents.append((case, number))

    def _end_incident(self, run: Run) -> None:
        if not run.incidents:
            return
        case, number = run.incidents.pop(self.chance.randrange(len(run.incidents)))
        resolved = self.chance.random() < 0.7
        if resolved and number:
            self._work(run, number, resolved=1)
        elif resolved:
            self._engine_task(run)
        end_case(self, case, resolved=resolved)

    def _work_on_incidents(self, run: Run) -> None:
        """Open incidents that no process raised, and work on those and on others."""
        for _ in range(3):
            self.chance.choice(INCIDENT_MOVES)(self, run.version.tenant)

    def _alert(self, run: Run) -> None:
        """Report samples, or see to alert rules."""
        self.chance.choice(ALERT_MOVES)(self, run.version.tenant)

    def _check(self, run: Run) -> None:
        """See to checks, and open incidents of them."""
        self.chance.choice(CHECK_MOVES)(self, run.version.tenant)

    def _webhook(self, run: Run) -> None:
        """See to webhooks."""
        self.chance.choice(WEBHOOK_MOVES)(self, run.version.tenant)

    def _end(self, run: Run, number: int, *, terminated: bool) -> None:
        if number in run.open and number != run.root:
            self.say(run, ElementTerminated(number) if terminated else ElementCompleted(number))
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
        self.say(run, ProcessInstanceSuspended() if run.suspended else ProcessInstanceResumed())
        for number in scopes:
            if number not in run.waiting:
                self.say(run, ElementSuspended(number) if run.suspended else ElementResumed(number))

    def _set(self, run: Run) -> None:
        scope, name = self.chance.choice([0, *run.open]), self.chance.choice(NAMES)
        number = run.variables.get((scope, name)) or self.number("variable", run.instance.partition)
        element = run.version.elements[run.open[scope]] if scope else 0
        value, encrypted = self.chance.choice(("1", '{"x": 2}')), self.chance.random() < 0.2
        sealed = self.chance.choice(("", "message-7")) if encrypted else ""
        self.say(run, VariableSet(number, run.version.id, name, "json", value, encrypted, element, scope, sealed))
        run.variables[scope, name] = number

    def _delete(self, run: Run) -> None:
        if run.variables:
            scope, name = self.chance.choice(list(run.variables))
            self.say(run, VariableDeleted(run.variables.pop((scope, name)), name, scope))

    def _complete(self, run: Run) -> None:
        if self.chance.random() < 0.5:
            self._end_all(run)
            if self.chance.random() < 0.7 and not run.suspended:
                self.say(run, ElementCompleted(run.root))
                self.say(run, ProcessInstanceCompleted())
            else:
                self.say(run, ElementTerminated(run.root))
                self.say(run, self.chance.choice((ProcessInstanceTerminated(), ProcessInstanceCanceled())))
            self.runs.remove(run)

    def _end_all(self, run: Run) -> None:
        for number in [number for number in run.open if number != run.root]:
            self._end(run, number, terminated=True)
        for number in run.armed:
            self.say(run, ElementTerminated(number))


BACK_AND_FORTH: dict[str, Callable[[int], Event]] = {
    "lock": JobLocked,
    "unlock": JobUnlocked,
    "expire": JobLockExpired,
}

MOVES: tuple[Callable[[History, Run], None], ...] = (
    *EVENT_MOVES,
    History._leave_queue,
    *(History._call,) * 3,
    *(History._enter,) * 6,
    *(History._job,) * 12,
    *(History._task,) * 5,
    *(History._set,) * 2,
    History._pass,
    History._engine_task,
    History._go_on,
    History._end_incident,
    *(History._work_on_incidents,) * 2,
    *(History._alert,) * 2,
    *(History._check,) * 2,
    History._webhook,
    History._terminate,
    History._suspend_or_resume,
    History._delete,
    *(History._complete,) * 2,
)
