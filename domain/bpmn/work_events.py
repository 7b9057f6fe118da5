"""Facts about the work of a process instance: user tasks, jobs for workers, and tasks of the engine itself.

They stand in the instance's stream, but for tasks that come from outside it, which have streams of their own. States
are those of contracts/engine.md 2.5, 2.7 and 2.14.
"""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

import msgspec

from domain.bpmn.graph import Timer
from domain.event import Event


class JobType(StrEnum):
    """What a job asks of its worker."""

    EXECUTE = "EXECUTE"
    EVALUATE_EXCLUSIVE_GATEWAY = "EVALUATE_EXCLUSIVE_GATEWAY"
    EVALUATE_INCLUSIVE_GATEWAY = "EVALUATE_INCLUSIVE_GATEWAY"
    CALL_PROCESS = "CALL_PROCESS"
    PASS_VARIABLES = "PASS_VARIABLES"  # noqa: S105  (a type of job, no secret)
    SET_ERROR_CODE = "SET_ERROR_CODE"
    SET_ESCALATION_CODE = "SET_ESCALATION_CODE"
    SET_MESSAGE_CORRELATION_KEY = "SET_MESSAGE_CORRELATION_KEY"
    SET_SIGNAL_NAME = "SET_SIGNAL_NAME"
    SET_TIMER = "SET_TIMER"
    SUBSCRIBE_MESSAGE = "SUBSCRIBE_MESSAGE"
    SUBSCRIBE_SIGNAL = "SUBSCRIBE_SIGNAL"
    SET_MULTI_INSTANCE = "SET_MULTI_INSTANCE"


class TaskType(StrEnum):
    """What the engine has still to do by itself; the management types stay in the enum (contracts/engine.md, 5)."""

    DEQUEUE_PROCESS_INSTANCE = "DEQUEUE_PROCESS_INSTANCE"
    JOIN_PARALLEL_GATEWAY = "JOIN_PARALLEL_GATEWAY"
    TERMINATE_PROCESS_INSTANCE = "TERMINATE_PROCESS_INSTANCE"
    START_PROCESS_INSTANCE = "START_PROCESS_INSTANCE"
    TRIGGER_EVENT = "TRIGGER_EVENT"
    CREATE_PARTITION = "CREATE_PARTITION"
    DETACH_PARTITION = "DETACH_PARTITION"
    DROP_PARTITION = "DROP_PARTITION"
    PURGE_MESSAGES = "PURGE_MESSAGES"
    PURGE_SIGNALS = "PURGE_SIGNALS"


class WorkState(StrEnum):
    """Of a job and of a task. ``DUE`` is a created one whose time has come; it is never stored."""

    CREATED = "CREATED"
    DUE = "DUE"
    LOCKED = "LOCKED"
    DONE = "DONE"
    CAUSED_RETRY = "CAUSED_RETRY"
    CAUSED_INCIDENT = "CAUSED_INCIDENT"
    CANCELED = "CANCELED"


class UserTaskCreated(Event, frozen=True):
    """There is work for a person, in revision 1."""

    topic: ClassVar[str] = "user_task.created.v1"
    id: int
    process_id: int
    element_id: int
    element: str
    element_instance_id: int
    correlation_key: str = ""


class UserTaskUpdated(Event, frozen=True):
    """Someone changed a user task; ``tags`` are all that it has now."""

    topic: ClassVar[str] = "user_task.updated.v1"
    id: int
    revision: int
    tags: dict[str, str] = msgspec.field(default_factory=dict)


class UserTaskCompleted(Event, frozen=True):
    """A person did the work."""

    topic: ClassVar[str] = "user_task.completed.v1"
    id: int
    revision: int
    tags: dict[str, str] = msgspec.field(default_factory=dict)


class UserTaskTerminated(Event, frozen=True):
    """The user task ended with its activity: by an event that interrupted it, which its own error may be."""

    topic: ClassVar[str] = "user_task.terminated.v1"
    id: int


