"""A deployed process as a graph of flow nodes, as the engine walks it."""

from datetime import datetime
from enum import StrEnum
from functools import cached_property

import msgspec


class ElementType(StrEnum):
    """The element types that clients know: those of contracts/engine.md 2.3, and ours beyond it at the end.

    The engine runs those in ``elements.ELEMENTS``.
    """

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
    EVENT_SUB_PROCESS = "EVENT_SUB_PROCESS"
    RECEIVE_TASK = "RECEIVE_TASK"
    ERROR_START_EVENT = "ERROR_START_EVENT"
    ESCALATION_START_EVENT = "ESCALATION_START_EVENT"
    TERMINATE_END_EVENT = "TERMINATE_END_EVENT"
    TRANSACTION = "TRANSACTION"


#: Start events that something happens to.
START_EVENTS = frozenset(
    {
        ElementType.MESSAGE_START_EVENT,
        ElementType.SIGNAL_START_EVENT,
        ElementType.TIMER_START_EVENT,
        ElementType.ERROR_START_EVENT,
        ElementType.ESCALATION_START_EVENT,
    }
)


#: Characters of names, keys and codes of events: more cannot be sent, so more cannot be waited for.
LONGEST_NAME = 255


class Timer(msgspec.Struct, frozen=True, omit_defaults=True):
    """When something is due: at a time, by a cron expression, or after an ISO 8601 duration; the first given counts."""

    time: datetime | None = None
    cycle: str = ""
    duration: str = ""


class EventDefinition(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an event catches or throws; of an error or escalation that is caught, the empty code means any.

    One of these is set, by the kind of the event. An event without a definition asks a worker for it.
    """

    error_code: str = ""
    escalation_code: str = ""
    message_name: str = ""
    signal_name: str = ""
    timer: Timer | None = None


class MultiInstance(msgspec.Struct, frozen=True, omit_defaults=True):
    """That an activity runs several times, one after another or all at once (BPMN 2.0, 13.3.7).

    ``cardinality`` None asks a worker how often, or for which items. ``item`` names the variable that each instance
    gets its item in. ``until`` is the completion condition, in the language that the model names.
    """

    sequential: bool = False
    cardinality: int | None = None
    item: str = ""
    until: str = ""


class SequenceFlow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A sequence flow between two flow nodes of one scope, by their BPMN ids.

    ``condition`` is empty unless the model asks the engine to evaluate it, by naming a language that it supports.
    """

    id: str
    source: str
    target: str
    condition: str = ""


class Element(msgspec.Struct, frozen=True):
    """A flow node, or the process itself (``parent`` empty).

    ``incoming`` and ``outgoing`` keep the order of the model; ``default`` is the id of the default flow, or empty.
    ``attached_to`` is the activity of a boundary event. ``interrupting`` says of a boundary event, and of the start
    event of an event sub-process, that what it happens to ends. ``called`` is a call activity's ``calledElement``.
    """

    bpmn_id: str
    type: ElementType
    name: str = ""
    parent: str = ""
    incoming: tuple[SequenceFlow, ...] = ()
    outgoing: tuple[SequenceFlow, ...] = ()
    default: str = ""
    attached_to: str = ""
    interrupting: bool = True
    link: str = ""
    called: str = ""
    definition: EventDefinition | None = None
    multi_instance: MultiInstance | None = None


class Participant(msgspec.Struct, frozen=True):
    """The collaboration's participant whose process this is; empty texts where the model has none."""

    collaboration_id: str = ""
    id: str = ""
    name: str = ""


class ProcessModel(msgspec.Struct, frozen=True):
    """One executable process of a BPMN document.

    ``elements`` lists the process first, then breadth-first its descendants (contracts/engine.md 2.3).
    ``unreadable_timers`` says, by element, why what the model says about a timer is not in its definition.
    """

    bpmn_process_id: str
    elements: tuple[Element, ...]
    participant: Participant = Participant()
    unreadable_timers: dict[str, str] = {}


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
        #: What has events attached to it, or runs several times: there is more to entering it than its own work.
        self.hosts: set[str] = set()
        #: By activity, in the order of the model.
        self.boundary_events: dict[str, list[Element]] = {}
        #: By the scope they lie in, in the order of the model.
        self.event_sub_processes: dict[str, list[Element]] = {}
        #: The start event of each event sub-process.
        self.event_starts: dict[str, Element] = {}
        #: By scope and name.
        self.link_catches: dict[tuple[str, str], Element] = {}
        #: Inclusive gateways at which tokens wait for others.
        self.inclusive_joins: dict[str, Element] = {}
        #: What ``joining`` has found out: what can still come to a join, by the flows that brought something.
        self.coming: dict[tuple[str, frozenset[str]], int] = {}
        for element in model.elements:
            self._index(element)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """A number for each element, from 0."""
        return {element.bpmn_id: number for number, element in enumerate(self.model.elements)}

    @cached_property
    def sources(self) -> dict[str, list[str]]:
        """Where tokens come from: by flows, from a link event to that of its name, from an activity to its events."""
        sources = {element.bpmn_id: [flow.source for flow in element.incoming] for element in self.model.elements}
        for element in self.model.elements:
            if element.attached_to:
                sources[element.bpmn_id].append(element.attached_to)
            elif element.type is ElementType.LINK_THROW_EVENT:
                sources[self.link_catches[element.parent, element.link].bpmn_id].append(element.bpmn_id)
        return sources

    def _index(self, element: Element) -> None:
        if element.multi_instance is not None:
            self.hosts.add(element.bpmn_id)
        if element.attached_to:
            self.hosts.add(element.attached_to)
            self.boundary_events.setdefault(element.attached_to, []).append(element)
        elif element.type is ElementType.EVENT_SUB_PROCESS:
            self.hosts.add(element.parent)
            self.event_sub_processes.setdefault(element.parent, []).append(element)
        elif element.type is ElementType.LINK_CATCH_EVENT:
            self.link_catches[element.parent, element.link] = element
        elif element.type is ElementType.INCLUSIVE_GATEWAY and len(element.incoming) > 1:
            self.inclusive_joins[element.bpmn_id] = element
        elif element.type in START_EVENTS and self.elements[element.parent].type is ElementType.EVENT_SUB_PROCESS:
            self.event_starts[element.parent] = element
