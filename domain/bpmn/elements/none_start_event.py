"""None start event: where a process or a sub-process begins (BPMN 2.0, 10.5.2)."""

from domain.bpmn.execution import Behaviour, Token, Turn


def enter(turn: Turn, token: Token) -> None:
    """Let the token out at once: nothing triggers a none start event but the start of its scope."""
    turn.pass_through(token)


BEHAVIOUR = Behaviour(enter)
