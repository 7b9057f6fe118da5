"""Activities that are scopes: what a sub-process and a transaction have in common (BPMN 2.0, 13.3.4)."""

from domain.bpmn.activity import activity
from domain.bpmn.execution import Turn
from domain.bpmn.graph import Element


def _begin(turn: Turn, scope_id: int, element: Element) -> None:
    """Send a token to the none start event."""
    turn.arrive(turn.graph.none_starts[element.bpmn_id], scope_id)


def _complete_scope(turn: Turn, scope_id: int, _element: Element) -> None:
    """Go on when the last token inside has ended."""
    turn.complete(scope_id)


#: A scope with tokens of its own inside its parent.
SCOPE = activity(_begin, complete_scope=_complete_scope)
