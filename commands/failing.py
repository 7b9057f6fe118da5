"""What becomes of a job or task that ended in an error: another try, or an incident (contracts/engine.md 2.5, 2.6)."""

from datetime import date, datetime
from typing import NamedTuple

from commands.incident_opening import open_incident
from domain.bpmn.durations import DurationError, parse_duration
from domain.bpmn.events import (
    JobCreated,
    JobFailed,
    TaskCreated,
    TaskFailed,
    TaskIncidentClosed,
    TaskStoppedOutside,
    WorkState,
)
from domain.bpmn.execution import Turn
from domain.bpmn.instance import Instance, Job, Task
from domain.coordination.unit_of_work import UnitOfWork
from domain.identity import InstanceId, task_stream
from domain.incidents.events import IncidentOpened, IncidentType, ProcessCause
from domain.incidents.incident import PROCESS_SEVERITY
from domain.rejection import InvalidInput


class Retry(NamedTuple):
    """How often to try at most, and the ISO 8601 duration to wait before each (empty: at once)."""

    limit: int
    timer: str


def due(now: datetime, timer: str) -> datetime:
    """Return the moment a duration after ``now``; raise ``InvalidInput`` when that is past the year 9999."""
    try:
        return parse_duration(timer).after(now) if timer else now
    except DurationError as error:
        raise InvalidInput("failed to set timer", str(error)) from error


def fail_job(unit: UnitOfWork, turn: Turn, job: Job, error: str, retry: Retry) -> WorkState:
    """Record the failure of a job, with a retry or an incident, and return which."""
    if retry.limit > job.retry_count:
        turn.record(JobFailed(job.id, error))
        try_job_again(turn, job, due(turn.now, retry.timer), retry_count=job.retry_count + 1)
        return WorkState.CAUSED_RETRY
    incident_id = turn.ids.next("incident", turn.instance.partition)
    cause = _cause(turn, "failedJob", incident_id, job)
    last = _last_incident(turn.instance, job.element_instance_id)
    turn.record(JobFailed(job.id, error, incident_id, _open(unit, cause, error, last)))
    return WorkState.CAUSED_INCIDENT


def fail_task(unit: UnitOfWork, turn: Turn, task: Task, error: str, retry: Retry) -> WorkState:
    """Do the same for a task of an instance."""
    if retry.limit > task.retry_count:
        turn.record(TaskFailed(task.id, error))
        turn.record(_task_again(turn.ids.next("task", turn.instance.partition), task, turn.now, task.retry_count + 1))
        return WorkState.CAUSED_RETRY
    incident_id = turn.ids.next("incident", turn.instance.partition)
    cause = _cause(turn, "failedTask", incident_id, task)
    last = _last_incident(turn.instance, task.element_instance_id)
    turn.record(TaskFailed(task.id, error, incident_id, _open(unit, cause, error, last)))
    return WorkState.CAUSED_INCIDENT


def fail_engine_task(unit: UnitOfWork, stream: str, partition: date, task: Task, error: str, retry: Retry) -> WorkState:
    """Do the same for a task that has a stream of its own."""
    if retry.limit > task.retry_count:
        unit.record(stream, TaskFailed(task.id, error))
        again = _task_again(unit.ids.next("task", partition), task, unit.now, task.retry_count + 1)
        unit.record(task_stream(partition, again.id), again, new=True)
        return WorkState.CAUSED_RETRY
    incident_id = unit.ids.next("incident", partition)
    cause = _engine_cause(unit, partition, incident_id, task)
    incident = _open(unit, cause, error)
    unit.record(stream, TaskFailed(task.id, error, incident_id, incident))
    if task.process_instance_id:
        turn = unit.turn(InstanceId(partition, task.process_instance_id))
        about = task.element_instance_id or _outermost(turn.instance)
        turn.record(TaskStoppedOutside(task.id, about, incident_id, incident, stream))
    return WorkState.CAUSED_INCIDENT


def try_job_again(turn: Turn, job: Job, due_at: datetime, *, retry_count: int, resolves: int = 0) -> None:
    """Ask a worker for the same once more, as a new job; ``resolves`` is the incident that this answers."""
    turn.record(
        JobCreated(
            id=turn.ids.next("job", turn.instance.partition),
            type=job.type,
            process_id=turn.instance.process_id,
            element_id=job.element_id,
            element=job.element,
            element_instance_id=job.element_instance_id,
            due_at=due_at,
            correlation_key=job.correlation_key,
            retry_count=retry_count,
            resolved_incident_id=resolves,
        )
    )


