"""What becomes of a job or task that ended in an error: another try, or an incident (contracts/engine.md 2.5, 2.6)."""

from datetime import datetime
from typing import NamedTuple

from domain.bpmn.durations import DurationError, parse_duration
from domain.bpmn.events import JobCanceled, JobCreated, JobFailed, TaskCanceled, TaskCreated, TaskFailed, WorkState
from domain.bpmn.execution import Turn
from domain.bpmn.instance import Instance, Job, Task
from domain.event import Append
from domain.identity import incident_stream
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


def outcome(turn: Turn, error: str, beside: tuple[Append, ...]) -> WorkState:
    """Return what became of the job or task that the turn was about; ``beside`` is what failing it came to."""
    if beside:
        return WorkState.CAUSED_INCIDENT
    if error:
        return WorkState.CAUSED_RETRY
    canceled = any(isinstance(event, JobCanceled | TaskCanceled) for event in turn.events)
    return WorkState.CANCELED if canceled else WorkState.DONE


def fail_job(turn: Turn, job: Job, error: str, retry: Retry) -> tuple[Append, ...]:
    """Record the failure; return the append that opens an incident when no retry is left."""
    if retry.limit > job.retry_count:
        turn.record(JobFailed(job.id, error))
        try_job_again(turn, job, due(turn.now, retry.timer), retry_count=job.retry_count + 1)
        return ()
    incident_id, ulid = _new_incident(turn)
    cause = _cause(turn, "failedJob", incident_id, job)
    opened = _opened(turn, cause, error, job.element_instance_id)
    turn.record(JobFailed(job.id, error, incident_id, ulid))
    return (Append(incident_stream(ulid), 0, (opened,)),)


def fail_task(turn: Turn, task: Task, error: str, retry: Retry) -> tuple[Append, ...]:
    """Record the failure; return the append that opens an incident when no retry is left."""
    if retry.limit > task.retry_count:
        turn.record(TaskFailed(task.id, error))
        try_task_again(turn, task, due(turn.now, retry.timer), retry_count=task.retry_count + 1)
        return ()
    incident_id, ulid = _new_incident(turn)
    cause = _cause(turn, "failedTask", incident_id, task)
    opened = _opened(turn, cause, error, task.element_instance_id)
    turn.record(TaskFailed(task.id, error, incident_id, ulid))
    return (Append(incident_stream(ulid), 0, (opened,)),)


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


def try_task_again(turn: Turn, task: Task, due_at: datetime, *, retry_count: int, resolves: int = 0) -> None:
    """Leave the same to the engine once more, as a new task."""
    turn.record(
        TaskCreated(
            id=turn.ids.next("task", turn.instance.partition),
            type=task.type,
            process_id=turn.instance.process_id,
            due_at=due_at,
            element_id=task.element_id,
            element=task.element,
            element_instance_id=task.element_instance_id,
            retry_count=retry_count,
            resolved_incident_id=resolves,
        )
    )


def _new_incident(turn: Turn) -> tuple[int, str]:
    return turn.ids.next("incident", turn.instance.partition), turn.ids.ulid()


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


def _opened(turn: Turn, cause: ProcessCause, error: str, element_instance_id: int) -> IncidentOpened:
    where = cause.activity or cause.bpmn_process_id
    return IncidentOpened(
        source="process",
        severity=PROCESS_SEVERITY,
        title=f"{where} failed in {cause.bpmn_process_id} {cause.version}",
        error_message=error,
        process=cause,
        previous_incident=_last_incident(turn.instance, element_instance_id),
    )


def _last_incident(instance: Instance, element_instance_id: int) -> str:
    element_instance = instance.elements.get(element_instance_id)
    return element_instance.last_incident if element_instance is not None else ""
