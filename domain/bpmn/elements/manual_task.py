"""Manual task: done without the help of any engine (BPMN 2.0, 10.3.3), so the token goes on at once."""

from domain.bpmn.activity import PASSING

BEHAVIOUR = PASSING
