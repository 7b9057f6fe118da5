"""Loops that nothing would ever stop: cycles of sequence flows and links in which no element waits.

A token in such a loop would go round until the engine's step budget ends the turn, so the model is refused instead. A
joining parallel gateway waits for its other tokens, unless all of them come from the same loop; a joining inclusive
gateway does unless none of them comes from what the loop itself set going. A sub-process waits when something inside
it, reached from its start without waiting, does. A gateway at which the engine evaluates conditions does not wait.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from domain.bpmn.graph import ElementType
from domain.bpmn.reader.branching import DECIDING, is_evaluated
from domain.bpmn.reader.document import referred
from domain.bpmn.reader.flows import Flows, successors
from domain.bpmn.reader.links import Links, link_targets
from domain.bpmn.reader.nodes import Node, Tree
from domain.bpmn.reader.vocabulary import SUB_PROCESSES
from domain.rejection import Cause

#: Elements that let every token pass at once. What is not here or in ``_passes`` waits for someone.
_PASSING = frozenset(
    {
        ElementType.TASK,
        ElementType.MANUAL_TASK,
        ElementType.NONE_START_EVENT,
        ElementType.NONE_THROW_EVENT,
        ElementType.NONE_END_EVENT,
        ElementType.LINK_THROW_EVENT,
        ElementType.LINK_CATCH_EVENT,
        ElementType.TERMINATE_END_EVENT,
        ElementType.PARALLEL_GATEWAY,
    }
)

_JOINING = frozenset({ElementType.PARALLEL_GATEWAY, ElementType.INCLUSIVE_GATEWAY})

_MOST_NAMED = 10

Edges = Mapping[Node, Sequence[Node]]


def loop_problems(tree: Tree, flows: Flows, links: Links) -> Iterator[Cause]:
    """Yield each loop in which nothing waits, at its first element in document order."""
    after = {node: [*successors(node, flows), *link_targets(node, links)] for node in tree.nodes}
    passing = _passing_nodes(tree, flows, after)
    order = {node: position for position, node in enumerate(tree.nodes)}
    for loop in _endless_loops(passing, after, _set_going(tree, after)):
        named = sorted(loop, key=order.__getitem__)
        rest = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
        ids = ", ".join(node.id for node in named[:_MOST_NAMED]) + rest
        yield Cause(named[0].pointer, "element", f"elements [{ids}] form a loop in which no element waits")


def _set_going(tree: Tree, after: Edges) -> dict[Node, int]:
    """Return a number for each widest cycle, boundary events included: what a loop sets going and may come back."""
    ids = {node.id for node in tree.nodes}
    attached: dict[str, list[Node]] = {}
    for node in tree.nodes:
        if node.tag == "boundaryEvent":
            attached.setdefault(referred(node.attached_to, ids), []).append(node)
    wide = {node: [*targets, *attached.get(node.id, ())] for node, targets in after.items()}
    return {node: number for number, cycle in enumerate(_cycles(set(wide), wide)) for node in cycle}


def _endless_loops(passing: set[Node], after: Edges, set_going: Mapping[Node, int]) -> list[list[Node]]:
    without_joins = _cycles({node for node in passing if not _joins(node)}, after)
    found = {node for loop in without_joins for node in loop}
    before = _reversed(after)
    with_joins = [
        loop
        for loop in _cycles(passing, after)
        if found.isdisjoint(loop) and _feeds_its_joins(set(loop), before, set_going)
    ]
    return without_joins + with_joins


def _feeds_its_joins(loop: set[Node], before: Edges, set_going: Mapping[Node, int]) -> bool:
    """Tell whether no join in a loop waits for others; an inclusive one waits only for what has its number."""
    for join in filter(_joins, loop):
        others = [node for node in before[join] if node not in loop]
        if join.type is ElementType.INCLUSIVE_GATEWAY:
            others = [node for node in others if set_going.get(node) == set_going.get(join)]
        if others:
            return False
    return True


def _passing_nodes(tree: Tree, flows: Flows, after: Edges) -> set[Node]:
    passing: set[Node] = set()
    for node in reversed(tree.nodes):  # children before the scope they are in
        runs_through = node.tag in SUB_PROCESSES and _runs_through(node, passing, after)
        if (runs_through or _passes(node, flows)) and not _asks_how_often(node):
            passing.add(node)
    return passing


def _passes(node: Node, flows: Flows) -> bool:
    if node.multi_instance is not None and node.multi_instance.cardinality == 0:
        return True
    if node.type in DECIDING:
        return len(node.outgoing) <= 1 or is_evaluated(node, flows)
    return node.type in _PASSING


def _asks_how_often(node: Node) -> bool:
    return node.multi_instance is not None and node.multi_instance.cardinality is None


def _joins(node: Node) -> bool:
    return node.type in _JOINING and len(node.incoming) > 1


def _runs_through(scope: Node, passing: set[Node], after: Edges) -> bool:
    """Tell whether tokens inside get from the start to their ends without meeting anything that waits."""
    met = [child for child in scope.children if child.type is ElementType.NONE_START_EVENT]
    seen = set(met)
    for node in met:  # grows while it is walked
        if node not in passing:
            return False
        met.extend(target for target in dict.fromkeys(after[node]) if target not in seen)
        seen.update(after[node])
    return True


def _cycles(nodes: set[Node], after: Edges) -> list[list[Node]]:
    """Return the strongly connected components that have a flow inside (Kosaraju's algorithm, without recursion)."""
    within = {node: [target for target in after[node] if target in nodes] for node in after if node in nodes}
    before = _reversed(within)
    found = []
    seen: set[Node] = set()
    for node in reversed(_finished(within, within, set())):
        component = _finished([node], before, seen)
        if len(component) > 1 or any(member in within[member] for member in component):
            found.append(component)
    return found


def _finished(starts: Iterable[Node], edges: Edges, seen: set[Node]) -> list[Node]:
    """Walk depth-first from each start not seen yet; return the nodes in the order in which the walk leaves them."""
    left = []
    for start in starts:
        path = [] if start in seen else [(start, iter(edges[start]))]
        seen.add(start)
        while path:
            node, ahead = path[-1]
            target = next((target for target in ahead if target not in seen), None)
            if target is None:
                left.append(node)
                path.pop()
            else:
                seen.add(target)
                path.append((target, iter(edges[target])))
    return left


def _reversed(edges: Edges) -> dict[Node, list[Node]]:
    before: dict[Node, list[Node]] = {node: [] for node in edges}
    for node, targets in edges.items():
        for target in targets:
            before[target].append(node)
    return before
