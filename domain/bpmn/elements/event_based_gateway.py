"""Event-based gateway: the first of the events behind it decides where the token goes (BPMN 2.0, 13.4.4)."""

from domain.bpmn.catching import expect, is_known
from domain.bpmn.events import InstanceState
from domain.bpmn.execution import Behaviour, Token, Turn


def enter(turn: Turn, token: Token) -> None:
    """Arm the events behind the gateway; it has started when all of them are known."""
    events = [turn.graph.elements[flow.target] for flow in token.element.outgoing]
    known = all(is_known(event) for event in events)
    gateway_id = turn.keep(token, InstanceState.STARTED if known else InstanceState.CREATED)
    for event in events:
        expect(turn, turn.attach(event, token.parent_id, gateway_id), event)


BEHAVIOUR = Behaviour(enter)
