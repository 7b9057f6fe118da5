"""Error end event: the token ends with an error, for the nearest event that catches it (BPMN 2.0, 10.5.3)."""

from domain.bpmn.execution import Turn
from domain.bpmn.graph import EventDefinition
from domain.bpmn.propagation import throw_error
from domain.bpmn.throwing import throw_event


def throw(turn: Turn, element_instance_id: int, definition: EventDefinition) -> None:
    """End the token and throw; an error that nobody catches ends it like a none end event."""
    throw_error(turn, element_instance_id, definition.error_code, ends=True)


BEHAVIOUR = throw_event(throw)
