"""Process: the outermost scope; the instance completes when its last token has ended (BPMN 2.0, 13.3.2)."""

from domain.bpmn.events import ElementCompleted, ProcessInstanceCompleted
from domain.bpmn.execution import Behaviour, Token, Turn
from domain.bpmn.graph import Element


def enter(turn: Turn, token: Token) -> None:
    """Open the scope and send a token to the none start event."""
    turn.arrive(turn.graph.none_starts[token.element.bpmn_id], turn.keep(token))


def complete_scope(turn: Turn, scope_id: int, _element: Element) -> None:
    """End the instance with its last token."""
    turn.record(ElementCompleted(scope_id))
    turn.record(ProcessInstanceCompleted())


BEHAVIOUR = Behaviour(enter, complete_scope=complete_scope)
