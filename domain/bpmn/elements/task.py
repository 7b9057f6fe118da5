"""Abstract task: stands for work that nobody told us how to do (BPMN 2.0, 10.3.3); the token goes on at once."""

from domain.bpmn.execution import Behaviour, Token, Turn


def enter(turn: Turn, token: Token) -> None:
    """Let the token pass."""
    turn.pass_through(token)


BEHAVIOUR = Behaviour(enter)
