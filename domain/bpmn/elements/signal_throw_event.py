"""Signal throw event: a signal goes to all that wait for it, then the token goes on (BPMN 2.0, 10.5.4)."""

from domain.bpmn.throwing import SIGNAL

BEHAVIOUR = SIGNAL
