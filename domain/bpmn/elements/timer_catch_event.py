"""Timer catch event: a token waits for a timer (BPMN 2.0, 13.5.1)."""

from domain.bpmn.catching import CATCH

BEHAVIOUR = CATCH
