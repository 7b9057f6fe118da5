"""Escalation end event: the token ends with an escalation (BPMN 2.0, 10.5.3)."""

from domain.bpmn.execution import Turn
from domain.bpmn.graph import EventDefinition
from domain.bpmn.propagation import throw_escalation
from domain.bpmn.throwing import throw_event


def throw(turn: Turn, element_instance_id: int, definition: EventDefinition) -> None:
    """End the token and throw to events that interrupt (contracts/engine.md 2.12)."""
    throw_escalation(turn, element_instance_id, definition.escalation_code, interrupting=True, ends=True)


BEHAVIOUR = throw_event(throw)
