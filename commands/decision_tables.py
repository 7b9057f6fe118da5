"""What facts change in the decision tables: small tables beside the log, written with the facts that change them.

They answer what a decision must find by something other than a stream: open jobs, tasks and user tasks, open incidents
of processes, who waits for a signal, which start event a message has, the process behind a number, the API key behind a
hash. Whatever appends facts takes their changes from here, and so does a rebuild. Several changes of one row within a
command come to one, or to none.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Literal, TypeVar

from commands.decision_rows import (
    IncidentChange,
    JobChange,
    KeyChange,
    ProcessChange,
    StartChange,
    SubscriptionChange,
    TaskChange,
    UserTaskChange,
)
from domain.access.events import KeyIssued, KeyRevoked
from domain.bpmn.events import (
    JobCanceled,
    JobCompleted,
    JobCreated,
    JobFailed,
    JobLocked,
    JobLockExpired,
    JobUnlocked,
    SignalSubscribed,
    SignalUnsubscribed,
    TaskCanceled,
    TaskCompleted,
    TaskCreated,
    TaskFailed,
    TaskLocked,
    TaskUnlocked,
    UserTaskCompleted,
    UserTaskCreated,
    UserTaskTerminated,
)
from domain.bpmn.graph import ElementType
from domain.event import Event
from domain.identity import InstanceId, incident_of, instance_of, key_of, task_stream
from domain.incidents.events import IncidentCanceled, IncidentOpened, IncidentResolved
from domain.messaging.events import SignalSent
from domain.processes.events import DeployedElement, ProcessDeployed


class Changes:
    """The changes of one command, or of a stretch of the log, gathered fact by fact; ``at`` is when those happened."""

    __slots__ = ("at", "incidents", "jobs", "keys", "processes", "starts", "subscriptions", "tasks", "user_tasks")

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.jobs: dict[tuple[date, int], JobChange] = {}
        self.tasks: dict[tuple[date, int], TaskChange] = {}
        self.incidents: dict[str, IncidentChange] = {}
        self.processes: list[ProcessChange] = []
        self.keys: dict[str, KeyChange] = {}
        self.user_tasks: dict[tuple[date, int], UserTaskChange] = {}
        self.subscriptions: dict[int, SubscriptionChange] = {}
        #: By tenant and BPMN id of the process, in the order of the model.
        self.starts: dict[tuple[str, str], list[StartChange]] = {}

    def add(self, stream: str, event: Event, tenant: str, actor: str) -> None:
        """Take in what a fact changes; ``actor`` is the id of who caused it."""
        change = CHANGES.get(type(event))
        if change is not None:
            change(self, stream, event, tenant, actor)

    def by_table(self) -> tuple[Collection[tuple[Any, ...]], ...]:
        """Return the changes of each table, in the order in which the append takes them."""
        return (
            self.jobs.values(),
            self.tasks.values(),
            self.incidents.values(),
            self.processes,
            self.keys.values(),
            self.user_tasks.values(),
            self.subscriptions.values(),
            [start for starts in self.starts.values() for start in starts] if self.starts else (),
        )


def _job_created(changes: Changes, stream: str, job: JobCreated, tenant: str, _actor: str) -> None:
    partition, instance = instance_of(stream)
    changes.jobs[partition, job.id] = JobChange("open", partition, job.id, tenant, job.process_id, instance, job.due_at)


def _job_locked(changes: Changes, stream: str, job: JobLocked, _tenant: str, actor: str) -> None:
    _hold_job(changes, stream, job.id, (actor, job.expires_at))


def _job_unlocked(changes: Changes, stream: str, job: JobUnlocked | JobLockExpired, _tenant: str, _actor: str) -> None:
    _hold_job(changes, stream, job.id, (None, None))


def _job_closed(
    changes: Changes, stream: str, job: JobCompleted | JobFailed | JobCanceled, _tenant: str, _actor: str
) -> None:
    partition = instance_of(stream).partition
    _close(changes.jobs, (partition, job.id), JobChange("close", partition, job.id))


def _task_created(changes: Changes, stream: str, task: TaskCreated, tenant: str, _actor: str) -> None:
    """Open a task; one that is overdue already comes after those that wait: a cycle that catches up holds up nobody."""
    partition, instance = _place_of_task(stream)
    changes.tasks[partition, task.id] = TaskChange(
        "open",
        partition,
        task.id,
        tenant,
        task.type.value,
        task.process_id,
        instance or task.process_instance_id,
        max(task.due_at, changes.at),
        stream=stream,
    )


def _task_locked(changes: Changes, stream: str, task: TaskLocked, _tenant: str, actor: str) -> None:
    _hold_task(changes, stream, task.id, actor)


def _task_unlocked(changes: Changes, stream: str, task: TaskUnlocked, _tenant: str, _actor: str) -> None:
    _hold_task(changes, stream, task.id, None)


def _task_closed(
    changes: Changes, stream: str, task: TaskCompleted | TaskFailed | TaskCanceled, _tenant: str, _actor: str
) -> None:
    partition, _ = _place_of_task(stream)
    _close(changes.tasks, (partition, task.id), TaskChange("close", partition, task.id))


def _place_of_task(stream: str) -> tuple[date, int]:
    """Return the partition of a task and the instance in whose stream it stands, 0 for a stream of its own."""
    if stream.startswith("task-"):
        return date.fromisoformat(stream[5:15]), 0
    return instance_of(stream)


def _incident_opened(changes: Changes, stream: str, incident: IncidentOpened, tenant: str, _actor: str) -> None:
    cause = incident.process
    if cause is not None:
        ulid = incident_of(stream)
        partition = date.fromisoformat(cause.partition)
        stopped_in = (
            task_stream(partition, cause.task_id)
            if cause.own_stream
            else InstanceId(partition, cause.process_instance_id).stream
        )
        changes.incidents[ulid] = IncidentChange("open", ulid, partition, cause.incident_id, tenant, stopped_in)


def _incident_closed(
    changes: Changes, stream: str, _incident: IncidentResolved | IncidentCanceled, _tenant: str, _actor: str
) -> None:
    ulid = incident_of(stream)
    _close(changes.incidents, ulid, IncidentChange("close", ulid))


def _process_deployed(changes: Changes, _stream: str, process: ProcessDeployed, tenant: str, _actor: str) -> None:
    changes.processes.append(ProcessChange(process.process_id, tenant, process.bpmn_process_id, process.version))
    earlier = StartChange("close", tenant, process.bpmn_process_id)
    changes.starts[tenant, process.bpmn_process_id] = [earlier, *_starts(process, tenant)]


def _starts(process: ProcessDeployed, tenant: str) -> Iterator[StartChange]:
    """Yield the start events of the process itself; those of its event sub-processes start no instance."""
    for element in process.elements:
        name = _name_at_start(element) if element.parent == process.bpmn_process_id else None
        if name is not None:
            yield StartChange(
                "open",
                tenant,
                process.bpmn_process_id,
                *name,
                process.version,
                process.process_id,
                element.id,
                element.bpmn_element_id,
            )


def _name_at_start(element: DeployedElement) -> tuple[Literal["message", "signal"], str] | None:
    """Return of what kind and name the message or signal is that starts the process here."""
    definition = element.definition
    if definition is None:
        return None
    if element.type is ElementType.MESSAGE_START_EVENT and definition.message_name:
        return "message", definition.message_name
    if element.type is ElementType.SIGNAL_START_EVENT and definition.signal_name:
        return "signal", definition.signal_name
    return None


def _user_task_created(changes: Changes, stream: str, task: UserTaskCreated, tenant: str, _actor: str) -> None:
    partition, instance = instance_of(stream)
    changes.user_tasks[partition, task.id] = UserTaskChange("open", partition, task.id, tenant, instance)


def _user_task_closed(
    changes: Changes, stream: str, task: UserTaskCompleted | UserTaskTerminated, _tenant: str, _actor: str
) -> None:
    partition = instance_of(stream).partition
    _close(changes.user_tasks, (partition, task.id), UserTaskChange("close", partition, task.id))


def _signal_subscribed(changes: Changes, stream: str, event: SignalSubscribed, tenant: str, _actor: str) -> None:
    partition, instance = instance_of(stream)
    changes.subscriptions[event.id] = SubscriptionChange(
        "open",
        event.id,
        tenant,
        event.name,
        partition,
        instance,
        event.process_id,
        event.element_id,
        event.element,
        event.element_instance_id,
    )


def _signal_unsubscribed(changes: Changes, _stream: str, event: SignalUnsubscribed, _tenant: str, _actor: str) -> None:
    _close(changes.subscriptions, event.id, SubscriptionChange("close", event.id))


def _signal_sent(changes: Changes, _stream: str, signal: SignalSent, _tenant: str, _actor: str) -> None:
    for subscription in signal.subscriptions:
        _close(changes.subscriptions, subscription, SubscriptionChange("close", subscription))


def _key_issued(changes: Changes, stream: str, key: KeyIssued, _tenant: str, _actor: str) -> None:
    key_id = key_of(stream)
    changes.keys[key_id] = KeyChange("open", key_id, key.key_hash, key.tenant, key.role, key.name)


def _key_revoked(changes: Changes, stream: str, _key: KeyRevoked, _tenant: str, _actor: str) -> None:
    key_id = key_of(stream)
    _close(changes.keys, key_id, KeyChange("close", key_id))


def _hold_job(changes: Changes, stream: str, job: int, hold: tuple[str | None, datetime | None]) -> None:
    """Note who holds a job and until when."""
    partition = instance_of(stream).partition
    holder, until = hold
    opened = changes.jobs.get((partition, job))
    changes.jobs[partition, job] = (
        JobChange("lock", partition, job, locked_by=holder, lock_expires_at=until)
        if opened is None
        else opened._replace(locked_by=holder, lock_expires_at=until)
    )


def _hold_task(changes: Changes, stream: str, task: int, holder: str | None) -> None:
    partition, _ = _place_of_task(stream)
    opened = changes.tasks.get((partition, task))
    changes.tasks[partition, task] = (
        TaskChange("lock", partition, task, locked_by=holder) if opened is None else opened._replace(locked_by=holder)
    )


Row = TypeVar("Row", JobChange, TaskChange, IncidentChange, KeyChange, UserTaskChange, SubscriptionChange)
Key = TypeVar("Key")


def _close(rows: dict[Key, Row], key: Key, change: Row) -> None:
    earlier = rows.pop(key, None)
    if earlier is None or earlier.action != "open":
        rows[key] = change


#: The facts that change a decision table; all others change none.
CHANGES: Mapping[type[Event], Callable[[Changes, str, Any, str, str], None]] = {
    JobCreated: _job_created,
    JobLocked: _job_locked,
    JobUnlocked: _job_unlocked,
    JobLockExpired: _job_unlocked,
    JobCompleted: _job_closed,
    JobFailed: _job_closed,
    JobCanceled: _job_closed,
    TaskCreated: _task_created,
    TaskLocked: _task_locked,
    TaskUnlocked: _task_unlocked,
    TaskCompleted: _task_closed,
    TaskFailed: _task_closed,
    TaskCanceled: _task_closed,
    IncidentOpened: _incident_opened,
    IncidentResolved: _incident_closed,
    IncidentCanceled: _incident_closed,
    ProcessDeployed: _process_deployed,
    KeyIssued: _key_issued,
    KeyRevoked: _key_revoked,
    UserTaskCreated: _user_task_created,
    UserTaskCompleted: _user_task_closed,
    UserTaskTerminated: _user_task_closed,
    SignalSubscribed: _signal_subscribed,
    SignalUnsubscribed: _signal_unsubscribed,
    SignalSent: _signal_sent,
}
