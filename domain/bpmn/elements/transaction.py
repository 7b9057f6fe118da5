"""Transaction: a sub-process whose work succeeds as a whole or is given up (BPMN 2.0, 10.3.5; 13.3.4).

It succeeds with its last token. An error that it does not handle itself is its hazard: a boundary event catches it, and
nothing is undone. Giving it up by a cancel event, which calls for compensation, is not implemented: such a model is
refused.
"""

from domain.bpmn.activity import activity
from domain.bpmn.execution import Turn
from domain.bpmn.graph import Element


def begin(turn: Turn, scope_id: int, element: Element) -> None:
    """Send a token to the none start event."""
    turn.arrive(turn.graph.none_starts[element.bpmn_id], scope_id)


def complete_scope(turn: Turn, scope_id: int, _element: Element) -> None:
    """Go on when the last token inside has ended."""
    turn.complete(scope_id)


BEHAVIOUR = activity(begin, complete_scope=complete_scope)
