"""Service task: a worker calls a service (BPMN 2.0, 10.3.3)."""

from domain.bpmn.work import WORK

BEHAVIOUR = WORK
