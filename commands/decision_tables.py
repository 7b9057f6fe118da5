"""What facts change in the decision tables: small tables beside the log, written with the facts that change them.

They answer what a decision must find by something other than a stream: open jobs and tasks, open incidents of
processes, the process behind a number, the API key behind a hash. Whatever appends facts takes their changes from
here, and so does a rebuild. Several changes of one row within a command come to one, or to none.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Literal, NamedTuple, TypeVar

from domain.access.events import KeyIssued, KeyRevoked
from domain.bpmn.events import (
    JobCanceled,
    JobCompleted,
    JobCreated,
    JobFailed,
    JobLocked,
    JobUnlocked,
    TaskCanceled,
    TaskCompleted,
    TaskCreated,
    TaskFailed,
    TaskLocked,
    TaskUnlocked,
)
from domain.event import Event
from domain.identity import incident_of, instance_of, key_of
from domain.incidents.events import IncidentCanceled, IncidentOpened, IncidentResolved
from domain.processes.events import ProcessDeployed

Action = Literal["open", "lock", "close"]


class JobChange(NamedTuple):
    """A row of ``open_jobs``: all of it to open, its key and holder to lock (None: unlock), its key to close."""

    action: Action
    partition: date
    id: int
    tenant: str | None = None
    process_id: int | None = None
    process_instance_id: int | None = None
    due_at: datetime | None = None
    locked_by: str | None = None


class TaskChange(NamedTuple):
    """The same of ``open_tasks``."""

    action: Action
    partition: date
    id: int
    tenant: str | None = None
    type: str | None = None
    process_id: int | None = None
    process_instance_id: int | None = None
    due_at: datetime | None = None
    locked_by: str | None = None


class IncidentChange(NamedTuple):
    """A row of ``open_incidents``; ``incident`` is the ULID."""

    action: Action
    incident: str
    partition: date | None = None
    id: int | None = None
    tenant: str | None = None
    process_instance_id: int | None = None


class ProcessChange(NamedTuple):
    """A row of ``deployed_processes``, which are never taken back."""

    process_id: int
    tenant: str
    bpmn_process_id: str
    version: str


class KeyChange(NamedTuple):
    """A row of ``api_keys``: opened when the key is issued, closed when it is revoked."""

    action: Action
    key_id: str
    key_hash: str | None = None
    tenant: str | None = None
    role: str | None = None
    name: str | None = None


class Changes:
    """The changes of one command, or of a stretch of the log, gathered fact by fact."""

    __slots__ = ("incidents", "jobs", "keys", "processes", "tasks")

    def __init__(self) -> None:
        self.jobs: dict[tuple[date, int], JobChange] = {}
        self.tasks: dict[tuple[date, int], TaskChange] = {}
        self.incidents: dict[str, IncidentChange] = {}
        self.processes: list[ProcessChange] = []
        self.keys: dict[str, KeyChange] = {}

    def add(self, stream: str, event: Event, tenant: str, actor: str) -> None:
        """Take in what a fact changes; ``actor`` is the id of who caused it."""
        change = CHANGES.get(type(event))
        if change is not None:
            change(self, stream, event, tenant, actor)


def _job_created(changes: Changes, stream: str, job: JobCreated, tenant: str, _actor: str) -> None:
    partition, instance = instance_of(stream)
    changes.jobs[partition, job.id] = JobChange("open", partition, job.id, tenant, job.process_id, instance, job.due_at)


def _job_locked(changes: Changes, stream: str, job: JobLocked, _tenant: str, actor: str) -> None:
    _hold(changes.jobs, JobChange("lock", instance_of(stream).partition, job.id, locked_by=actor))


def _job_unlocked(changes: Changes, stream: str, job: JobUnlocked, _tenant: str, _actor: str) -> None:
    _hold(changes.jobs, JobChange("lock", instance_of(stream).partition, job.id))


def _job_closed(
    changes: Changes, stream: str, job: JobCompleted | JobFailed | JobCanceled, _tenant: str, _actor: str
) -> None:
    partition = instance_of(stream).partition
    _close(changes.jobs, (partition, job.id), JobChange("close", partition, job.id))


def _task_created(changes: Changes, stream: str, task: TaskCreated, tenant: str, _actor: str) -> None:
    partition, instance = _place_of_task(stream)
    changes.tasks[partition, task.id] = TaskChange(
        "open", partition, task.id, tenant, task.type.value, task.process_id, instance, task.due_at
    )


def _task_locked(changes: Changes, stream: str, task: TaskLocked, _tenant: str, actor: str) -> None:
    _hold(changes.tasks, TaskChange("lock", _place_of_task(stream)[0], task.id, locked_by=actor))


def _task_unlocked(changes: Changes, stream: str, task: TaskUnlocked, _tenant: str, _actor: str) -> None:
    _hold(changes.tasks, TaskChange("lock", _place_of_task(stream)[0], task.id))


def _task_closed(
    changes: Changes, stream: str, task: TaskCompleted | TaskFailed | TaskCanceled, _tenant: str, _actor: str
) -> None:
    partition, _ = _place_of_task(stream)
    _close(changes.tasks, (partition, task.id), TaskChange("close", partition, task.id))


def _place_of_task(stream: str) -> tuple[date, int]:
    """Return the partition and the instance of a task; a stream ``task-<partition>-<id>`` has the instance 0."""
    if stream.startswith("task-"):
        return date.fromisoformat(stream[5:15]), 0
    return instance_of(stream)


def _incident_opened(changes: Changes, stream: str, incident: IncidentOpened, tenant: str, _actor: str) -> None:
    cause = incident.process
    if cause is not None:
        ulid = incident_of(stream)
        partition = date.fromisoformat(cause.partition)
        changes.incidents[ulid] = IncidentChange(
            "open", ulid, partition, cause.incident_id, tenant, cause.process_instance_id
        )


def _incident_closed(
    changes: Changes, stream: str, _incident: IncidentResolved | IncidentCanceled, _tenant: str, _actor: str
) -> None:
    ulid = incident_of(stream)
    _close(changes.incidents, ulid, IncidentChange("close", ulid))


def _process_deployed(changes: Changes, _stream: str, process: ProcessDeployed, tenant: str, _actor: str) -> None:
    changes.processes.append(ProcessChange(process.process_id, tenant, process.bpmn_process_id, process.version))


def _key_issued(changes: Changes, stream: str, key: KeyIssued, _tenant: str, _actor: str) -> None:
    key_id = key_of(stream)
    changes.keys[key_id] = KeyChange("open", key_id, key.key_hash, key.tenant, key.role, key.name)


def _key_revoked(changes: Changes, stream: str, _key: KeyRevoked, _tenant: str, _actor: str) -> None:
    key_id = key_of(stream)
    _close(changes.keys, key_id, KeyChange("close", key_id))


Row = TypeVar("Row", JobChange, TaskChange, IncidentChange, KeyChange)
Work = TypeVar("Work", JobChange, TaskChange)
Key = TypeVar("Key")


def _hold(rows: dict[tuple[date, int], Work], change: Work) -> None:
    key = (change.partition, change.id)
    opened = rows.get(key)
    rows[key] = change if opened is None else opened._replace(locked_by=change.locked_by)


def _close(rows: dict[Key, Row], key: Key, change: Row) -> None:
    earlier = rows.pop(key, None)
    if earlier is None or earlier.action != "open":
        rows[key] = change


#: The facts that change a decision table; all others change none.
CHANGES: Mapping[type[Event], Callable[[Changes, str, Any, str, str], None]] = {
    JobCreated: _job_created,
    JobLocked: _job_locked,
    JobUnlocked: _job_unlocked,
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
}
