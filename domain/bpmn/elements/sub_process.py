"""Embedded sub-process: a scope with tokens of its own inside its parent (BPMN 2.0, 13.3.4)."""

from domain.bpmn.execution import Behaviour, Token, Turn
from domain.bpmn.graph import Element


def enter(turn: Turn, token: Token) -> None:
    """Open the scope and send a token to its none start event."""
    turn.arrive(turn.graph.none_starts[token.element.bpmn_id], turn.keep(token))


def complete_scope(turn: Turn, scope_id: int, _element: Element) -> None:
    """Go on when the last token inside has ended."""
    turn.complete(scope_id)


BEHAVIOUR = Behaviour(enter, complete_scope=complete_scope)
