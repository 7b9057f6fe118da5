"""Script task: a worker runs the script; the engine itself evaluates none (BPMN 2.0, 10.3.3)."""

from domain.bpmn.work import WORK

BEHAVIOUR = WORK
