"""A deployed process as a graph of flow nodes, as the engine walks it."""

from enum import StrEnum

import msgspec


class ElementType(StrEnum):
    """The element types that clients know (contracts/engine.md 2.3); the engine runs those in ``elements.ELEMENTS``."""

    PROCESS = "PROCESS"
    SUB_PROCESS = "SUB_PROCESS"
    CALL_ACTIVITY = "CALL_ACTIVITY"
    TASK = "TASK"
    MANUAL_TASK = "MANUAL_TASK"
    USER_TASK = "USER_TASK"
    SERVICE_TASK = "SERVICE_TASK"
    SCRIPT_TASK = "SCRIPT_TASK"
    SEND_TASK = "SEND_TASK"
    BUSINESS_RULE_TASK = "BUSINESS_RULE_TASK"
    EXCLUSIVE_GATEWAY = "EXCLUSIVE_GATEWAY"
    INCLUSIVE_GATEWAY = "INCLUSIVE_GATEWAY"
    PARALLEL_GATEWAY = "PARALLEL_GATEWAY"
    EVENT_BASED_GATEWAY = "EVENT_BASED_GATEWAY"
    NONE_START_EVENT = "NONE_START_EVENT"
    MESSAGE_START_EVENT = "MESSAGE_START_EVENT"
    SIGNAL_START_EVENT = "SIGNAL_START_EVENT"
    TIMER_START_EVENT = "TIMER_START_EVENT"
    MESSAGE_CATCH_EVENT = "MESSAGE_CATCH_EVENT"
    SIGNAL_CATCH_EVENT = "SIGNAL_CATCH_EVENT"
    TIMER_CATCH_EVENT = "TIMER_CATCH_EVENT"
    LINK_CATCH_EVENT = "LINK_CATCH_EVENT"
    NONE_THROW_EVENT = "NONE_THROW_EVENT"
    MESSAGE_THROW_EVENT = "MESSAGE_THROW_EVENT"
    SIGNAL_THROW_EVENT = "SIGNAL_THROW_EVENT"
    ESCALATION_THROW_EVENT = "ESCALATION_THROW_EVENT"
    LINK_THROW_EVENT = "LINK_THROW_EVENT"
    NONE_END_EVENT = "NONE_END_EVENT"
    MESSAGE_END_EVENT = "MESSAGE_END_EVENT"
    SIGNAL_END_EVENT = "SIGNAL_END_EVENT"
    ERROR_END_EVENT = "ERROR_END_EVENT"
    ESCALATION_END_EVENT = "ESCALATION_END_EVENT"
    ERROR_BOUNDARY_EVENT = "ERROR_BOUNDARY_EVENT"
    ESCALATION_BOUNDARY_EVENT = "ESCALATION_BOUNDARY_EVENT"
    MESSAGE_BOUNDARY_EVENT = "MESSAGE_BOUNDARY_EVENT"
    SIGNAL_BOUNDARY_EVENT = "SIGNAL_BOUNDARY_EVENT"
    TIMER_BOUNDARY_EVENT = "TIMER_BOUNDARY_EVENT"


class SequenceFlow(msgspec.Struct, frozen=True):
    """A sequence flow between two flow nodes of one scope, by their BPMN ids."""

    id: str
    source: str
    target: str


class Element(msgspec.Struct, frozen=True):
    """A flow node, or the process itself (``parent`` empty).

    ``incoming`` and ``outgoing`` keep the order of the model; ``default`` is the id of the default flow, or empty.
    """

    bpmn_id: str
    type: ElementType
    name: str = ""
    parent: str = ""
    incoming: tuple[SequenceFlow, ...] = ()
    outgoing: tuple[SequenceFlow, ...] = ()
    default: str = ""


class Participant(msgspec.Struct, frozen=True):
    """The collaboration's participant whose process this is; empty texts where the model has none."""

    collaboration_id: str = ""
    id: str = ""
    name: str = ""


class ProcessModel(msgspec.Struct, frozen=True):
    """One executable process of a BPMN document.

    ``elements`` lists the process first, then breadth-first its descendants (contracts/engine.md 2.3).
    """

    bpmn_process_id: str
    elements: tuple[Element, ...]
    participant: Participant = Participant()


class Graph:
    """A process model with the numbers that its elements got when it was deployed. Immutable by convention."""

    def __init__(self, process_id: int, version: str, model: ProcessModel, element_ids: dict[str, int]) -> None:
        """Take the ids of ``elements`` by BPMN id; every element of the model has one."""
        self.process_id = process_id
        self.version = version
        self.bpmn_process_id = model.bpmn_process_id
        self.model = model
        self.element_ids = element_ids
        self.elements = {element.bpmn_id: element for element in model.elements}
        self.none_starts = {
            element.parent: element for element in model.elements if element.type is ElementType.NONE_START_EVENT
        }
