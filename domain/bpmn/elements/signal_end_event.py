"""Signal end event: a signal goes to all that wait for it, then the token ends (BPMN 2.0, 10.5.3)."""

from domain.bpmn.throwing import SIGNAL

BEHAVIOUR = SIGNAL
