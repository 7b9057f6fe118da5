"""The state of a process instance, folded from its facts.

It holds what is alive: element instances that have not ended, open jobs and tasks, unresolved incidents. What has
ended is history and is found in the read models. ``domain.bpmn.evolution`` says how it changes. There are no cycles in
it, so the garbage collector need not look at it (``gc=False``): a node keeps thousands of instances.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime

import msgspec

from domain.bpmn.events import InstanceState, Item, JobType, ProcessInstanceStarted, TaskType
from domain.bpmn.graph import EventDefinition, Timer
from domain.identity import InstanceId

#: The scope of the variables of the process instance itself; element instances are scopes by their id.
PROCESS_SCOPE = 0


class ElementInstance(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
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


class Job(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
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


class Task(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
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


class UserTask(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
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


class StoppedWork(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A job or task that failed for good, and the ULID of the incident that waits for somebody.

    ``outside`` is the stream of a task that has one of its own, and that stands there, where it is about an instance.
    """

    incident: str
    element_instance_id: int
    job: Job | None = None
    task: Task | None = None
    outside: str = ""


class Instance(msgspec.Struct, omit_defaults=True, gc=False):
    """A process instance. ``variables`` maps a scope to the ids of its variables by name.

    ``parent_id``, ``caller_id``, ``root_id``, ``start_event``, ``message_id``, ``limited`` and ``depth`` are those of
    the fact ``ProcessInstanceStarted``.
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
    depth: int = 0
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

    def within(self, scope_id: int, but: int = 0, *, beside: bool = True) -> list["ElementInstance"]:
        """Return what lives in an element instance at any depth, and ``beside`` it what is attached to it.

        What is inside comes before what it is inside of. ``but`` is left out, with all that lives in it.
        """
        around: dict[int, list[ElementInstance]] = {}
        for element in self.elements.values():
            if element.id != but:
                for host_id in {element.parent_id, element.attached_to or element.parent_id}:
                    around.setdefault(host_id, []).append(element)
        found: dict[int, ElementInstance] = {}
        self._collect(scope_id, around, found)
        if beside:
            return list(found.values())
        return [
            element for element in found.values() if element.parent_id == scope_id or element.attached_to != scope_id
        ]

    def _collect(
        self, host_id: int, around: Mapping[int, list[ElementInstance]], found: dict[int, ElementInstance]
    ) -> None:
        for element in around.get(host_id, ()):
            if element.id not in found:
                self._collect(element.id, around, found)
                found[element.id] = element

    def attached_to(self, element_instance_id: int) -> list[ElementInstance]:
        """Return the events attached to an element instance, in order of their ids."""
        return [element for element in self.elements.values() if element.attached_to == element_instance_id]


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
        depth=event.depth,
    )
