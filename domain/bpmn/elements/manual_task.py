"""Manual task: done without the help of any engine (BPMN 2.0, 10.3.3), so the token goes on at once."""

from domain.bpmn.execution import Behaviour, Token, Turn


def enter(turn: Turn, token: Token) -> None:
    """Let the token pass."""
    turn.pass_through(token)


BEHAVIOUR = Behaviour(enter)
