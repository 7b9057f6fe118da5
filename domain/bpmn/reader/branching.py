"""Conditions that the engine is to evaluate: on sequence flows, and of the completion of a multi-instance.

Those on flows (BPMN 2.0, 10.5.2 and 10.5.3) are evaluated at exclusive and inclusive gateways and nowhere else. A
gateway with a condition decides by conditions alone, so each of its flows has one, or is the default; a gateway without
any asks a worker.
"""

from collections.abc import Iterator

from domain.bpmn.conditions import check
from domain.bpmn.graph import ElementType
from domain.bpmn.reader.flows import Flow, Flows
from domain.bpmn.reader.nodes import Node, Tree
from domain.rejection import Cause

#: What asks a worker which way to go, unless the engine is to find out.
DECIDING = frozenset({ElementType.EXCLUSIVE_GATEWAY, ElementType.INCLUSIVE_GATEWAY})

#: More would take longer to check than a deployment may take.
MOST_CONDITIONS = 1_000
MOST_CHARACTERS = 200_000


def is_evaluated(node: Node, flows: Flows) -> bool:
    """Tell whether this is a gateway at which the engine evaluates conditions."""
    return node.type in DECIDING and any(flows[flow_id].condition for flow_id in node.outgoing)


def condition_problems(tree: Tree, flows: Flows) -> Iterator[Cause]:
    """Yield what is wrong with the conditions of a process."""
    conditions = [flow.condition for flow in flows.values() if flow.condition]
    conditions += [
        node.multi_instance.until for node in tree.nodes if node.multi_instance and node.multi_instance.until
    ]
    if len(conditions) > MOST_CONDITIONS or sum(map(len, conditions)) > MOST_CHARACTERS:
        excess = f"more than {MOST_CONDITIONS} conditions, or than {MOST_CHARACTERS} characters in them"
        yield Cause(tree.process.pointer, "process", f"process {tree.process.id} has {excess}")
        return
    for node in tree.nodes:
        if node.multi_instance is not None and (problem := _fault(node.multi_instance.until)):
            detail = f"element {node.id} has a completion condition that cannot be evaluated: {problem}"
            yield Cause(node.pointer, "element", detail)
        others_have_one = is_evaluated(node, flows)
        for flow_id in node.outgoing:
            yield from _flow_problems(flows[flow_id], node, others_have_one=others_have_one)


def _flow_problems(flow: Flow, source: Node, *, others_have_one: bool) -> Iterator[Cause]:
    if problem := _fault(flow.condition):
        yield _problem(flow, f"has a condition that cannot be evaluated: {problem}")
    if flow.condition and source.type not in DECIDING:
        yield _problem(flow, f"has a condition, but {source.kind} {source.id} evaluates none")
    if others_have_one and not flow.condition and flow.id != source.default:
        yield _problem(flow, f"has no condition, but others of {source.kind} {source.id} have one")


def _fault(condition: str) -> str | None:
    return check(condition) if condition else None


def _problem(flow: Flow, what: str) -> Cause:
    return Cause(flow.pointer, "sequence_flow", f"sequence flow {flow.id} {what}")
