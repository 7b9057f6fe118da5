"""When an inclusive gateway may join: no token elsewhere can still come to it (BPMN 2.0, 13.4.3).

The standard looks at paths of sequence flows. Links, and the way from an activity to its boundary events, are paths
too: tokens go there. What can still come depends on the model and on the flows that brought a token, so it is found
once for each such case and kept with the graph.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from domain.bpmn.events import InstanceState
from domain.bpmn.execution import Turn
from domain.bpmn.graph import Element, Graph
from domain.bpmn.instance import ElementInstance

#: Cases that a graph remembers: each is a number with a bit for each element.
MOST_CASES = 4_096


def joinable(turn: Turn, gateway: Element) -> Iterator[list[ElementInstance]]:
    """Yield, for each scope in which nothing more can come, the tokens to join: one for each flow that brought any."""
    asking = _asking(turn, gateway)
    scopes: dict[int, list[ElementInstance]] = {}
    for token in turn.instance.elements.values():
        if not token.attached_to:
            scopes.setdefault(token.parent_id, []).append(token)
    for tokens in scopes.values():
        arrived = [t for t in tokens if _waits(t, gateway) and t.id not in asking]
        if arrived and not _can_still_come(turn.graph, gateway, arrived, tokens, asking):
            yield _one_for_each_flow(gateway, arrived)


def _asking(turn: Turn, gateway: Element) -> set[int]:
    """Return the tokens that have joined, and for which a worker is asked, or has failed to say, where they go."""
    asking = {job.element_instance_id for job in turn.instance.jobs.values() if job.element == gateway.bpmn_id}
    return asking.union(stopped.element_instance_id for stopped in turn.instance.incidents.values())


def _waits(token: ElementInstance, gateway: Element) -> bool:
    return token.element == gateway.bpmn_id and token.state is InstanceState.STARTED


def _one_for_each_flow(gateway: Element, arrived: Iterable[ElementInstance]) -> list[ElementInstance]:
    """Return the tokens that join; others that came by the same flow wait for the next time."""
    flows = Counter(flow.source for flow in gateway.incoming)
    chosen = []
    for token in arrived:
        if flows[token.from_element]:
            flows[token.from_element] -= 1
            chosen.append(token)
    return chosen


def _can_still_come(
    graph: Graph, gateway: Element, arrived: list[ElementInstance], tokens: list[ElementInstance], asking: set[int]
) -> bool:
    """Tell whether a token elsewhere in the scope can come by a flow that brought none yet.

    A token that could as well come by a flow that brought one already does not count, as the standard has it. One that
    is asked where it goes from here is on its way already.
    """
    coming = _coming(graph, gateway, frozenset(token.from_element for token in arrived))
    if not coming:
        return False
    for token in tokens:
        if token.id in asking and token.element == gateway.bpmn_id:
            if any(coming >> graph.numbers[flow.target] & 1 for flow in gateway.outgoing):
                return True
        elif token.element != gateway.bpmn_id and coming >> graph.numbers[token.element] & 1:
            return True
    return False


def _coming(graph: Graph, gateway: Element, came: frozenset[str]) -> int:
    """Return a bit for each element from which a token can only come by a flow from elsewhere than ``came``."""
    case = (gateway.bpmn_id, came)
    if case not in graph.coming:
        empty = {flow.source for flow in gateway.incoming} - came
        if len(graph.coming) >= MOST_CASES:
            graph.coming.clear()
        graph.coming[case] = _before(graph, gateway, empty) & ~_before(graph, gateway, came) if empty else 0
    return graph.coming[case]


def _before(graph: Graph, gateway: Element, ends: Iterable[str]) -> int:
    """Return a bit for each element from which one of ``ends`` can be reached without passing the gateway."""
    ahead = [end for end in ends if end != gateway.bpmn_id]
    found = set(ahead)
    while ahead:
        for source in graph.sources[ahead.pop()]:
            if source not in found and source != gateway.bpmn_id:
                found.add(source)
                ahead.append(source)
    return sum(1 << graph.numbers[element] for element in found)
