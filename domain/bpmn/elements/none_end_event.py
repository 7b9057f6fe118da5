"""None end event: consumes its token; the scope completes when its last token is gone (BPMN 2.0, 10.5.3)."""

from domain.bpmn.execution import Behaviour, Token, Turn


def enter(turn: Turn, token: Token) -> None:
    """Consume the token: an end event has no outgoing flow."""
    turn.pass_through(token)


BEHAVIOUR = Behaviour(enter)
