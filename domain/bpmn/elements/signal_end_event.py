"""Signal end event: a signal goes to all that wait for it, then the token ends (BPMN 2.0, 10.5.3)."""

from domain.bpmn.execution import Turn
from domain.bpmn.graph import EventDefinition
from domain.bpmn.throwing import throw_event


def throw(turn: Turn, element_instance_id: int, definition: EventDefinition) -> None:
    """Send the signal, without variables (contracts/engine.md 2.10)."""
    turn.around.send_signal(turn, definition.signal_name)
    turn.complete(element_instance_id)


BEHAVIOUR = throw_event(throw)
