"""Facts of a process instance, in the order of a life. Its stream is ``instance-<partition>-<id>``.

The partition and the instance's id are in the stream's name; actor and times are in the envelope. What a reader needs
to place a row (process, element) is in the fact that creates it, so that every read model can be built from its facts
alone. States are those of contracts/engine.md 2.4, 2.5 and 2.7.
"""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

import msgspec

from domain.event import Event


class InstanceState(StrEnum):
    """Of a process instance and of an element instance."""

    CREATED = "CREATED"
    STARTED = "STARTED"
    SUSPENDED = "SUSPENDED"
    QUEUED = "QUEUED"
    COMPLETED = "COMPLETED"
    TERMINATED = "TERMINATED"
    CANCELED = "CANCELED"


class JobType(StrEnum):
    """What a job asks of its worker."""

    EXECUTE = "EXECUTE"
    EVALUATE_EXCLUSIVE_GATEWAY = "EVALUATE_EXCLUSIVE_GATEWAY"


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


class ProcessInstanceStarted(Event, frozen=True):
    """Someone started an instance of a deployed process."""

    topic: ClassVar[str] = "process_instance.started.v1"
    process_id: int
    bpmn_process_id: str
    version: str
    correlation_key: str = ""
    tags: dict[str, str] = msgspec.field(default_factory=dict)


class ElementEntered(Event, frozen=True):
    """A token reached an element that keeps it: a new element instance, ``STARTED`` unless its scope is suspended.

    ``from_element`` is the element the token came from; a parallel join counts tokens by it.
    """

    topic: ClassVar[str] = "element.entered.v1"
    id: int
    process_id: int
    element_id: int
    element: str
    parent_id: int = 0
    from_element: str = ""
    state: InstanceState = InstanceState.STARTED


class ElementPassed(Event, frozen=True):
    """A token went through an element that does not wait: started and completed in the same moment."""

    topic: ClassVar[str] = "element.passed.v1"
    id: int
    process_id: int
    element_id: int
    element: str
    parent_id: int


class ElementStarted(Event, frozen=True):
    """An element instance that was created, queued or suspended before it began has begun now."""

    topic: ClassVar[str] = "element.started.v1"
    id: int
    process_id: int
    element: str


class ElementSuspended(Event, frozen=True):
    """A scope was suspended with its instance: its tokens go no further than the element they are at."""

    topic: ClassVar[str] = "element.suspended.v1"
    id: int


class ElementResumed(Event, frozen=True):
    """A suspended scope goes on."""

    topic: ClassVar[str] = "element.resumed.v1"
    id: int


class ElementCompleted(Event, frozen=True):
    """An element instance did what it was there for."""

    topic: ClassVar[str] = "element.completed.v1"
    id: int


class ElementTerminated(Event, frozen=True):
    """An element instance was ended from outside, before it completed."""

    topic: ClassVar[str] = "element.terminated.v1"
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
    """A worker (the actor) took the job."""

    topic: ClassVar[str] = "job.locked.v1"
    id: int


class JobUnlocked(Event, frozen=True):
    """The worker gave the job back."""

    topic: ClassVar[str] = "job.unlocked.v1"
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
    """There is work for the engine itself."""

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


class TaskLocked(Event, frozen=True):
    """An engine (the actor) took the task."""

    topic: ClassVar[str] = "task.locked.v1"
    id: int


class TaskUnlocked(Event, frozen=True):
    """A task that an engine held was given back."""

    topic: ClassVar[str] = "task.unlocked.v1"
    id: int


class TaskCompleted(Event, frozen=True):
    """The engine did the task."""

    topic: ClassVar[str] = "task.completed.v1"
    id: int


class TaskFailed(Event, frozen=True):
    """The task ended in an error: in a retry, or in the incident of that number."""

    topic: ClassVar[str] = "task.failed.v1"
    id: int
    error: str
    incident_id: int = 0
    incident: str = ""


class TaskCanceled(Event, frozen=True):
    """What the task was about had already ended."""

    topic: ClassVar[str] = "task.canceled.v1"
    id: int


class VariableSet(Event, frozen=True):
    """A variable got a value: of the instance, or of an element instance when ``element_instance_id`` is given.

    ``value`` is opaque text; when ``encrypted`` it is base64(nonce and ciphertext) of AES-256-GCM.
    """

    topic: ClassVar[str] = "variable.set.v1"
    id: int
    process_id: int
    name: str
    encoding: str
    value: str
    encrypted: bool = False
    element_id: int = 0
    element_instance_id: int = 0


class VariableDeleted(Event, frozen=True):
    """A variable is gone."""

    topic: ClassVar[str] = "variable.deleted.v1"
    id: int
    name: str
    element_instance_id: int = 0


class ProcessInstanceSuspended(Event, frozen=True):
    """Someone halted the instance: work in hand may finish, nothing new begins."""

    topic: ClassVar[str] = "process_instance.suspended.v1"


class ProcessInstanceResumed(Event, frozen=True):
    """Someone let the instance go on."""

    topic: ClassVar[str] = "process_instance.resumed.v1"


class ProcessInstanceCompleted(Event, frozen=True):
    """The last token of the instance ended."""

    topic: ClassVar[str] = "process_instance.completed.v1"


InstanceEvent = (
    ProcessInstanceStarted
    | ElementEntered
    | ElementPassed
    | ElementStarted
    | ElementSuspended
    | ElementResumed
    | ElementCompleted
    | ElementTerminated
    | JobCreated
    | JobLocked
    | JobUnlocked
    | JobCompleted
    | JobFailed
    | JobCanceled
    | TaskCreated
    | TaskLocked
    | TaskUnlocked
    | TaskCompleted
    | TaskFailed
    | TaskCanceled
    | VariableSet
    | VariableDeleted
    | ProcessInstanceSuspended
    | ProcessInstanceResumed
    | ProcessInstanceCompleted
)
