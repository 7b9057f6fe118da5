"""The state of a process instance, folded from its facts.

It holds what is alive: element instances that have not ended, open jobs and tasks, unresolved incidents. What has
ended is history and is found in the read models. ``evolve`` changes the instance it is given, because a turn records
dozens of facts: whoever decides works on a ``copy`` (measured in docs/performance.md).
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

import msgspec

from domain.bpmn.events import (
    ElementCompleted,
    ElementEntered,
    ElementPassed,
    ElementResumed,
    ElementStarted,
    ElementSuspended,
    ElementTerminated,
    InstanceEvent,
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
from domain.identity import InstanceId

replace = msgspec.structs.replace

#: The scope of the variables of the process instance itself; element instances are scopes by their id.
PROCESS_SCOPE = 0


class ElementInstance(msgspec.Struct, frozen=True, omit_defaults=True):
    """An element instance that has not ended.

    ``children`` counts the living element instances inside a scope. ``begun`` is false while it was suspended on
    arrival. ``last_incident`` is the ULID of the last incident that arose at it.
    """

    id: int
    element: str
    parent_id: int = 0
    state: InstanceState = InstanceState.STARTED
    from_element: str = ""
    children: int = 0
    begun: bool = True
    last_incident: str = ""


class Job(msgspec.Struct, frozen=True, omit_defaults=True):
    """Work for a worker that is not done yet; ``locked_by`` is empty while nobody holds it."""

    id: int
    type: JobType
    element_id: int
    element: str
    element_instance_id: int
    due_at: datetime
    created_at: datetime
    created_by: str
    correlation_key: str = ""
    retry_count: int = 0
    locked_at: datetime | None = None
    locked_by: str = ""


class Task(msgspec.Struct, frozen=True, omit_defaults=True):
    """Work for the engine that is not done yet; ids are 0 and ``element`` is empty where it stands at no element."""

    id: int
    type: TaskType
    due_at: datetime
    created_at: datetime
    created_by: str
    element_id: int = 0
    element: str = ""
    element_instance_id: int = 0
    retry_count: int = 0
    locked_at: datetime | None = None
    locked_by: str = ""


class StoppedWork(msgspec.Struct, frozen=True, omit_defaults=True):
    """A job or task that failed for good, and the ULID of the incident that waits for somebody."""

    incident: str
    element_instance_id: int
    job: Job | None = None
    task: Task | None = None


class Instance(msgspec.Struct, omit_defaults=True):
    """A process instance. ``variables`` maps a scope to the ids of its variables by name."""

    partition: date
    id: int
    tenant: str
    process_id: int
    bpmn_process_id: str
    version: str
    created_at: datetime
    created_by: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    state: InstanceState = InstanceState.STARTED
    correlation_key: str = ""
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    elements: dict[int, ElementInstance] = msgspec.field(default_factory=dict)
    jobs: dict[int, Job] = msgspec.field(default_factory=dict)
    tasks: dict[int, Task] = msgspec.field(default_factory=dict)
    incidents: dict[int, StoppedWork] = msgspec.field(default_factory=dict)
    variables: dict[int, dict[str, int]] = msgspec.field(default_factory=dict)
    last_element_instance_id: int = 0

    @property
    def identity(self) -> InstanceId:
        return InstanceId(self.partition, self.id)

    @property
    def has_ended(self) -> bool:
        return self.ended_at is not None

    def copy(self) -> "Instance":
        """Return a copy that can evolve apart; what lies in its maps is immutable and shared."""
        twin = msgspec.structs.replace(self)
        twin.elements = dict(self.elements)
        twin.jobs = dict(self.jobs)
        twin.tasks = dict(self.tasks)
        twin.incidents = dict(self.incidents)
        twin.variables = {scope: dict(names) for scope, names in self.variables.items()}
        return twin

    def outline(self) -> "Instance":
        """Return the instance without what lives in it: answers that are kept for a day have no use for that."""
        return msgspec.structs.replace(self, elements={}, jobs={}, tasks={}, incidents={}, variables={})

    def scopes_of(self, element_instance_id: int) -> Iterator[ElementInstance]:
        """Yield a living element instance and the scopes around it, innermost first."""
        while element_instance_id:
            element_instance = self.elements[element_instance_id]
            yield element_instance
            element_instance_id = element_instance.parent_id


def start(identity: InstanceId, tenant: str, event: ProcessInstanceStarted, at: datetime, by: str) -> Instance:
    """Return the state after the first fact of a stream."""
    return Instance(
        partition=identity.partition,
        id=identity.id,
        tenant=tenant,
        process_id=event.process_id,
        bpmn_process_id=event.bpmn_process_id,
        version=event.version,
        created_at=at,
        created_by=by,
        started_at=at,
        correlation_key=event.correlation_key,
        tags=event.tags,
    )


def evolve(instance: Instance, event: InstanceEvent, at: datetime, by: str) -> None:
    """Apply a fact that happened ``at`` this time through this actor. Total: it never refuses a stored fact."""
    _EVOLVE[type(event)](instance, event, at, by)


def _entered(instance: Instance, event: ElementEntered, _at: datetime, _by: str) -> None:
    instance.last_element_instance_id = event.id
    instance.elements[event.id] = ElementInstance(
        id=event.id,
        element=event.element,
        parent_id=event.parent_id,
        state=event.state,
        from_element=event.from_element,
        begun=event.state is InstanceState.STARTED,
    )
    _count_child(instance, event.parent_id, 1)


def _passed(instance: Instance, event: ElementPassed, _at: datetime, _by: str) -> None:
    instance.last_element_instance_id = event.id


def _element_started(instance: Instance, event: ElementStarted, _at: datetime, _by: str) -> None:
    began = replace(instance.elements[event.id], state=InstanceState.STARTED, begun=True)
    instance.elements[event.id] = began


def _element_suspended(instance: Instance, event: ElementSuspended, _at: datetime, _by: str) -> None:
    instance.elements[event.id] = replace(instance.elements[event.id], state=InstanceState.SUSPENDED)


def _element_resumed(instance: Instance, event: ElementResumed, _at: datetime, _by: str) -> None:
    instance.elements[event.id] = replace(instance.elements[event.id], state=InstanceState.STARTED)


def _element_ended(instance: Instance, event: ElementCompleted | ElementTerminated, _at: datetime, _by: str) -> None:
    ended = instance.elements.pop(event.id)
    instance.variables.pop(event.id, None)
    for incident_id in [i for i, stopped in instance.incidents.items() if stopped.element_instance_id == event.id]:
        del instance.incidents[incident_id]
    _count_child(instance, ended.parent_id, -1)


def _count_child(instance: Instance, parent_id: int, change: int) -> None:
    parent = instance.elements.get(parent_id)
    if parent is not None:
        instance.elements[parent_id] = replace(parent, children=parent.children + change)


def _job_created(instance: Instance, event: JobCreated, at: datetime, by: str) -> None:
    instance.incidents.pop(event.resolved_incident_id, None)
    instance.jobs[event.id] = Job(
        id=event.id,
        type=event.type,
        element_id=event.element_id,
        element=event.element,
        element_instance_id=event.element_instance_id,
        due_at=event.due_at,
        created_at=at,
        created_by=by,
        correlation_key=event.correlation_key,
        retry_count=event.retry_count,
    )


def _job_locked(instance: Instance, event: JobLocked, at: datetime, by: str) -> None:
    instance.jobs[event.id] = replace(instance.jobs[event.id], locked_at=at, locked_by=by)


def _job_unlocked(instance: Instance, event: JobUnlocked, _at: datetime, _by: str) -> None:
    instance.jobs[event.id] = replace(instance.jobs[event.id], locked_at=None, locked_by="")


def _job_ended(instance: Instance, event: JobCompleted | JobCanceled, _at: datetime, _by: str) -> None:
    del instance.jobs[event.id]


def _job_failed(instance: Instance, event: JobFailed, _at: datetime, _by: str) -> None:
    job = instance.jobs.pop(event.id)
    if event.incident_id:
        instance.incidents[event.incident_id] = StoppedWork(event.incident, job.element_instance_id, job=job)
        _remember_incident(instance, job.element_instance_id, event.incident)


def _task_created(instance: Instance, event: TaskCreated, at: datetime, by: str) -> None:
    instance.incidents.pop(event.resolved_incident_id, None)
    instance.tasks[event.id] = Task(
        id=event.id,
        type=event.type,
        due_at=event.due_at,
        created_at=at,
        created_by=by,
        element_id=event.element_id,
        element=event.element,
        element_instance_id=event.element_instance_id,
        retry_count=event.retry_count,
    )


def _task_locked(instance: Instance, event: TaskLocked, at: datetime, by: str) -> None:
    instance.tasks[event.id] = replace(instance.tasks[event.id], locked_at=at, locked_by=by)


def _task_unlocked(instance: Instance, event: TaskUnlocked, _at: datetime, _by: str) -> None:
    instance.tasks[event.id] = replace(instance.tasks[event.id], locked_at=None, locked_by="")


def _task_ended(instance: Instance, event: TaskCompleted | TaskCanceled, _at: datetime, _by: str) -> None:
    del instance.tasks[event.id]


def _task_failed(instance: Instance, event: TaskFailed, _at: datetime, _by: str) -> None:
    task = instance.tasks.pop(event.id)
    if event.incident_id:
        instance.incidents[event.incident_id] = StoppedWork(event.incident, task.element_instance_id, task=task)
        _remember_incident(instance, task.element_instance_id, event.incident)


def _remember_incident(instance: Instance, element_instance_id: int, incident: str) -> None:
    element_instance = instance.elements.get(element_instance_id)
    if element_instance is not None:
        instance.elements[element_instance_id] = replace(element_instance, last_incident=incident)


def _variable_set(instance: Instance, event: VariableSet, _at: datetime, _by: str) -> None:
    instance.variables.setdefault(event.element_instance_id, {})[event.name] = event.id


def _variable_deleted(instance: Instance, event: VariableDeleted, _at: datetime, _by: str) -> None:
    instance.variables[event.element_instance_id].pop(event.name)


def _instance_started(_instance: Instance, _event: ProcessInstanceStarted, _at: datetime, _by: str) -> None:
    """Change nothing: ``start`` made the state from this fact."""


def _instance_suspended(instance: Instance, _event: ProcessInstanceSuspended, _at: datetime, _by: str) -> None:
    instance.state = InstanceState.SUSPENDED


def _instance_resumed(instance: Instance, _event: ProcessInstanceResumed, _at: datetime, _by: str) -> None:
    instance.state = InstanceState.STARTED


def _instance_completed(instance: Instance, _event: ProcessInstanceCompleted, at: datetime, _by: str) -> None:
    instance.state = InstanceState.COMPLETED
    instance.ended_at = at


_EVOLVE: Mapping[type[InstanceEvent], Callable[[Instance, Any, datetime, str], None]] = {
    ProcessInstanceStarted: _instance_started,
    ElementEntered: _entered,
    ElementPassed: _passed,
    ElementStarted: _element_started,
    ElementSuspended: _element_suspended,
    ElementResumed: _element_resumed,
    ElementCompleted: _element_ended,
    ElementTerminated: _element_ended,
    JobCreated: _job_created,
    JobLocked: _job_locked,
    JobUnlocked: _job_unlocked,
    JobCompleted: _job_ended,
    JobFailed: _job_failed,
    JobCanceled: _job_ended,
    TaskCreated: _task_created,
    TaskLocked: _task_locked,
    TaskUnlocked: _task_unlocked,
    TaskCompleted: _task_ended,
    TaskFailed: _task_failed,
    TaskCanceled: _task_ended,
    VariableSet: _variable_set,
    VariableDeleted: _variable_deleted,
    ProcessInstanceSuspended: _instance_suspended,
    ProcessInstanceResumed: _instance_resumed,
    ProcessInstanceCompleted: _instance_completed,
}
