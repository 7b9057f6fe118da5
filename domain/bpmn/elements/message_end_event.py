"""Message end event: a worker sends the message, then the token ends (BPMN 2.0, 10.5.3)."""

from domain.bpmn.work import SENDING

BEHAVIOUR = SENDING
