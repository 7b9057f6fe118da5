"""What makes a process impossible to run, element by element (contracts/engine.md 2.3, and decision 9)."""

from collections.abc import Callable, Container, Iterator, Mapping

import msgspec

from domain.bpmn.graph import START_EVENTS, ElementType
from domain.bpmn.reader.branching import condition_problems
from domain.bpmn.reader.document import referred
from domain.bpmn.reader.flows import Flows, flow_problems, nameless_flow_problems, successors
from domain.bpmn.reader.links import Links, link_catch_events, link_problems
from domain.bpmn.reader.loops import loop_problems
from domain.bpmn.reader.nodes import Node, Tree
from domain.bpmn.reader.vocabulary import ACTIVITIES, EVENT_SUB_PROCESS, SUB_PROCESSES
from domain.rejection import Cause

_AFTER_EVENT_BASED_GATEWAY = frozenset(
    {ElementType.MESSAGE_CATCH_EVENT, ElementType.SIGNAL_CATCH_EVENT, ElementType.TIMER_CATCH_EVENT}
)


#: Start events that nothing but an event sub-process has.
_ONLY_IN_EVENT_SUB_PROCESSES = frozenset({ElementType.ERROR_START_EVENT, ElementType.ESCALATION_START_EVENT})


class Checked(msgspec.Struct, frozen=True):
    """A process with its flows, as the checks look at it."""

    tree: Tree
    flows: Flows
    nodes: Mapping[str, Node]
    links: Links
    runnable: Container[ElementType]


Check = Callable[[Node, Checked], Iterator[str]]


def incomplete_events(tree: Tree) -> Iterator[Cause]:
    """Yield the events that lack the definition which would make them one of the events of BPMN."""
    for node in tree.nodes:
        if node.lacks_event_definition:
            tag = "boundary event" if node.tag == "boundaryEvent" else "intermediate catch event"
            yield _problem(node, f"{tag} {node.id} has no event definition")


def problems(tree: Tree, flows: Flows, runnable: Container[ElementType]) -> Iterator[Cause]:
    """Yield everything else that is wrong: the process first, then element by element, each with its flows."""
    nodes = {node.id: node for node in reversed(tree.nodes)}
    checked = Checked(tree, flows, nodes, link_catch_events(tree), runnable)
    if not tree.executable:
        yield _process_problem(tree, "is not executable")
    reported: set[str] = set()
    for node in tree.nodes:
        yield from _element_problems(node, checked)
        for flow_id in (*node.incoming, *node.outgoing):
            if flow_id not in reported:
                yield from flow_problems(flows[flow_id])
            reported.add(flow_id)
    for flow_id, flow in flows.items():
        if flow_id not in reported:
            yield from flow_problems(flow)
    yield from nameless_flow_problems(tree)
    yield from condition_problems(tree, flows)
    yield from loop_problems(tree, flows, checked.links)
    if len(_none_start_events(tree.process)) > 1:
        yield _process_problem(tree, "has multiple none start events")


def _element_problems(node: Node, checked: Checked) -> Iterator[Cause]:
    if not node.id:
        yield _problem(node, f"element of type {node.type or node.tag} has no ID")
    elif checked.nodes[node.id] is not node:
        yield _problem(node, f"element id {node.id} is not unique")
    for reason in _unsupported(node, checked):
        yield _problem(node, f"element {node.id} is not supported: {reason}")
    for check in CHECKS.get(node.tag, ()):
        for detail in check(node, checked):
            yield _problem(node, detail)


def _unsupported(node: Node, checked: Checked) -> Iterator[str]:
    said_of_its_flows = node.is_foreign and (node.incoming or node.outgoing)
    if node.type not in checked.runnable and not node.lacks_event_definition and not said_of_its_flows:
        yield node.kind
    yield from node.markers


