"""Business rule task: a worker asks the rule engine (BPMN 2.0, 10.3.3)."""

from domain.bpmn.work import WORK

BEHAVIOUR = WORK
