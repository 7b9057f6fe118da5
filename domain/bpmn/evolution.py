"""How a process instance changes with each of its facts.

``evolve`` changes the instance it is given, because a turn records dozens of facts: whoever decides works on a ``copy``
(measured in docs/performance.md).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
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
    EventDefined,
    EventTriggered,
    InstanceEvent,
    InstanceState,
    JobCanceled,
    JobCompleted,
    JobCreated,
    JobFailed,
    JobLocked,
    JobLockExpired,
    JobUnlocked,
    MultiInstanceBegun,
    ProcessCalled,
    ProcessInstanceCanceled,
    ProcessInstanceCompleted,
    ProcessInstanceDequeued,
    ProcessInstanceResumed,
    ProcessInstanceStarted,
    ProcessInstanceSuspended,
    ProcessInstanceTerminated,
    ProcessReturned,
    SignalSubscribed,
    SignalUnsubscribed,
    TaskCanceled,
    TaskCompleted,
    TaskCreated,
    TaskFailed,
    TaskIncidentClosed,
    TaskLocked,
    TaskStoppedOutside,
    TaskUnlocked,
    UserTaskCompleted,
    UserTaskCreated,
    UserTaskTerminated,
    UserTaskUpdated,
    VariableDeleted,
    VariableSet,
)
from domain.bpmn.instance import ElementInstance, Instance, Job, StoppedWork, Task, UserTask

replace = msgspec.structs.replace


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


def _passed(instance: Instance, event: ElementPassed, _at: datetime, _by: str) -> None:
    instance.last_element_instance_id = event.id


def _element_started(instance: Instance, event: ElementStarted, _at: datetime, _by: str) -> None:
    waited = instance.elements[event.id]
    if waited.attached_to and waited.attached_to == waited.parent_id:  # an event sub-process: it lives in its scope now
        _count_child(instance, waited.parent_id, 1)
        waited = replace(waited, attached_to=0)
    instance.elements[event.id] = replace(waited, state=InstanceState.STARTED, begun=True)


def _element_suspended(instance: Instance, event: ElementSuspended, _at: datetime, _by: str) -> None:
    instance.elements[event.id] = replace(instance.elements[event.id], state=InstanceState.SUSPENDED)


def _element_resumed(instance: Instance, event: ElementResumed, _at: datetime, _by: str) -> None:
    instance.elements[event.id] = replace(instance.elements[event.id], state=event.state)


def _element_ended(instance: Instance, event: ElementCompleted | ElementTerminated, _at: datetime, _by: str) -> None:
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


def _event_defined(instance: Instance, event: EventDefined, _at: datetime, _by: str) -> None:
    known = replace(instance.elements[event.id], definition=event.definition, correlation_key=event.correlation_key)
    instance.elements[event.id] = known


def _event_triggered(instance: Instance, event: EventTriggered, _at: datetime, _by: str) -> None:
    """Forget the subscription: what was waited for has come."""
    instance.elements[event.id] = replace(instance.elements[event.id], subscription_id=0, correlation_key="")


def _nothing(_instance: Instance, _event: InstanceEvent, _at: datetime, _by: str) -> None:
    """Change nothing: other facts tell what comes of this one."""


def _multi_instance_begun(instance: Instance, event: MultiInstanceBegun, _at: datetime, _by: str) -> None:
    begun = replace(instance.elements[event.id], cardinality=event.cardinality, items=event.items)
    instance.elements[event.id] = begun


def _process_called(instance: Instance, event: ProcessCalled, _at: datetime, _by: str) -> None:
    instance.elements[event.id] = replace(instance.elements[event.id], called=event.process_instance_id)


def _process_returned(instance: Instance, event: ProcessReturned, _at: datetime, _by: str) -> None:
    instance.elements[event.id] = replace(instance.elements[event.id], called=0)


def _signal_subscribed(instance: Instance, event: SignalSubscribed, _at: datetime, _by: str) -> None:
    waiting = replace(instance.elements[event.element_instance_id], subscription_id=event.id)
    instance.elements[event.element_instance_id] = waiting


def _user_task_created(instance: Instance, event: UserTaskCreated, at: datetime, by: str) -> None:
    instance.user_tasks[event.id] = UserTask(
        id=event.id,
        element_id=event.element_id,
        element=event.element,
        element_instance_id=event.element_instance_id,
        created_at=at,
        created_by=by,
        correlation_key=event.correlation_key,
    )


def _user_task_updated(instance: Instance, event: UserTaskUpdated, _at: datetime, _by: str) -> None:
    updated = replace(instance.user_tasks[event.id], revision=event.revision, tags=event.tags)
    instance.user_tasks[event.id] = updated


def _user_task_ended(
    instance: Instance, event: UserTaskCompleted | UserTaskTerminated, _at: datetime, _by: str
) -> None:
    del instance.user_tasks[event.id]


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
    instance.jobs[event.id] = replace(
        instance.jobs[event.id], locked_at=at, locked_by=by, lock_expires_at=event.expires_at
    )


def _job_unlocked(instance: Instance, event: JobUnlocked | JobLockExpired, _at: datetime, _by: str) -> None:
    instance.jobs[event.id] = replace(instance.jobs[event.id], locked_at=None, locked_by="", lock_expires_at=None)


def _job_ended(instance: Instance, event: JobCompleted | JobCanceled, _at: datetime, _by: str) -> None:
    del instance.jobs[event.id]


def _job_failed(instance: Instance, event: JobFailed, _at: datetime, _by: str) -> None:
    job = instance.jobs.pop(event.id)
    if event.incident_id:
        instance.incidents[event.incident_id] = StoppedWork(event.incident, job.element_instance_id, job=job)
        _remember_incident(instance, job.element_instance_id, event.incident)


def created_task(event: TaskCreated, at: datetime, by: str) -> Task:
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


def _task_created(instance: Instance, event: TaskCreated, at: datetime, by: str) -> None:
    instance.incidents.pop(event.resolved_incident_id, None)
    instance.tasks[event.id] = created_task(event, at, by)


def _task_locked(instance: Instance, event: TaskLocked, at: datetime, by: str) -> None:
    instance.tasks[event.id] = replace(instance.tasks[event.id], locked_at=at, locked_by=event.engine_id or by)


def _task_unlocked(instance: Instance, event: TaskUnlocked, _at: datetime, _by: str) -> None:
    instance.tasks[event.id] = replace(instance.tasks[event.id], locked_at=None, locked_by="")


def _task_ended(instance: Instance, event: TaskCompleted | TaskCanceled, _at: datetime, _by: str) -> None:
    del instance.tasks[event.id]


def _task_failed(instance: Instance, event: TaskFailed, _at: datetime, _by: str) -> None:
    task = instance.tasks.pop(event.id)
    if event.incident_id:
        instance.incidents[event.incident_id] = StoppedWork(event.incident, task.element_instance_id, task=task)
        _remember_incident(instance, task.element_instance_id, event.incident)


def _task_stopped_outside(instance: Instance, event: TaskStoppedOutside, _at: datetime, _by: str) -> None:
    stopped = StoppedWork(event.incident, event.element_instance_id, outside=event.stream)
    instance.incidents[event.incident_id] = stopped


def _task_incident_closed(instance: Instance, event: TaskIncidentClosed, _at: datetime, _by: str) -> None:
    instance.incidents.pop(event.incident_id, None)


def _remember_incident(instance: Instance, element_instance_id: int, incident: str) -> None:
    element_instance = instance.elements.get(element_instance_id)
    if element_instance is not None:
        instance.elements[element_instance_id] = replace(element_instance, last_incident=incident)


def _variable_set(instance: Instance, event: VariableSet, _at: datetime, _by: str) -> None:
    instance.variables.setdefault(event.element_instance_id, {})[event.name] = event.id


def _variable_deleted(instance: Instance, event: VariableDeleted, _at: datetime, _by: str) -> None:
    instance.variables[event.element_instance_id].pop(event.name)


def _instance_dequeued(instance: Instance, _event: ProcessInstanceDequeued, at: datetime, _by: str) -> None:
    instance.state = InstanceState.STARTED
    instance.started_at = at


def _instance_suspended(instance: Instance, _event: ProcessInstanceSuspended, _at: datetime, _by: str) -> None:
    instance.state = InstanceState.SUSPENDED


def _instance_resumed(instance: Instance, _event: ProcessInstanceResumed, _at: datetime, _by: str) -> None:
    instance.state = InstanceState.STARTED


_ENDS = {
    ProcessInstanceCompleted: InstanceState.COMPLETED,
    ProcessInstanceTerminated: InstanceState.TERMINATED,
    ProcessInstanceCanceled: InstanceState.CANCELED,
}


def _instance_ended(instance: Instance, event: InstanceEvent, at: datetime, _by: str) -> None:
    instance.state = _ENDS[type(event)]
    instance.ended_at = at


_EVOLVE: Mapping[type[InstanceEvent], Callable[[Instance, Any, datetime, str], None]] = {
    ProcessInstanceStarted: _nothing,  # ``start`` made the state from this fact
    ProcessInstanceDequeued: _instance_dequeued,
    ElementEntered: _entered,
    ElementPassed: _passed,
    ElementStarted: _element_started,
    ElementSuspended: _element_suspended,
    ElementResumed: _element_resumed,
    ElementCompleted: _element_ended,
    ElementTerminated: _element_ended,
    EventDefined: _event_defined,
    EventTriggered: _event_triggered,
    MultiInstanceBegun: _multi_instance_begun,
    ProcessCalled: _process_called,
    ProcessReturned: _process_returned,
    SignalSubscribed: _signal_subscribed,
    SignalUnsubscribed: _nothing,
    UserTaskCreated: _user_task_created,
    UserTaskUpdated: _user_task_updated,
    UserTaskCompleted: _user_task_ended,
    UserTaskTerminated: _user_task_ended,
    JobCreated: _job_created,
    JobLocked: _job_locked,
    JobUnlocked: _job_unlocked,
    JobLockExpired: _job_unlocked,
    JobCompleted: _job_ended,
    JobFailed: _job_failed,
    JobCanceled: _job_ended,
    TaskCreated: _task_created,
    TaskLocked: _task_locked,
    TaskUnlocked: _task_unlocked,
    TaskCompleted: _task_ended,
    TaskFailed: _task_failed,
    TaskCanceled: _task_ended,
    TaskStoppedOutside: _task_stopped_outside,
    TaskIncidentClosed: _task_incident_closed,
    VariableSet: _variable_set,
    VariableDeleted: _variable_deleted,
    ProcessInstanceSuspended: _instance_suspended,
    ProcessInstanceResumed: _instance_resumed,
    ProcessInstanceCompleted: _instance_ended,
    ProcessInstanceTerminated: _instance_ended,
    ProcessInstanceCanceled: _instance_ended,
}
