"""Message throw event: a worker sends the message (BPMN 2.0, 10.5.4)."""

from domain.bpmn.work import SENDING

BEHAVIOUR = SENDING
