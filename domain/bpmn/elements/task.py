"""Abstract task: stands for work that nobody told us how to do (BPMN 2.0, 10.3.3); the token goes on at once."""

from domain.bpmn.activity import PASSING

BEHAVIOUR = PASSING
