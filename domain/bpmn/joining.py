"""When an inclusive gateway may join: no token elsewhere can still come to it (BPMN 2.0, 13.4.3)."""

from collections.abc import Mapping

from domain.bpmn.events import InstanceState
from domain.bpmn.execution import Turn
from domain.bpmn.graph import Element, Graph
from domain.bpmn.instance import ElementInstance


def arrived(turn: Turn, gateway: Element) -> list[list[ElementInstance]]:
    """Return the tokens that wait to be joined, for each scope in order of their ids."""
    asking = {job.element_instance_id for job in turn.instance.jobs.values() if job.element == gateway.bpmn_id}
    asking.update(stopped.element_instance_id for stopped in turn.instance.incidents.values())
    scopes: dict[int, list[ElementInstance]] = {}
    for token in turn.instance.elements.values():
        if token.element == gateway.bpmn_id and token.state is InstanceState.STARTED and token.id not in asking:
            scopes.setdefault(token.parent_id, []).append(token)
    return list(scopes.values())


def can_still_come(turn: Turn, gateway: Element, tokens: list[ElementInstance]) -> bool:
    """Tell whether a token elsewhere in the scope of these can reach a flow by which none of them came.

    A token that could as well come by a flow that brought one already does not count, as the standard has it.
    """
    came = {token.from_element for token in tokens}
    empty = {flow.source for flow in gateway.incoming} - came
    if not empty:
        return False
    to_empty = _sources(turn.graph, gateway, empty)
    to_full = _sources(turn.graph, gateway, came)
    scope_id = tokens[0].parent_id
    return any(
        other.element in to_empty and other.element not in to_full
        for other in turn.instance.elements.values()
        if other.parent_id == scope_id and other.element != gateway.bpmn_id
    )


def _sources(graph: Graph, gateway: Element, ends: set[str]) -> set[str]:
    """Return the elements from which one of ``ends`` can be reached without passing the gateway."""
    before = _predecessors(graph)
    found = set(ends)
    ahead = list(ends)
    while ahead:
        for source in before.get(ahead.pop(), ()):
            if source not in found and source != gateway.bpmn_id:
                found.add(source)
                ahead.append(source)
    return found


def _predecessors(graph: Graph) -> Mapping[str, list[str]]:
    """Return where tokens can come from: flows, links, and boundary events from their activity."""
    before: dict[str, list[str]] = {}
    for element in graph.model.elements:
        before[element.bpmn_id] = [flow.source for flow in element.incoming]
        if element.attached_to:
            before[element.bpmn_id].append(element.attached_to)
    for element in graph.model.elements:
        if element.link and (element.parent, element.link) in graph.link_catches:
            catch = graph.link_catches[element.parent, element.link]
            if catch is not element:
                before[catch.bpmn_id].append(element.bpmn_id)
    return before
