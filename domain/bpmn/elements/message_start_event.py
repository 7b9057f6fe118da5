"""Message start event: a message begins an instance, or an event sub-process (BPMN 2.0, 10.5.2)."""

from domain.bpmn.catching import START

BEHAVIOUR = START
