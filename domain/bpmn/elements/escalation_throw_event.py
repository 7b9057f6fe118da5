"""Escalation throw event: tells the scopes around it, and goes on (BPMN 2.0, 10.5.4)."""

from domain.bpmn.execution import Turn
from domain.bpmn.graph import EventDefinition
from domain.bpmn.propagation import throw_escalation
from domain.bpmn.throwing import throw_event


def throw(turn: Turn, element_instance_id: int, definition: EventDefinition) -> None:
    """Throw to events that do not interrupt (contracts/engine.md 2.12), and go on."""
    throw_escalation(turn, element_instance_id, definition.escalation_code, interrupting=False)
    turn.complete(element_instance_id)


BEHAVIOUR = throw_event(throw)
