"""Facts of a process instance, in the order of a life. Its stream is ``instance-<partition>-<id>``.

The partition and the instance's id are in the stream's name; actor and times are in the envelope. What a reader needs
to place a row (process, element) is in the fact that creates it, so that every read model can be built from its facts
alone. States are those of contracts/engine.md 2.4. The facts about its work are told in
``work_events``, and can be had from here as well.
"""

from enum import StrEnum
from typing import ClassVar

import msgspec

from domain.bpmn.graph import EventDefinition
from domain.bpmn.work_events import (
    JobCanceled,
    JobCompleted,
    JobCreated,
    JobFailed,
    JobLocked,
    JobLockExpired,
    JobType,
    JobUnlocked,
    TaskCanceled,
    TaskCompleted,
    TaskCreated,
    TaskFailed,
    TaskIncidentClosed,
    TaskLocked,
    TaskStoppedOutside,
    TaskType,
    TaskUnlocked,
    UserTaskCompleted,
    UserTaskCreated,
    UserTaskTerminated,
    UserTaskUpdated,
    WorkState,
)
from domain.event import Event

#: Of the names that come from elsewhere, those that others may take from here.
__all__ = [
    "JobCanceled",
    "JobCompleted",
    "JobCreated",
    "JobFailed",
    "JobLockExpired",
    "JobLocked",
    "JobType",
    "JobUnlocked",
    "TaskCanceled",
    "TaskCompleted",
    "TaskCreated",
    "TaskFailed",
    "TaskIncidentClosed",
    "TaskLocked",
    "TaskStoppedOutside",
    "TaskType",
    "TaskUnlocked",
    "UserTaskCompleted",
    "UserTaskCreated",
    "UserTaskTerminated",
    "UserTaskUpdated",
    "WorkState",
]


class InstanceState(StrEnum):
    """Of a process instance and of an element instance."""

    CREATED = "CREATED"
    STARTED = "STARTED"
    SUSPENDED = "SUSPENDED"
    QUEUED = "QUEUED"
    COMPLETED = "COMPLETED"
    TERMINATED = "TERMINATED"
    CANCELED = "CANCELED"


class ProcessInstanceStarted(Event, frozen=True):
    """There is a new instance of a deployed process; ``state`` is ``QUEUED`` while it waits for its turn.

    ``parent_id`` is the instance that called it, by its element instance ``caller_id``; ``root_id`` the outermost of
    them. They share the partition. ``start_event`` is the BPMN id of the event that began it, empty for the none start
    event. ``message_id`` and ``message_name`` name the message that stays open for as long as the instance lives.
    ``limited`` says that it takes a place in the queue of its process. ``depth`` counts the callers around it.
    """

    topic: ClassVar[str] = "process_instance.started.v1"
    process_id: int
    bpmn_process_id: str
    version: str
    correlation_key: str = ""
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    state: InstanceState = InstanceState.STARTED
    parent_id: int = 0
    root_id: int = 0
    caller_id: int = 0
    start_event: str = ""
    message_id: int = 0
    message_name: str = ""
    limited: bool = False
    depth: int = 0


class ProcessInstanceDequeued(Event, frozen=True):
    """It is the turn of an instance that waited in the queue of its process: it starts now."""

    topic: ClassVar[str] = "process_instance.dequeued.v1"


class ElementEntered(Event, frozen=True):
    """A token reached an element that keeps it: a new element instance.

    ``from_element`` is the element the token came from; a parallel join counts tokens by it. ``attached_to`` is the
    element instance that this one is an event of: the activity of a boundary event, the scope of an event sub-process,
    the event-based gateway before a catch event. ``multi_instance`` marks the body of an activity that runs several
    times, ``loop_counter`` counts its instances from 1.
    """

    topic: ClassVar[str] = "element.entered.v1"
    id: int
    process_id: int
    element_id: int
    element: str
    parent_id: int = 0
    from_element: str = ""
    state: InstanceState = InstanceState.STARTED
    attached_to: int = 0
    multi_instance: bool = False
    loop_counter: int = 0


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
    """A suspended scope goes on; what was suspended before it began is ``CREATED`` when it has to wait for more."""

    topic: ClassVar[str] = "element.resumed.v1"
    id: int
    state: InstanceState = InstanceState.STARTED


