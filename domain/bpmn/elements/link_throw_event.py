"""Link throw event: the token goes on at the catch event of the same name in the same scope (BPMN 2.0, 10.5.4)."""

from domain.bpmn.execution import Behaviour, Token, Turn


def enter(turn: Turn, token: Token) -> None:
    """Let the token jump."""
    target = turn.graph.link_catches[token.element.parent, token.element.link]
    turn.complete(turn.keep(token), to=(target.bpmn_id,))


BEHAVIOUR = Behaviour(enter)
