"""Sequence flows, put together from all sides that name them (contracts/engine.md, decision 1).

A flow is named by its own element (``sourceRef``, ``targetRef``), by the ``outgoing`` of its source and by the
``incoming`` of its target; whichever is there is enough. A reference to nothing says nothing, and sides that name
different nodes make it a broken flow. The order of a node's ``outgoing`` children is the order of the tokens it sends;
flows that only their own element names come after them, in document order. A condition is kept only where the engine is
to evaluate it.
"""

from collections.abc import Iterator, Mapping

import msgspec

from domain.bpmn.graph import SequenceFlow
from domain.bpmn.reader.document import referred
from domain.bpmn.reader.nodes import FlowTag, Node, Tree
from domain.rejection import Cause


class Flow(msgspec.Struct, eq=False):
    """A sequence flow with every source and target that some side names; a sound one has one of each."""

    id: str
    sources: dict[Node, None] = {}
    targets: dict[Node, None] = {}
    scopes: list[Node] = []
    condition: str = ""

    @property
    def source(self) -> Node:
        return next(iter(self.sources))

    @property
    def target(self) -> Node:
        return next(iter(self.targets))

    @property
    def pointer(self) -> str:
        """Where the flow is: ``/scope.../flowId``, in the scope of an end of it, else where its element stands."""
        end = next(iter([*self.sources, *self.targets]), None)
        scope = end.parent or end if end is not None else self.scopes[0]
        return f"{scope.pointer}/{self.id}"


Flows = Mapping[str, Flow]


def connect(tree: Tree) -> Flows:
    """Return all flows of a process by their ids, and complete ``incoming`` and ``outgoing`` of its nodes."""
    flows = {tag.id: Flow(tag.id) for tag in tree.flow_tags if tag.id}
    nodes = {node.id: node for node in reversed(tree.nodes)}
    for node in tree.nodes:
        node.outgoing = {referred(flow_id, flows): None for flow_id in node.outgoing}
        node.incoming = {referred(flow_id, flows): None for flow_id in node.incoming}
        for flow_id in node.outgoing:
            flows.setdefault(flow_id, Flow(flow_id)).sources[node] = None
        for flow_id in node.incoming:
            flows.setdefault(flow_id, Flow(flow_id)).targets[node] = None
    for tag in tree.flow_tags:
        if tag.id:
            _add_tag(flows[tag.id], tag, nodes)
    return flows


def _add_tag(flow: Flow, tag: FlowTag, nodes: Mapping[str, Node]) -> None:
    flow.scopes.append(tag.scope)
    flow.condition = tag.condition
    source = nodes.get(referred(tag.source, nodes))
    if source is not None:
        flow.sources[source] = None
        source.outgoing[flow.id] = None
    target = nodes.get(referred(tag.target, nodes))
    if target is not None:
        flow.targets[target] = None
        target.incoming[flow.id] = None


def successors(node: Node, flows: Flows) -> list[Node]:
    """Return the nodes that tokens go to from here, in the order in which they go; one for each flow."""
    return [flow.target for flow_id in node.outgoing if (flow := flows[flow_id]).targets]


def sequence_flow(flow: Flow) -> SequenceFlow:
    """Return the flow as the engine walks it; it must be sound."""
    return SequenceFlow(flow.id, flow.source.id, flow.target.id, flow.condition)


def flow_problems(flow: Flow) -> Iterator[Cause]:
    """Yield why a flow cannot be followed (contracts/engine.md 2.3)."""
    yield from _end_problems(flow, flow.sources, "source")
    yield from _end_problems(flow, flow.targets, "target")
    if len({node.parent for node in (*flow.sources, *flow.targets)}) > 1:
        yield _problem(flow, "leaves its scope")
    if len(flow.scopes) > 1:
        yield _problem(flow, "is not unique")


def _end_problems(flow: Flow, ends: Mapping[Node, None], side: str) -> Iterator[Cause]:
    """Yield why a flow has no end, or too many; an element that is none of BPMN's is no end either."""
    for node in ends:
        if node.is_foreign:
            yield _problem(flow, f"has no {side} element: {node.kind} {node.id} is not supported")
    if not ends:
        yield _problem(flow, f"has no {side} element")
    elif len(ends) > 1:
        yield _problem(flow, f"has several {side} elements [{_ids(ends)}]")


def nameless_flow_problems(tree: Tree) -> Iterator[Cause]:
    """Yield the flows that have an element but no id."""
    for tag in tree.flow_tags:
        if not tag.id:
            detail = f"sequence flow from {tag.source} to {tag.target} has no ID"
            yield Cause(f"{tag.scope.pointer}/", "sequence_flow", detail)


def _problem(flow: Flow, what: str) -> Cause:
    return Cause(flow.pointer, "sequence_flow", f"sequence flow {flow.id} {what}")


def _ids(nodes: Mapping[Node, None]) -> str:
    return ", ".join(node.id for node in nodes)