class ElementCompleted(Event, frozen=True):
    """An element instance did what it was there for."""

    topic: ClassVar[str] = "element.completed.v1"
    id: int


class ElementTerminated(Event, frozen=True):
    """An element instance was ended from outside, before it completed."""

    topic: ClassVar[str] = "element.terminated.v1"
    id: int


class EventDefined(Event, frozen=True):
    """It is known what an event catches or throws: the model says so, or a worker did."""

    topic: ClassVar[str] = "event.defined.v1"
    id: int
    definition: EventDefinition
    correlation_key: str = ""


class EventTriggered(Event, frozen=True):
    """What an event waited for happened: a message or signal of this id, its timer, or an error or escalation."""

    topic: ClassVar[str] = "event.triggered.v1"
    id: int
    process_id: int
    element_id: int
    element: str
    message_id: int = 0
    signal_id: int = 0
    timer: bool = False
    error_code: str | None = None
    escalation_code: str | None = None


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """An item of a collection that a multi-instance activity runs for: an opaque value, as of a variable."""

    encoding: str
    value: str
    encrypted: bool = False


class MultiInstanceBegun(Event, frozen=True):
    """It is known how often an activity runs, and for which items if any."""

    topic: ClassVar[str] = "multi_instance.begun.v1"
    id: int
    cardinality: int
    items: tuple[Item, ...] = ()


class ProcessCalled(Event, frozen=True):
    """A call activity started an instance of another process, in the same partition."""

    topic: ClassVar[str] = "process.called.v1"
    id: int
    process_instance_id: int


class ProcessReturned(Event, frozen=True):
    """The instance that a call activity called has ended."""

    topic: ClassVar[str] = "process.returned.v1"
    id: int


class SignalSubscribed(Event, frozen=True):
    """An event waits for a signal."""

    topic: ClassVar[str] = "signal.subscribed.v1"
    id: int
    process_id: int
    element_id: int
    element: str
    element_instance_id: int
    name: str


class SignalUnsubscribed(Event, frozen=True):
    """An event waits for its signal no longer; a subscription that a signal has met is over without this."""

    topic: ClassVar[str] = "signal.unsubscribed.v1"
    id: int


class VariableSet(Event, frozen=True):
    """A variable got a value: of the instance, or of an element instance when ``element_instance_id`` is given.

    ``value`` is opaque text; when ``encrypted`` it is base64(nonce and ciphertext) of AES-256-GCM. ``sealed_for`` names
    the message or signal that a ciphertext came with; empty, it was encrypted for its place here.
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
    sealed_for: str = ""


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


class ProcessInstanceTerminated(Event, frozen=True):
    """The instance was ended with what it was called by."""

    topic: ClassVar[str] = "process_instance.terminated.v1"


class ProcessInstanceCanceled(Event, frozen=True):
    """Someone ended the instance."""

    topic: ClassVar[str] = "process_instance.canceled.v1"


InstanceEvent = (
    ProcessInstanceStarted
    | ProcessInstanceDequeued
    | ElementEntered
    | ElementPassed
    | ElementStarted
    | ElementSuspended
    | ElementResumed
    | ElementCompleted
    | ElementTerminated
    | EventDefined
    | EventTriggered
    | MultiInstanceBegun
    | ProcessCalled
    | ProcessReturned
    | SignalSubscribed
    | SignalUnsubscribed
    | UserTaskCreated
    | UserTaskUpdated
    | UserTaskCompleted
    | UserTaskTerminated
    | JobCreated
    | JobLocked
    | JobUnlocked
    | JobLockExpired
    | JobCompleted
    | JobFailed
    | JobCanceled
    | TaskCreated
    | TaskLocked
    | TaskUnlocked
    | TaskCompleted
    | TaskFailed
    | TaskCanceled
    | TaskStoppedOutside
    | TaskIncidentClosed
    | VariableSet
    | VariableDeleted
    | ProcessInstanceSuspended
    | ProcessInstanceResumed
    | ProcessInstanceCompleted
    | ProcessInstanceTerminated
    | ProcessInstanceCanceled
)
