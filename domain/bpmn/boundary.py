"""Boundary events: something happens to an activity while it lasts (BPMN 2.0, 13.5.3; contracts/engine.md 2.12)."""

from domain.bpmn.catching import happens_again, run_timer, take_definition, wait_again
from domain.bpmn.execution import Behaviour, ExecutionError, Token, Turn
from domain.bpmn.graph import Element
from domain.bpmn.instance import ElementInstance


def _enter(_turn: Turn, token: Token) -> None:
    raise ExecutionError(f"boundary event {token.element.bpmn_id} cannot be entered by a sequence flow")


def _happen(turn: Turn, waiting: ElementInstance, element: Element) -> None:
    """End the activity, or arm the event anew beside it; then go on from the event."""
    if element.interrupting:
        turn.terminate(waiting.attached_to, but=waiting.id)
    elif happens_again(turn, waiting):
        wait_again(turn, turn.attach(element, waiting.parent_id, waiting.attached_to), element, waiting)
    turn.complete(waiting.id)


BOUNDARY = Behaviour(_enter, take_definition, run_timer, trigger=_happen)