class JobCreated(Event, frozen=True):
    """There is work for a worker. ``resolved_incident_id`` names the incident whose resolution asked for it again."""

    topic: ClassVar[str] = "job.created.v1"
    id: int
    type: JobType
    process_id: int
    element_id: int
    element: str
    element_instance_id: int
    due_at: datetime
    correlation_key: str = ""
    retry_count: int = 0
    resolved_incident_id: int = 0


class JobLocked(Event, frozen=True):
    """A worker (the actor) took the job; when there is a time at which the lock expires, it is said here."""

    topic: ClassVar[str] = "job.locked.v1"
    id: int
    expires_at: datetime | None = None


class JobUnlocked(Event, frozen=True):
    """The worker gave the job back."""

    topic: ClassVar[str] = "job.unlocked.v1"
    id: int


class JobLockExpired(Event, frozen=True):
    """The worker did not report in time: anyone may take the job again."""

    topic: ClassVar[str] = "job.lock_expired.v1"
    id: int


class JobCompleted(Event, frozen=True):
    """The worker did the job."""

    topic: ClassVar[str] = "job.completed.v1"
    id: int


class JobFailed(Event, frozen=True):
    """The job ended in an error: in a retry (``incident_id`` 0), or in the incident of that number and ULID."""

    topic: ClassVar[str] = "job.failed.v1"
    id: int
    error: str
    incident_id: int = 0
    incident: str = ""


class JobCanceled(Event, frozen=True):
    """The job's element instance had already ended, so nobody needs its result."""

    topic: ClassVar[str] = "job.canceled.v1"
    id: int


class TaskCreated(Event, frozen=True):
    """There is work for the engine itself.

    What an instance leaves to do stands in its own stream. What comes from outside it (a message, a signal, a queue, a
    caller) has a stream ``task-<partition>-<id>`` and names the instance if there is one. A task that starts an
    instance says of which process and version.
    """

    topic: ClassVar[str] = "task.created.v1"
    id: int
    type: TaskType
    process_id: int
    due_at: datetime
    element_id: int = 0
    element: str = ""
    element_instance_id: int = 0
    retry_count: int = 0
    resolved_incident_id: int = 0
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


class TaskLocked(Event, frozen=True):
    """An engine took the task: the actor, unless ``engine_id`` says that the actor is who brought the task about."""

    topic: ClassVar[str] = "task.locked.v1"
    id: int
    engine_id: str = ""


class TaskUnlocked(Event, frozen=True):
    """A task that an engine held was given back."""

    topic: ClassVar[str] = "task.unlocked.v1"
    id: int


class TaskCompleted(Event, frozen=True):
    """The engine did the task; ``started_instance_id`` is the instance that it started, if any, in its partition."""

    topic: ClassVar[str] = "task.completed.v1"
    id: int
    started_instance_id: int = 0


class TaskFailed(Event, frozen=True):
    """The task ended in an error: in a retry, or in the incident of that number."""

    topic: ClassVar[str] = "task.failed.v1"
    id: int
    error: str
    incident_id: int = 0
    incident: str = ""


class TaskStoppedOutside(Event, frozen=True):
    """A task about this instance that has a ``stream`` of its own ended in an incident, told in the instance's stream.

    The incident ends with the element instance; that is the process's own where the task is about the whole instance.
    """

    topic: ClassVar[str] = "task.stopped_outside.v1"
    id: int
    element_instance_id: int
    incident_id: int
    incident: str
    stream: str


class TaskIncidentClosed(Event, frozen=True):
    """The incident of a task with a stream of its own is over.

    It was resolved, or what it was about has ended. It is told in the task's stream, and in that of an instance that
    lives on.
    """

    topic: ClassVar[str] = "task.incident_closed.v1"
    incident_id: int


class TaskCanceled(Event, frozen=True):
    """What the task was about had already ended."""

    topic: ClassVar[str] = "task.canceled.v1"
    id: int
