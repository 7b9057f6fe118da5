"""Which BPMN tags are flow nodes, and the element types that clients know them by (contracts/engine.md 2.3).

Every tag inside a process is either listed here as no part of its flow, or taken for a flow node. A flow node without
a type, or with a type that the engine has no behaviour for, is refused: nothing is run as if it were not there.
"""

import re
from collections.abc import Mapping

from domain.bpmn.graph import ElementType

#: The tag of a sub-process that an event triggers, as if BPMN had one for it; no document can have this tag.
EVENT_SUB_PROCESS = "event subProcess"

#: How the last words of an event's type are said in the document.
_EVENT_TAGS: Mapping[str, str] = {
    "START_EVENT": "startEvent",
    "CATCH_EVENT": "intermediateCatchEvent",
    "THROW_EVENT": "intermediateThrowEvent",
    "END_EVENT": "endEvent",
    "BOUNDARY_EVENT": "boundaryEvent",
}


def _in_document(element_type: ElementType) -> tuple[str, str]:
    """Return the tag and, for events, the event definition (its tag without ``EventDefinition``) of a type.

    Types are named for their tags, and events for their definitions: ``SERVICE_TASK``, ``MESSAGE_BOUNDARY_EVENT``.
    """
    first, _, rest = element_type.partition("_")
    if element_type is ElementType.EVENT_SUB_PROCESS:
        return EVENT_SUB_PROCESS, ""
    if rest in _EVENT_TAGS:
        return _EVENT_TAGS[rest], "" if first == "NONE" else first.lower()
    return first.lower() + rest.title().replace("_", ""), ""


#: Element types by tag and event definition.
TYPES: Mapping[tuple[str, str], ElementType] = {
    _in_document(element_type): element_type for element_type in ElementType if element_type is not ElementType.PROCESS
}

#: Flow nodes of BPMN 2.0, whether they have a type or not; a process is a type, but no part of another process.
FLOW_NODES = frozenset({"process", "complexGateway", "transaction", "adHocSubProcess", "implicitThrowEvent"}).union(
    tag for tag, _ in TYPES
)

#: Flow nodes that hold flow nodes; all but the process are sub-processes of some kind.
SUB_PROCESSES = frozenset({"subProcess", "transaction", "adHocSubProcess"})
SCOPES = SUB_PROCESSES | {"process"}

#: How the tags of activities end.
ACTIVITIES = ("Task", "task", "callActivity", *SUB_PROCESSES)

EVENT_DEFINITIONS = frozenset(
    {"cancel", "compensate", "conditional", "error", "escalation", "link", "message", "signal", "terminate", "timer"}
)

#: Children of an activity that make it run more than once.
STANDARD_LOOP, MULTI_INSTANCE = "standardLoopCharacteristics", "multiInstanceLoopCharacteristics"

#: What may run several times at once, or one after another.
MULTI_INSTANCE_TYPES = frozenset(
    element_type for (tag, _), element_type in TYPES.items() if tag.endswith(ACTIVITIES) and tag != EVENT_SUB_PROCESS
)

#: Attributes that change what an element does, unless they have one of these values.
PLAIN_VALUES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "isForCompensation": (("", "false", "0"), "compensation activity"),
    "startQuantity": (("", "1"), "start quantity"),
    "completionQuantity": (("", "1"), "completion quantity"),
    "instantiate": (("", "false", "0"), "instantiating element"),
    "eventGatewayType": (("", "Exclusive"), "gateway of parallel events"),
}

#: Children of a process or sub-process that are not part of its flow (BPMN 2.0, tables 8.20, 10.1 and 10.20).
NOT_IN_THE_FLOW = frozenset(
    {
        "artifact",
        "association",
        "auditing",
        "categoryValueRef",
        "completionCondition",
        "correlationSubscription",
        "dataInputAssociation",
        "dataObject",
        "dataObjectReference",
        "dataOutputAssociation",
        "dataStoreReference",
        "documentation",
        "extensionElements",
        "group",
        "humanPerformer",
        "incoming",
        "ioBinding",
        "ioSpecification",
        "laneSet",
        "monitoring",
        "outgoing",
        "performer",
        "potentialOwner",
        "property",
        "resourceRole",
        "supportedInterfaceRef",
        "supports",
        "textAnnotation",
        STANDARD_LOOP,
        MULTI_INSTANCE,
    }
)

_WORDS: Mapping[str, str] = {
    "adHocSubProcess": "ad-hoc sub-process",
    "compensate": "compensation",
    EVENT_SUB_PROCESS: "event sub-process",
    "eventBasedGateway": "event-based gateway",
    "intermediateCatchEvent": "catch event",
    "intermediateThrowEvent": "throw event",
    "subProcess": "sub-process",
}
_WORD_BOUNDARY = re.compile(r"(?<=[a-z])(?=[A-Z])")


def words(tag: str) -> str:
    """Spell out a tag or an event definition: ``userTask`` is a ``user task``."""
    return _WORDS.get(tag) or _WORD_BOUNDARY.sub(" ", tag).lower()


def kind(tag: str, definition: str) -> str:
    """Say what a flow node is: a ``user task``, a ``message start event``, a ``none end event``."""
    if tag.endswith("Event"):
        return f"{words(definition or 'none')} {words(tag)}"
    return words(tag)


def event_definition(tag: str) -> str:
    """Return the kind of event that a child of an event defines; empty for any other child."""
    if tag in ("eventDefinition", "eventDefinitionRef"):
        return "referenced"
    kind = tag.removesuffix("EventDefinition")
    return kind if kind != tag else ""