def _default_flow(gateway: Node, _checked: Checked) -> Iterator[str]:
    if gateway.default and gateway.default not in gateway.outgoing:
        yield f"{gateway.kind} {gateway.id} has no default sequence flow {gateway.default}"


def _event_based_gateway(gateway: Node, checked: Checked) -> Iterator[str]:
    if len(gateway.outgoing) < 2:
        yield f"event-based gateway {gateway.id} must have at least 2 outgoing sequence flows"
    for target in successors(gateway, checked.flows):
        if target.type not in _AFTER_EVENT_BASED_GATEWAY:
            yield f"event-based gateway {gateway.id} cannot be followed by {target.type or target.kind}"


def _sub_process(scope: Node, _checked: Checked) -> Iterator[str]:
    if scope.type is not None and len(_none_start_events(scope)) != 1:
        yield f"sub-process {scope.id} has no or multiple none start events"


def _event_sub_process(scope: Node, _checked: Checked) -> Iterator[str]:
    if len([child for child in scope.children if child.tag == "startEvent"]) != 1:
        yield f"event sub-process {scope.id} has no or multiple start events"
    if scope.incoming:
        yield f"event sub-process {scope.id} has incoming sequence flows"
    if scope.outgoing:
        yield f"event sub-process {scope.id} has outgoing sequence flows"


def _start_event(event: Node, _checked: Checked) -> Iterator[str]:
    if event.incoming:
        yield f"start event {event.id} has incoming sequence flows"
    scope = event.parent
    assert scope is not None  # noqa: S101  (only the process itself lies in none)
    what = f"{scope.kind} {scope.id} cannot be started by {event.type or event.kind}"
    if scope.tag in SUB_PROCESSES and event.type is not ElementType.NONE_START_EVENT:
        yield f"{what}: not a none start event"
    elif scope.tag == EVENT_SUB_PROCESS and event.type not in START_EVENTS:
        yield f"{what}: not an error, escalation, message, signal or timer start event"
    elif scope.tag == "process" and event.type in _ONLY_IN_EVENT_SUB_PROCESSES:
        yield f"{what}: not in an event sub-process"


def _end_event(event: Node, _checked: Checked) -> Iterator[str]:
    if event.outgoing:
        yield f"end event {event.id} has outgoing sequence flows"


def _boundary_event(event: Node, checked: Checked) -> Iterator[str]:
    activity = checked.nodes.get(referred(event.attached_to, checked.nodes))
    if activity is None or activity.parent is not event.parent or not _is_activity(activity):
        yield f"boundary event {event.id} is not attached"
    if event.incoming:
        yield f"boundary event {event.id} has incoming sequence flows"


def _link_event(event: Node, checked: Checked) -> Iterator[str]:
    return link_problems(event, checked.links)


#: What is checked of an element beyond what holds for all of them, by its tag.
CHECKS: Mapping[str, tuple[Check, ...]] = {
    "exclusiveGateway": (_default_flow,),
    "inclusiveGateway": (_default_flow,),
    "eventBasedGateway": (_event_based_gateway,),
    **dict.fromkeys(SUB_PROCESSES, (_sub_process,)),
    EVENT_SUB_PROCESS: (_event_sub_process,),
    "startEvent": (_start_event,),
    "endEvent": (_end_event,),
    "boundaryEvent": (_boundary_event,),
    "intermediateCatchEvent": (_link_event,),
    "intermediateThrowEvent": (_link_event,),
}


def _is_activity(node: Node) -> bool:
    return node.tag.endswith(ACTIVITIES) and node.tag != EVENT_SUB_PROCESS


def _none_start_events(scope: Node) -> list[Node]:
    return [child for child in scope.children if child.type is ElementType.NONE_START_EVENT]


def _problem(node: Node, detail: str) -> Cause:
    return Cause(node.pointer, "element", detail)


def _process_problem(tree: Tree, what: str) -> Cause:
    return Cause(tree.process.pointer, "process", f"process {tree.process.id} {what}")
