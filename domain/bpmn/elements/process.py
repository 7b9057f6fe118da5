"""Process: the outermost scope; the instance completes when its last token has ended (BPMN 2.0, 13.3.2)."""

from domain.bpmn.activity import arm, first_state
from domain.bpmn.events import ElementCompleted, InstanceState, ProcessInstanceCompleted
from domain.bpmn.execution import HALTED, Behaviour, Token, Turn
from domain.bpmn.graph import Element


def enter(turn: Turn, token: Token) -> None:
    """Open the scope; an instance that is halted from its first moment does so later."""
    if not token.id and turn.instance.state in HALTED:
        begin(turn, turn.keep(token, turn.instance.state), token.element)
        return
    events = turn.graph.event_sub_processes.get(token.element.bpmn_id, ())
    scope_id = turn.keep(token, first_state(turn, events))
    arm(turn, scope_id, events)
    if turn.instance.elements[scope_id].state is InstanceState.STARTED:
        begin(turn, scope_id, token.element)


def begin(turn: Turn, scope_id: int, element: Element) -> None:
    """Send a token to the start event that began the instance, unless one waits there already."""
    started = [
        e for e in turn.instance.elements.values() if e.parent_id == scope_id and not e.begun and not e.attached_to
    ]
    if started:
        turn.go_on(started[0].id)
        return
    start = turn.instance.start_event
    turn.arrive(turn.graph.elements[start] if start else turn.graph.none_starts[element.bpmn_id], scope_id)


def complete_scope(turn: Turn, scope_id: int, _element: Element) -> None:
    """End the instance with its last token."""
    for event in turn.instance.attached_to(scope_id):
        turn.terminate(event.id)
    turn.record(ElementCompleted(scope_id))
    turn.record(ProcessInstanceCompleted())
    turn.around.ended(turn)


BEHAVIOUR = Behaviour(enter, complete_scope=complete_scope, begin=begin)
