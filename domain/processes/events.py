"""Facts of a process: all versions, in order of deployment. ``domain.identity.process_stream`` names its stream."""

from typing import ClassVar

import msgspec

from domain.bpmn.graph import ElementType
from domain.event import Event


class DeployedElement(msgspec.Struct, frozen=True, omit_defaults=True):
    """An element with the number it got; the process itself comes first, then its descendants breadth-first."""

    id: int
    bpmn_element_id: str
    type: ElementType
    name: str = ""
    parent: str = ""


class ProcessDeployed(Event, frozen=True):
    """Someone deployed a version of a process; ``xml`` is the text exactly as it was given."""

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


ProcessEvent = ProcessDeployed
