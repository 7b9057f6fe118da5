"""The rows that clients of the engine see (contracts/engine.md 1.5, response bodies).

Each shape is written once: read models answer with these structs and the API encodes them as they are. Members keep the
contract's order; a member with a default is left out while it has it. Times are text (``domain.timestamps.rfc3339``).
"""

from datetime import date

import msgspec

from domain.bpmn.events import InstanceState, JobType, TaskType, WorkState
from domain.bpmn.graph import ElementType


class View(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """A row or a part of one, in the form of the contract."""


class Tag(View, frozen=True, kw_only=True):
    name: str
    value: str = ""


class Timer(View, frozen=True, kw_only=True):
    """``time_duration`` is always there, null when the timer has none."""

    time: str | None = None
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

    id: int
    bpmn_collaboration_id: str = ""
    bpmn_participant_id: str = ""
    bpmn_participant_name: str = ""
    bpmn_process_id: str
    created_at: str
    created_by: str
    parallelism: int = 0
    tags: tuple[Tag, ...] = ()
    version: str


class Element(View, frozen=True, kw_only=True):
    """An element of a deployed process, the process itself included."""

    id: int
    process_id: int
    bpmn_element_id: str
    bpmn_element_name: str = ""
    bpmn_element_type: ElementType
    multi_instance: bool = False
    parent_bpmn_element_id: str = ""
    event_definition: EventDefinition | None = None


class ProcessInstance(View, frozen=True, kw_only=True):
    partition: date
    id: int
    parent_id: int = 0
    root_id: int = 0
    process_id: int
    bpmn_process_id: str
    correlation_key: str = ""
    created_at: str
    created_by: str
    ended_at: str | None = None
    started_at: str | None = None
    state: InstanceState
    tags: tuple[Tag, ...] = ()
    version: str


class ElementInstance(View, frozen=True, kw_only=True):
    partition: date
    id: int
    parent_id: int = 0
    element_id: int
    process_id: int
    process_instance_id: int
    bpmn_element_id: str
    bpmn_element_type: ElementType
    created_at: str
    created_by: str
    ended_at: str | None = None
    multi_instance: bool = False
    started_at: str | None = None
    state: InstanceState


class Job(View, frozen=True, kw_only=True):
    """Work for a worker."""

    partition: date
    id: int
    element_id: int
    element_instance_id: int
    process_id: int
    process_instance_id: int
    bpmn_element_id: str
    completed_at: str | None = None
    correlation_key: str = ""
    created_at: str
    created_by: str
    due_at: str
    error: str = ""
    locked_at: str | None = None
    locked_by: str = ""
    retry_count: int
    state: WorkState
    type: JobType


class Task(View, frozen=True, kw_only=True):
    """Work for the engine; ``serialized_task`` is the JSON text of what it has to know."""

    partition: date
    id: int
    element_id: int = 0
    element_instance_id: int = 0
    process_id: int = 0
    process_instance_id: int = 0
    bpmn_element_id: str = ""
    completed_at: str | None = None
    created_at: str
    created_by: str
    due_at: str
    error: str = ""
    locked_at: str | None = None
    locked_by: str = ""
    retry_count: int
    serialized_task: str = ""
    state: WorkState
    type: TaskType


class Incident(View, frozen=True, kw_only=True):
    """A job or task that failed for good, as the engine's clients know it."""

    partition: date
    id: int
    element_id: int = 0
    element_instance_id: int = 0
    job_id: int = 0
    process_id: int = 0
    process_instance_id: int = 0
    task_id: int = 0
    created_at: str
    created_by: str
    resolved_at: str | None = None
    resolved_by: str = ""


class Variable(View, frozen=True, kw_only=True):
    """A variable without its value, which only the variables of one scope carry."""

    partition: date
    id: int
    element_id: int = 0
    element_instance_id: int = 0
    process_id: int
    process_instance_id: int
    created_at: str
    created_by: str
    encoding: str
    encrypted: bool
    name: str
    updated_at: str
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
