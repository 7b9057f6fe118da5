"""Send task: a worker sends the message; the engine itself sends nothing (BPMN 2.0, 10.3.3)."""

from domain.bpmn.work import WORK

BEHAVIOUR = WORK
