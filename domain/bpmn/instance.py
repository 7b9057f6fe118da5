"""The state of a process instance, folded from its facts.

It holds what is alive: element instances that have not ended, open jobs and tasks, unresolved incidents. What has
ended is history and is found in the read models. ``evolve`` changes the instance it is given, because a turn records
dozens of facts: whoever decides works on a ``copy`` (measured in docs/performance.md).
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from typing import Any

import msgspec

from domain.bpmn import events
from domain.bpmn.events import InstanceEvent, InstanceState, Item, JobType, TaskType
from domain.bpmn.graph import EventDefinition, Timer
from domain.identity import InstanceId

replace = msgspec.structs.replace

#: The scope of the variables of the process instance itself; element instances are scopes by their id.
PROCESS_SCOPE = 0


class ElementInstance(msgspec.Struct, frozen=True, omit_defaults=True):
    """An element instance that has not ended.

    ``children`` counts the living element instances inside a scope, without events attached to the scope itself.
    ``begun`` is false while it has not started. ``definition`` is what an event catches or throws, None while that is
    not known; ``subscription_id`` its signal subscription. ``called`` is the instance that a call activity called.
    Of a multi-instance body, ``cardinality`` says how often it runs (-1: not known), ``instances`` how many have begun.
    ``last_incident`` is the ULID of the last incident that arose at it.
    """

    id: int
    element: str
    parent_id: int = 0
    state: InstanceState = InstanceState.STARTED
    from_element: str = ""
    attached_to: int = 0
    children: int = 0
    begun: bool = True
    definition: EventDefinition | None = None
    correlation_key: str = ""
    subscription_id: int = 0
    called: int = 0
    multi_instance: bool = False
    cardinality: int = -1
    items: tuple[Item, ...] = ()
    instances: int = 0
    loop_counter: int = 0
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
    lock_expires_at: datetime | None = None


class Task(msgspec.Struct, frozen=True, omit_defaults=True):
    """Work for the engine that is not done yet; ids are 0 and texts empty where they do not apply.

    ``process_instance_id`` is given where the task has a stream of its own.
    """

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
    process_id: int = 0
    process_instance_id: int = 0
    bpmn_process_id: str = ""
    version: str = ""
    timer: Timer | None = None
    message_id: int = 0
    message_name: str = ""
    message_key: str = ""
    signal_id: int = 0
    error_code: str | None = None
    escalation_code: str | None = None


class UserTask(msgspec.Struct, frozen=True, omit_defaults=True):
    """Work for a person that is not done yet."""

    id: int
    element_id: int
    element: str
    element_instance_id: int
    created_at: datetime
    created_by: str
    correlation_key: str = ""
    revision: int = 1
    tags: dict[str, str] = msgspec.field(default_factory=dict)


class StoppedWork(msgspec.Struct, frozen=True, omit_defaults=True):
    """A job or task that failed for good, and the ULID of the incident that waits for somebody."""

    incident: str
    element_instance_id: int
    job: Job | None = None
    task: Task | None = None


class Instance(msgspec.Struct, omit_defaults=True):
    """A process instance. ``variables`` maps a scope to the ids of its variables by name.

    ``parent_id``, ``caller_id``, ``root_id``, ``start_event``, ``message_id`` and ``limited`` are those of the fact
    ``ProcessInstanceStarted``.
    """

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
    parent_id: int = 0
    caller_id: int = 0
    root_id: int = 0
    start_event: str = ""
    message_id: int = 0
    message_name: str = ""
    limited: bool = False
    elements: dict[int, ElementInstance] = msgspec.field(default_factory=dict)
    jobs: dict[int, Job] = msgspec.field(default_factory=dict)
    tasks: dict[int, Task] = msgspec.field(default_factory=dict)
    user_tasks: dict[int, UserTask] = msgspec.field(default_factory=dict)
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
        twin.user_tasks = dict(self.user_tasks)
        twin.incidents = dict(self.incidents)
        twin.variables = {scope: dict(names) for scope, names in self.variables.items()}
        return twin

    def outline(self) -> "Instance":
        """Return the instance without what lives in it: answers that are kept for a day have no use for that."""
        return msgspec.structs.replace(self, elements={}, jobs={}, tasks={}, user_tasks={}, incidents={}, variables={})

    def scopes_of(self, element_instance_id: int) -> Iterator[ElementInstance]:
        """Yield a living element instance and the scopes around it, innermost first."""
        while element_instance_id:
            element_instance = self.elements[element_instance_id]
            yield element_instance
            element_instance_id = element_instance.parent_id

    def attached_to(self, element_instance_id: int) -> list[ElementInstance]:
        """Return the events attached to an element instance, in order of their ids."""
        return [element for element in self.elements.values() if element.attached_to == element_instance_id]


def start(identity: InstanceId, tenant: str, event: events.ProcessInstanceStarted, at: datetime, by: str) -> Instance:
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
        started_at=None if event.state is InstanceState.QUEUED else at,
        state=event.state,
        correlation_key=event.correlation_key,
        tags=event.tags,
        parent_id=event.parent_id,
        caller_id=event.caller_id,
        root_id=event.root_id,
        start_event=event.start_event,
        message_id=event.message_id,
        message_name=event.message_name,
        limited=event.limited,
    )


def evolve(instance: Instance, event: InstanceEvent, at: datetime, by: str) -> None:
    """Apply a fact that happened ``at`` this time through this actor. Total: it never refuses a stored fact."""
    _EVOLVE[type(event)](instance, event, at, by)


def _entered(instance: Instance, event: events.ElementEntered, _at: datetime, _by: str) -> None:
    instance.last_element_instance_id = event.id
    instance.elements[event.id] = ElementInstance(
        id=event.id,
        element=event.element,
        parent_id=event.parent_id,
        state=event.state,
        from_element=event.from_element,
        attached_to=event.attached_to,
        begun=event.state is InstanceState.STARTED,
        multi_instance=event.multi_instance,
        loop_counter=event.loop_counter,
    )
    if event.attached_to != event.parent_id:  # else it is an event of the scope, and nothing that lives in it yet
        _count_child(instance, event.parent_id, 1)
    if event.loop_counter:
        body = instance.elements[event.parent_id]
        instance.elements[body.id] = replace(body, instances=event.loop_counter)


def _passed(instance: Instance, event: events.ElementPassed, _at: datetime, _by: str) -> None:
    instance.last_element_instance_id = event.id


def _element_started(instance: Instance, event: events.ElementStarted, _at: datetime, _by: str) -> None:
    waited = instance.elements[event.id]
    if waited.attached_to and waited.attached_to == waited.parent_id:  # an event sub-process: it lives in its scope now
        _count_child(instance, waited.parent_id, 1)
        waited = replace(waited, attached_to=0)
    instance.elements[event.id] = replace(waited, state=InstanceState.STARTED, begun=True)


def _element_suspended(instance: Instance, event: events.ElementSuspended, _at: datetime, _by: str) -> None:
    instance.elements[event.id] = replace(instance.elements[event.id], state=InstanceState.SUSPENDED)


def _element_resumed(instance: Instance, event: events.ElementResumed, _at: datetime, _by: str) -> None:
    instance.elements[event.id] = replace(instance.elements[event.id], state=event.state)


def _element_ended(
    instance: Instance, event: events.ElementCompleted | events.ElementTerminated, _at: datetime, _by: str
) -> None:
    ended = instance.elements.pop(event.id)
    instance.variables.pop(event.id, None)
    for incident_id in [i for i, stopped in instance.incidents.items() if stopped.element_instance_id == event.id]:
        del instance.incidents[incident_id]
    if not ended.attached_to or ended.attached_to != ended.parent_id:
        _count_child(instance, ended.parent_id, -1)


def _count_child(instance: Instance, parent_id: int, change: int) -> None:
    parent = instance.elements.get(parent_id)
    if parent is not None:
        instance.elements[parent_id] = replace(parent, children=parent.children + change)


def _event_defined(instance: Instance, event: events.EventDefined, _at: datetime, _by: str) -> None:
    known = replace(instance.elements[event.id], definition=event.definition, correlation_key=event.correlation_key)
    instance.elements[event.id] = known


def _event_triggered(instance: Instance, event: events.EventTriggered, _at: datetime, _by: str) -> None:
    """Forget the subscription: what was waited for has come."""
    instance.elements[event.id] = replace(instance.elements[event.id], subscription_id=0, correlation_key="")


def _nothing(_instance: Instance, _event: InstanceEvent, _at: datetime, _by: str) -> None:
    """Change nothing: other facts tell what comes of this one."""


def _multi_instance_begun(instance: Instance, event: events.MultiInstanceBegun, _at: datetime, _by: str) -> None:
    begun = replace(instance.elements[event.id], cardinality=event.cardinality, items=event.items)
    instance.elements[event.id] = begun


def _process_called(instance: Instance, event: events.ProcessCalled, _at: datetime, _by: str) -> None:
    instance.elements[event.id] = replace(instance.elements[event.id], called=event.process_instance_id)


def _process_returned(instance: Instance, event: events.ProcessReturned, _at: datetime, _by: str) -> None:
    instance.elements[event.id] = replace(instance.elements[event.id], called=0)


def _signal_subscribed(instance: Instance, event: events.SignalSubscribed, _at: datetime, _by: str) -> None:
    waiting = replace(instance.elements[event.element_instance_id], subscription_id=event.id)
    instance.elements[event.element_instance_id] = waiting


def _user_task_created(instance: Instance, event: events.UserTaskCreated, at: datetime, by: str) -> None:
    instance.user_tasks[event.id] = UserTask(
        id=event.id,
        element_id=event.element_id,
        element=event.element,
        element_instance_id=event.element_instance_id,
        created_at=at,
        created_by=by,
        correlation_key=event.correlation_key,
    )


def _user_task_updated(instance: Instance, event: events.UserTaskUpdated, _at: datetime, _by: str) -> None:
    updated = replace(instance.user_tasks[event.id], revision=event.revision, tags=event.tags)
    instance.user_tasks[event.id] = updated


def _user_task_ended(
    instance: Instance, event: events.UserTaskCompleted | events.UserTaskTerminated, _at: datetime, _by: str
) -> None:
    del instance.user_tasks[event.id]


def _job_created(instance: Instance, event: events.JobCreated, at: datetime, by: str) -> None:
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


def _job_locked(instance: Instance, event: events.JobLocked, at: datetime, by: str) -> None:
    instance.jobs[event.id] = replace(
        instance.jobs[event.id], locked_at=at, locked_by=by, lock_expires_at=event.expires_at
    )


def _job_unlocked(
    instance: Instance, event: events.JobUnlocked | events.JobLockExpired, _at: datetime, _by: str
) -> None:
    instance.jobs[event.id] = replace(instance.jobs[event.id], locked_at=None, locked_by="", lock_expires_at=None)


def _job_ended(instance: Instance, event: events.JobCompleted | events.JobCanceled, _at: datetime, _by: str) -> None:
    del instance.jobs[event.id]


def _job_failed(instance: Instance, event: events.JobFailed, _at: datetime, _by: str) -> None:
    job = instance.jobs.pop(event.id)
    if event.incident_id:
        instance.incidents[event.incident_id] = StoppedWork(event.incident, job.element_instance_id, job=job)
        _remember_incident(instance, job.element_instance_id, event.incident)


def created_task(event: events.TaskCreated, at: datetime, by: str) -> Task:
    """Return the state of a task after its first fact."""
    return Task(
        id=event.id,
        type=event.type,
        due_at=event.due_at,
        created_at=at,
        created_by=by,
        element_id=event.element_id,
        element=event.element,
        element_instance_id=event.element_instance_id,
        retry_count=event.retry_count,
        process_id=event.process_id,
        process_instance_id=event.process_instance_id,
        bpmn_process_id=event.bpmn_process_id,
        version=event.version,
        timer=event.timer,
        message_id=event.message_id,
        message_name=event.message_name,
        message_key=event.message_key,
        signal_id=event.signal_id,
        error_code=event.error_code,
        escalation_code=event.escalation_code,
    )


def _task_created(instance: Instance, event: events.TaskCreated, at: datetime, by: str) -> None:
    instance.incidents.pop(event.resolved_incident_id, None)
    instance.tasks[event.id] = created_task(event, at, by)


def _task_locked(instance: Instance, event: events.TaskLocked, at: datetime, by: str) -> None:
    instance.tasks[event.id] = replace(instance.tasks[event.id], locked_at=at, locked_by=event.engine_id or by)


def _task_unlocked(instance: Instance, event: events.TaskUnlocked, _at: datetime, _by: str) -> None:
    instance.tasks[event.id] = replace(instance.tasks[event.id], locked_at=None, locked_by="")


def _task_ended(instance: Instance, event: events.TaskCompleted | events.TaskCanceled, _at: datetime, _by: str) -> None:
    del instance.tasks[event.id]


def _task_failed(instance: Instance, event: events.TaskFailed, _at: datetime, _by: str) -> None:
    task = instance.tasks.pop(event.id)
    if event.incident_id:
        instance.incidents[event.incident_id] = StoppedWork(event.incident, task.element_instance_id, task=task)
        _remember_incident(instance, task.element_instance_id, event.incident)


def _remember_incident(instance: Instance, element_instance_id: int, incident: str) -> None:
    element_instance = instance.elements.get(element_instance_id)
    if element_instance is not None:
        instance.elements[element_instance_id] = replace(element_instance, last_incident=incident)


def _variable_set(instance: Instance, event: events.VariableSet, _at: datetime, _by: str) -> None:
    instance.variables.setdefault(event.element_instance_id, {})[event.name] = event.id


def _variable_deleted(instance: Instance, event: events.VariableDeleted, _at: datetime, _by: str) -> None:
    instance.variables[event.element_instance_id].pop(event.name)


def _instance_dequeued(instance: Instance, _event: events.ProcessInstanceDequeued, at: datetime, _by: str) -> None:
    instance.state = InstanceState.STARTED
    instance.started_at = at


def _instance_suspended(instance: Instance, _event: events.ProcessInstanceSuspended, _at: datetime, _by: str) -> None:
    instance.state = InstanceState.SUSPENDED


def _instance_resumed(instance: Instance, _event: events.ProcessInstanceResumed, _at: datetime, _by: str) -> None:
    instance.state = InstanceState.STARTED


_ENDS = {
    events.ProcessInstanceCompleted: InstanceState.COMPLETED,
    events.ProcessInstanceTerminated: InstanceState.TERMINATED,
    events.ProcessInstanceCanceled: InstanceState.CANCELED,
}


def _instance_ended(instance: Instance, event: InstanceEvent, at: datetime, _by: str) -> None:
    instance.state = _ENDS[type(event)]
    instance.ended_at = at


_EVOLVE: Mapping[type[InstanceEvent], Callable[[Instance, Any, datetime, str], None]] = {
    events.ProcessInstanceStarted: _nothing,  # ``start`` made the state from this fact
    events.ProcessInstanceDequeued: _instance_dequeued,
    events.ElementEntered: _entered,
    events.ElementPassed: _passed,
    events.ElementStarted: _element_started,
    events.ElementSuspended: _element_suspended,
    events.ElementResumed: _element_resumed,
    events.ElementCompleted: _element_ended,
    events.ElementTerminated: _element_ended,
    events.EventDefined: _event_defined,
    events.EventTriggered: _event_triggered,
    events.MultiInstanceBegun: _multi_instance_begun,
    events.ProcessCalled: _process_called,
    events.ProcessReturned: _process_returned,
    events.SignalSubscribed: _signal_subscribed,
    events.SignalUnsubscribed: _nothing,
    events.UserTaskCreated: _user_task_created,
    events.UserTaskUpdated: _user_task_updated,
    events.UserTaskCompleted: _user_task_ended,
    events.UserTaskTerminated: _user_task_ended,
    events.JobCreated: _job_created,
    events.JobLocked: _job_locked,
    events.JobUnlocked: _job_unlocked,
    events.JobLockExpired: _job_unlocked,
    events.JobCompleted: _job_ended,
    events.JobFailed: _job_failed,
    events.JobCanceled: _job_ended,
    events.TaskCreated: _task_created,
    events.TaskLocked: _task_locked,
    events.TaskUnlocked: _task_unlocked,
    events.TaskCompleted: _task_ended,
    events.TaskFailed: _task_failed,
    events.TaskCanceled: _task_ended,
    events.VariableSet: _variable_set,
    events.VariableDeleted: _variable_deleted,
    events.ProcessInstanceSuspended: _instance_suspended,
    events.ProcessInstanceResumed: _instance_resumed,
    events.ProcessInstanceCompleted: _instance_ended,
    events.ProcessInstanceTerminated: _instance_ended,
    events.ProcessInstanceCanceled: _instance_ended,
}