def try_task_again(turn: Turn, task: Task, due_at: datetime, *, resolves: int) -> None:
    """Leave the same to the engine once more, as a new task."""
    turn.record(_task_again(turn.ids.next("task", turn.instance.partition), task, due_at, 0, resolves))


def try_engine_task_again(
    unit: UnitOfWork, stream: str, partition: date, task: Task, due_at: datetime, resolves: int
) -> None:
    """Do the same for a task that has a stream of its own. So has the new one: its incident finds it by its number."""
    again = _task_again(unit.ids.next("task", partition), task, due_at, 0, resolves)
    unit.record(stream, TaskIncidentClosed(resolves))
    unit.record(task_stream(partition, again.id), again, new=True)
    if task.process_instance_id:
        turn = unit.turn(InstanceId(partition, task.process_instance_id))
        if resolves in turn.instance.incidents:
            turn.record(TaskIncidentClosed(resolves))


def _task_again(task_id: int, task: Task, due_at: datetime, retry_count: int, resolves: int = 0) -> TaskCreated:
    kept = {name: getattr(task, name) for name in _KEPT}
    return TaskCreated(task_id, due_at=due_at, retry_count=retry_count, resolved_incident_id=resolves, **kept)


#: What a task has in common with the one that tries the same again.
_KEPT = frozenset(TaskCreated.__struct_fields__) - {"id", "due_at", "retry_count", "resolved_incident_id"}


def _cause(turn: Turn, incident_type: IncidentType, incident_id: int, work: Job | Task) -> ProcessCause:
    instance = turn.instance
    return ProcessCause(
        partition=instance.partition.isoformat(),
        incident_id=incident_id,
        incident_type=incident_type,
        process_id=instance.process_id,
        bpmn_process_id=instance.bpmn_process_id,
        version=instance.version,
        process_instance_id=instance.id,
        element=work.element,
        activity=turn.graph.elements[work.element].name or work.element if work.element else "",
        element_id=work.element_id,
        element_instance_id=work.element_instance_id,
        job_id=work.id if isinstance(work, Job) else 0,
        task_id=work.id if isinstance(work, Task) else 0,
    )


def _engine_cause(unit: UnitOfWork, partition: date, incident_id: int, task: Task) -> ProcessCause:
    """Say where a task stands that came from outside: at an instance, or at a process that it was to start."""
    bpmn_process_id, version, process_id = task.bpmn_process_id, task.version, task.process_id
    if task.process_instance_id:
        instance: Instance = unit.state(InstanceId(partition, task.process_instance_id).stream)
        bpmn_process_id, version, process_id = instance.bpmn_process_id, instance.version, instance.process_id
    graph = unit.process(bpmn_process_id).graphs.get(version)
    name = graph.elements[task.element].name if graph is not None and task.element else ""
    return ProcessCause(
        partition=partition.isoformat(),
        incident_id=incident_id,
        incident_type="failedTask",
        process_id=process_id,
        bpmn_process_id=bpmn_process_id,
        version=version,
        process_instance_id=task.process_instance_id,
        element=task.element,
        activity=name or task.element,
        element_id=task.element_id,
        element_instance_id=task.element_instance_id,
        task_id=task.id,
        own_stream=True,
    )


def _open(unit: UnitOfWork, cause: ProcessCause, error: str, last_incident: str = "") -> str:
    """Open an incident and return its ULID. Names in models may have several lines, titles have one."""
    where = " ".join((cause.activity or cause.bpmn_process_id).split())
    opened = IncidentOpened(
        source="process",
        severity=PROCESS_SEVERITY,
        title=f"{where} failed in {cause.bpmn_process_id} {cause.version}",
        error_message=error,
        process=cause,
        previous_incident=last_incident,
    )
    return open_incident(unit, opened)


def _outermost(instance: Instance) -> int:
    """Return the element instance of the process itself, which lives as long as the instance."""
    return next(element.id for element in instance.elements.values() if not element.parent_id)


def _last_incident(instance: Instance, element_instance_id: int) -> str:
    element_instance = instance.elements.get(element_instance_id)
    return element_instance.last_incident if element_instance is not None else ""
