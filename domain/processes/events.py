"""Facts of a process: all versions, in order of deployment, and the queue of its instances where they are limited.

``domain.identity`` names their streams: ``process_stream`` and ``queue_stream``.
"""

from typing import ClassVar

import msgspec

from domain.bpmn.graph import ElementType, EventDefinition
from domain.event import Event


class DeployedElement(msgspec.Struct, frozen=True, omit_defaults=True):
    """An element with the number it got; the process itself comes first, then its descendants breadth-first.

    ``definition`` is what an event catches or throws, as the deployment says, or failing that the model.
    """

    id: int
    bpmn_element_id: str
    type: ElementType
    name: str = ""
    parent: str = ""
    definition: EventDefinition | None = None
    multi_instance: bool = False


class ProcessDeployed(Event, frozen=True):
    """Someone deployed a version of a process; ``xml`` is the text exactly as it was given.

    From then on ``parallelism`` limits how many instances of all its versions run at the same time (0: no limit), and
    the start events of earlier versions are suspended.
    """

    topic: ClassVar[str] = "process.deployed.v1"
    process_id: int
    bpmn_process_id: str
    version: str
    xml: str
    elements: tuple[DeployedElement, ...]
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    collaboration_id: str = ""
    participant_id: str = ""
    participant_name: str = ""
    parallelism: int = 0


class ParallelismSet(Event, frozen=True):
    """How many instances of a process may run at the same time (0: any number).

    The first of a queue lists the instances that ran already, as ISO date and number.
    """

    topic: ClassVar[str] = "queue.parallelism_set.v1"
    parallelism: int
    running: tuple[tuple[str, int], ...] = ()


class InstanceAdmitted(Event, frozen=True):
    """A new instance found a free place."""

    topic: ClassVar[str] = "queue.admitted.v1"
    partition: str
    process_instance_id: int


class InstanceQueued(Event, frozen=True):
    """A new instance found no free place and waits for its turn."""

    topic: ClassVar[str] = "queue.queued.v1"
    partition: str
    process_instance_id: int
    process_id: int


class InstanceDequeued(Event, frozen=True):
    """The instance that waited longest has a place now; a task starts it."""

    topic: ClassVar[str] = "queue.dequeued.v1"
    partition: str
    process_instance_id: int


class InstanceLeft(Event, frozen=True):
    """An instance ended: its place, or its turn, is free."""

    topic: ClassVar[str] = "queue.left.v1"
    partition: str
    process_instance_id: int


ProcessEvent = ProcessDeployed
QueueEvent = ParallelismSet | InstanceAdmitted | InstanceQueued | InstanceDequeued | InstanceLeft
