"""Event sub-process: a scope that begins when its start event happens to the scope around it (BPMN 2.0, 13.5.4).

It is armed with the scope around it. An interrupting one ends everything else in that scope; one that does not
interrupt is armed anew each time. Those inside it are armed when it begins, which does not wait for what must be asked.
"""

from domain.bpmn.activity import arm
from domain.bpmn.catching import happens_again, wait_again
from domain.bpmn.events import ElementStarted
from domain.bpmn.execution import Behaviour, ExecutionError, Token, Turn
from domain.bpmn.graph import Element
from domain.bpmn.instance import ElementInstance


def enter(_turn: Turn, token: Token) -> None:
    """Refuse a token: there is no flow into an event sub-process."""
    raise ExecutionError(f"event sub-process {token.element.bpmn_id} cannot be entered by a sequence flow")


def happen(turn: Turn, waiting: ElementInstance, element: Element) -> None:
    """Open the scope at its start event, inside the scope that it happens to."""
    start = turn.graph.event_starts[element.bpmn_id]
    around = turn.instance.elements[waiting.parent_id]
    if start.interrupting:
        turn.terminate_inside(around.id, but=waiting.id, beside=False)
        if not around.begun:  # something else was still asked for, or the instance is halted: neither matters any more
            turn.record(ElementStarted(around.id, turn.graph.process_id, around.element))
    elif happens_again(turn, waiting):
        wait_again(turn, turn.attach(element, around.id, around.id), start, waiting)
    turn.record(ElementStarted(waiting.id, turn.graph.process_id, waiting.element))
    arm(turn, waiting.id, turn.graph.event_sub_processes.get(element.bpmn_id, ()))
    turn.arrive(start, waiting.id)


def complete_scope(turn: Turn, scope_id: int, _element: Element) -> None:
    """End with the last token inside: there is no flow out of an event sub-process."""
    turn.end(scope_id)


BEHAVIOUR = Behaviour(enter, complete_scope=complete_scope, trigger=happen)
