"""Message boundary event: a message happens to an activity (BPMN 2.0, 13.5.3)."""

from domain.bpmn.boundary import BOUNDARY

BEHAVIOUR = BOUNDARY
