"""Terminate end event: everything else in its scope ends with it (BPMN 2.0, 13.5.6)."""

from domain.bpmn.execution import Behaviour, Token, Turn


def enter(turn: Turn, token: Token) -> None:
    """End all that lives in the scope, then the token."""
    own_id = turn.keep(token)
    turn.terminate_inside(token.parent_id, but=own_id)
    turn.end(own_id)


BEHAVIOUR = Behaviour(enter)
