"""The rows that clients of the engine see (contracts/engine.md 1.5, response bodies).

Each shape is written once: read models answer with these structs and the API encodes them as they are. Members keep the
contract's order; a member with a default is left out while it has it. Times are text (``domain.timestamps.rfc3339``).
"""

from datetime import date
from enum import StrEnum
from typing import Annotated

import msgspec

from domain.bpmn.events import InstanceState, JobType, TaskType, WorkState
from domain.bpmn.graph import ElementType
from domain.identity import Int32, Int64

#: A time as text.
Moment = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]


class View(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """A row or a part of one, in the form of the contract."""


class Tag(View, frozen=True, kw_only=True):
    name: str
    value: str = ""


class Timer(View, frozen=True, kw_only=True):
    """``time_duration`` is always there, null when the timer has none."""

    time: Moment | None = None
    time_cycle: str = ""
    time_duration: str | None


class EventDefinition(View, frozen=True, kw_only=True):
    """What an event waits for or throws; ``suspended`` once a newer version of the process took its place."""

    suspended: bool
    error_code: str = ""
    escalation_code: str = ""
    message_name: str = ""
    signal_name: str = ""
    timer: Timer | None = None


class Process(View, frozen=True, kw_only=True):
    """A deployed version of a process."""

    id: Int32
    bpmn_collaboration_id: str = ""
    bpmn_participant_id: str = ""
    bpmn_participant_name: str = ""
    bpmn_process_id: str
    created_at: Moment
    created_by: str
    parallelism: Int32 = 0
    tags: tuple[Tag, ...] = ()
    version: str


class Element(View, frozen=True, kw_only=True):
    """An element of a deployed process, the process itself included."""

    id: Int32
    process_id: Int32
    bpmn_element_id: str
    bpmn_element_name: str = ""
    bpmn_element_type: ElementType
    multi_instance: bool = False
    parent_bpmn_element_id: str = ""
    event_definition: EventDefinition | None = None


class ProcessInstance(View, frozen=True, kw_only=True):
    partition: date
    id: Int32
    parent_id: Int32 = 0
    root_id: Int32 = 0
    process_id: Int32
    bpmn_process_id: str
    correlation_key: str = ""
    created_at: Moment
    created_by: str
    ended_at: Moment | None = None
    started_at: Moment | None = None
    state: InstanceState
    tags: tuple[Tag, ...] = ()
    version: str


class ElementInstance(View, frozen=True, kw_only=True):
    partition: date
    id: Int32
    parent_id: Int32 = 0
    element_id: Int32
    process_id: Int32
    process_instance_id: Int32
    bpmn_element_id: str
    bpmn_element_type: ElementType
    created_at: Moment
    created_by: str
    ended_at: Moment | None = None
    multi_instance: bool = False
    started_at: Moment | None = None
    state: InstanceState


class Job(View, frozen=True, kw_only=True):
    """Work for a worker."""

    partition: date
    id: Int32
    element_id: Int32
    element_instance_id: Int32
    process_id: Int32
    process_instance_id: Int32
    bpmn_element_id: str
    completed_at: Moment | None = None
    correlation_key: str = ""
    created_at: Moment
    created_by: str
    due_at: Moment
    error: str = ""
    locked_at: Moment | None = None
    locked_by: str = ""
    retry_count: Int32
    state: WorkState
    type: JobType


class Task(View, frozen=True, kw_only=True):
    """Work for the engine; ``serialized_task`` is the JSON text of what it has to know."""

    partition: date
    id: Int32
    element_id: Int32 = 0
    element_instance_id: Int32 = 0
    process_id: Int32 = 0
    process_instance_id: Int32 = 0
    bpmn_element_id: str = ""
    completed_at: Moment | None = None
    created_at: Moment
    created_by: str
    due_at: Moment
    error: str = ""
    locked_at: Moment | None = None
    locked_by: str = ""
    retry_count: Int32
    serialized_task: str = ""
    state: WorkState
    type: TaskType


class UserTaskState(StrEnum):
    """``CANCELED`` is one of the contract's words that no user task ever has (contracts/engine.md 2.14)."""

    STARTED = "STARTED"
    COMPLETED = "COMPLETED"
    TERMINATED = "TERMINATED"
    CANCELED = "CANCELED"


class UserTask(View, frozen=True, kw_only=True):
    """Work for a person."""

    partition: date
    id: Int32
    revision: Int32
    element_id: Int32
    element_instance_id: Int32
    process_id: Int32
    process_instance_id: Int32
    bpmn_element_id: str
    correlation_key: str = ""
    created_at: Moment
    created_by: str
    state: UserTaskState
    tags: tuple[Tag, ...] = ()
    updated_at: Moment
    updated_by: str


class Message(View, frozen=True, kw_only=True):
    """A message; ``expires_at`` is left out while it is correlated and not yet closed."""

    id: Int64
    correlation_key: str
    created_at: Moment
    created_by: str
    expires_at: Moment | None = None
    correlated: bool
    name: str
    unique_key: str = ""


class MessageSubscription(View, frozen=True, kw_only=True):
    """An event of a process instance that waits for a message."""

    id: Int64
    partition: date
    element_id: Int32
    element_instance_id: Int32
    process_id: Int32
    process_instance_id: Int32
    bpmn_element_id: str
    correlation_key: str
    created_at: Moment
    created_by: str
    name: str


class SignalSubscription(View, frozen=True, kw_only=True):
    """An event of a process instance that waits for a signal."""

    id: Int64
    partition: date
    element_id: Int32
    element_instance_id: Int32
    process_id: Int32
    process_instance_id: Int32
    bpmn_element_id: str
    created_at: Moment
    created_by: str
    name: str


class Incident(View, frozen=True, kw_only=True):
    """A job or task that failed for good, as the engine's clients know it."""

    partition: date
    id: Int32
    element_id: Int32 = 0
    element_instance_id: Int32 = 0
    job_id: Int32 = 0
    process_id: Int32 = 0
    process_instance_id: Int32 = 0
    task_id: Int32 = 0
    created_at: Moment
    created_by: str
    resolved_at: Moment | None = None
    resolved_by: str = ""


class Variable(View, frozen=True, kw_only=True):
    """A variable without its value, which only the variables of one scope carry."""

    partition: date
    id: Int32
    element_id: Int32 = 0
    element_instance_id: Int32 = 0
    process_id: Int32
    process_instance_id: Int32
    created_at: Moment
    created_by: str
    encoding: str
    encrypted: bool
    name: str
    updated_at: Moment
    updated_by: str


class Data(View, frozen=True, kw_only=True):
    """A variable's value, decrypted; ``encrypted`` says how it is kept."""

    encoding: str
    encrypted: bool = False
    value: str


class ProcessVariable(View, frozen=True, kw_only=True):
    name: str
    data: Data


class ElementVariable(View, frozen=True, kw_only=True):
    """A variable of an element instance or, by ``bpmn_element_id``, of a scope around it."""

    bpmn_element_id: str = ""
    name: str
    data: Data
