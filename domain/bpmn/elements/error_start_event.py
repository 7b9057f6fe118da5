"""Error start event: an error in the scope around it begins an event sub-process (BPMN 2.0, 10.5.2)."""

from domain.bpmn.catching import START

BEHAVIOUR = START
