"""Which BPMN tags are flow nodes, and the element types that clients know them by (contracts/engine.md 2.3).

Every tag inside a process is either listed here as no part of its flow, or taken for a flow node. A flow node without
a type, or with a type that the engine has no behaviour for, is refused: nothing is run as if it were not there.
"""

import re
from collections.abc import Mapping

from domain.bpmn.graph import ElementType

#: The tag of a sub-process that an event triggers, as if BPMN had one for it; no document can have this tag.
EVENT_SUB_PROCESS = "event subProcess"

#: Element types by tag and, for events, by event definition (its tag without ``EventDefinition``).
TYPES: Mapping[tuple[str, str], ElementType] = {
    ("subProcess", ""): ElementType.SUB_PROCESS,
    (EVENT_SUB_PROCESS, ""): ElementType.EVENT_SUB_PROCESS,
    ("callActivity", ""): ElementType.CALL_ACTIVITY,
    ("task", ""): ElementType.TASK,
    ("manualTask", ""): ElementType.MANUAL_TASK,
    ("userTask", ""): ElementType.USER_TASK,
    ("serviceTask", ""): ElementType.SERVICE_TASK,
    ("scriptTask", ""): ElementType.SCRIPT_TASK,
    ("sendTask", ""): ElementType.SEND_TASK,
    ("receiveTask", ""): ElementType.RECEIVE_TASK,
    ("businessRuleTask", ""): ElementType.BUSINESS_RULE_TASK,
    ("exclusiveGateway", ""): ElementType.EXCLUSIVE_GATEWAY,
    ("inclusiveGateway", ""): ElementType.INCLUSIVE_GATEWAY,
    ("parallelGateway", ""): ElementType.PARALLEL_GATEWAY,
    ("eventBasedGateway", ""): ElementType.EVENT_BASED_GATEWAY,
    ("startEvent", ""): ElementType.NONE_START_EVENT,
    ("startEvent", "message"): ElementType.MESSAGE_START_EVENT,
    ("startEvent", "signal"): ElementType.SIGNAL_START_EVENT,
    ("startEvent", "timer"): ElementType.TIMER_START_EVENT,
    ("startEvent", "error"): ElementType.ERROR_START_EVENT,
    ("startEvent", "escalation"): ElementType.ESCALATION_START_EVENT,
    ("intermediateCatchEvent", "message"): ElementType.MESSAGE_CATCH_EVENT,
    ("intermediateCatchEvent", "signal"): ElementType.SIGNAL_CATCH_EVENT,
    ("intermediateCatchEvent", "timer"): ElementType.TIMER_CATCH_EVENT,
    ("intermediateCatchEvent", "link"): ElementType.LINK_CATCH_EVENT,
    ("intermediateThrowEvent", ""): ElementType.NONE_THROW_EVENT,
    ("intermediateThrowEvent", "message"): ElementType.MESSAGE_THROW_EVENT,
    ("intermediateThrowEvent", "signal"): ElementType.SIGNAL_THROW_EVENT,
    ("intermediateThrowEvent", "escalation"): ElementType.ESCALATION_THROW_EVENT,
    ("intermediateThrowEvent", "link"): ElementType.LINK_THROW_EVENT,
    ("endEvent", ""): ElementType.NONE_END_EVENT,
    ("endEvent", "message"): ElementType.MESSAGE_END_EVENT,
    ("endEvent", "signal"): ElementType.SIGNAL_END_EVENT,
    ("endEvent", "error"): ElementType.ERROR_END_EVENT,
    ("endEvent", "escalation"): ElementType.ESCALATION_END_EVENT,
    ("endEvent", "terminate"): ElementType.TERMINATE_END_EVENT,
    ("boundaryEvent", "error"): ElementType.ERROR_BOUNDARY_EVENT,
    ("boundaryEvent", "escalation"): ElementType.ESCALATION_BOUNDARY_EVENT,
    ("boundaryEvent", "message"): ElementType.MESSAGE_BOUNDARY_EVENT,
    ("boundaryEvent", "signal"): ElementType.SIGNAL_BOUNDARY_EVENT,
    ("boundaryEvent", "timer"): ElementType.TIMER_BOUNDARY_EVENT,
}

#: Flow nodes of BPMN 2.0 that have no type; a process is a type, but no part of another process.
UNTYPED = frozenset({"process", "complexGateway", "transaction", "adHocSubProcess", "implicitThrowEvent"})

FLOW_NODES = UNTYPED | {tag for tag, _ in TYPES}

#: Flow nodes that hold flow nodes.
SCOPES = frozenset({"process", "subProcess", "transaction", "adHocSubProcess"})

EVENT_DEFINITIONS = frozenset(
    {"cancel", "compensate", "conditional", "error", "escalation", "link", "message", "signal", "terminate", "timer"}
)

#: Children of an activity that make it run more than once.
STANDARD_LOOP, MULTI_INSTANCE = "standardLoopCharacteristics", "multiInstanceLoopCharacteristics"

#: What may run several times at once, or one after another.
MULTI_INSTANCE_TYPES = frozenset(
    {
        ElementType.SUB_PROCESS,
        ElementType.CALL_ACTIVITY,
        ElementType.TASK,
        ElementType.MANUAL_TASK,
        ElementType.USER_TASK,
        ElementType.SERVICE_TASK,
        ElementType.SCRIPT_TASK,
        ElementType.SEND_TASK,
        ElementType.RECEIVE_TASK,
        ElementType.BUSINESS_RULE_TASK,
    }
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
